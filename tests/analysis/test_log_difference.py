"""Where two logs part is named by tick, line and byte, with what differs there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from automaton.run import Run

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "automaton.jsonl").read_bytes()


def log(path: Path, ticks: int = 6, genesis: bytes = SHIPPED, **options: Any) -> Path:
    """A log with some ticks."""
    path.write_bytes(genesis)
    record = options.pop("record", None)
    with Run(path, {"parallel": 16, **options}, durability="off", record=record) as run:
        run.go(ticks=ticks, interval_ms=0)
    return path


def diff(a: Path, b: Path, *words: str) -> tuple[int, str, str]:
    """Exit code and both outputs of the command."""
    done = subprocess.run(
        [sys.executable, "-m", "automaton", "diff", str(a), str(b), *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def parted(a: Path, b: Path) -> dict[str, Any]:
    """The difference of two logs, and that its byte is the first that differs in the files."""
    code, said, heard = diff(a, b, "--json")
    assert code == 15, heard
    found: dict[str, Any] = json.loads(said)
    assert found["equal"] is False
    return found


def first_unequal(a: bytes, b: bytes) -> int:
    """The slow way."""
    pairs = zip(a, b, strict=False)
    return next((k for k, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))


def held(found: dict[str, Any], a: Path, b: Path) -> None:
    """Line, byte and column are those of the files."""
    raw = a.read_bytes()
    assert found["byte"] == first_unequal(raw, b.read_bytes())
    assert found["line"] == raw.count(b"\n", 0, found["byte"]) + 1
    assert found["column"] == found["byte"] - (raw.rfind(b"\n", 0, found["byte"]) + 1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six ticks of the shipped log."""
    return log(tmp_path_factory.mktemp("whole") / "a.jsonl")


def test_equal_logs_are_said_to_be_equal_with_their_head(whole: Path, tmp_path: Path) -> None:
    other = log(tmp_path / "b.jsonl")
    code, said, heard = diff(whole, other)
    assert (code, heard) == (0, "")
    head = json.loads(whole.read_bytes().splitlines()[-1])["chain"]
    assert said == f"equal: 6 ticks, head {head}\n"
    assert json.loads(diff(whole, other, "--json")[1]) == {"equal": True, "ticks": 6, "head": head}


def test_another_seed_is_an_option_of_the_first_tick(whole: Path, tmp_path: Path) -> None:
    other = log(tmp_path / "b.jsonl", seed=5)
    found = parted(whole, other)
    held(found, whole, other)
    assert (found["tick"], found["kind"]) == (1, "run")
    assert found["members"] == [{"name": "options.seed", "a": "0", "b": "5"}]
    assert found["why"] == "the run records differ: options.seed"


def test_an_option_that_changed_later_is_a_run_record_that_only_one_has(
    whole: Path, tmp_path: Path
) -> None:
    other = log(tmp_path / "b.jsonl", ticks=3)
    with Run(other, {"parallel": 17}, durability="off") as run:
        run.go(ticks=3, interval_ms=0)
    found = parted(other, whole)
    held(found, other, whole)
    assert (found["tick"], found["kind"]) == (4, "kinds")
    assert found["why"] == "A has a run record here, B a modification"


def test_another_genesis_is_named_by_its_line(whole: Path, tmp_path: Path) -> None:
    lines = SHIPPED.splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"id":"', b'"id":"other-', 1)
    other = log(tmp_path / "b.jsonl", genesis=b"".join(lines))
    found = parted(whole, other)
    held(found, whole, other)
    assert (found["tick"], found["line"], found["kind"]) == (0, 5, "genesis")
    assert [member["name"] for member in found["members"]] == ["id"]


def test_input_that_one_accepted_is_said_to_be_input(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.jsonl"
    other.write_bytes(SHIPPED)
    with Run(other, {"parallel": 16}, durability="off") as run:
        run.go(ticks=2, interval_ms=0)
        run.step([b'{"id":"mine","type":"text","text":"one"}\n'])
        run.go(ticks=1, interval_ms=0)
    found = parted(other, whole)
    held(found, other, whole)
    assert found["tick"] == 3
    assert found["why"] == "A has accepted input here, B a modification"
    third = tmp_path / "c.jsonl"
    third.write_bytes(SHIPPED)
    with Run(third, {"parallel": 16}, durability="off") as run:
        run.go(ticks=2, interval_ms=0)
        run.step([b'{"id":"mine","type":"text","text":"two"}\n'])
    found = parted(other, third)
    held(found, other, third)
    assert found["why"] == "different input was accepted"
    assert found["members"] == [{"name": "text", "a": "one", "b": "two"}]


def test_a_log_that_goes_on_parts_where_the_other_ends(whole: Path, tmp_path: Path) -> None:
    shorter = log(tmp_path / "b.jsonl", ticks=4)
    found = parted(shorter, whole)
    assert (found["tick"], found["kind"]) == (5, "end")
    assert found["byte"] == len(shorter.read_bytes())
    assert found["line"] == shorter.read_bytes().count(b"\n") + 1
    assert found["why"] == "A ends after tick 4; the other has 2 more, and is equal so far"
    assert found["a"] is None
    assert found["b"].startswith('{"id":"m5.')


def test_a_tampered_byte_is_found_though_all_commits_are_equal(whole: Path, tmp_path: Path) -> None:
    other = log(tmp_path / "b.jsonl")
    raw = bytearray(other.read_bytes())
    at = raw.index(b'"beta":', raw.index(b'{"id":"m2.')) + len(b'"beta":')
    raw[at] ^= 1
    other.write_bytes(raw)
    found = parted(whole, other)
    held(found, whole, other)
    assert (found["tick"], found["byte"], found["kind"]) == (2, at, "winner")
    assert found["why"] == "another modification was appended: of the same reactants"
    assert [member["name"] for member in found["members"]] == ["beta"]


def test_a_log_without_its_winners_is_equal_to_the_whole_one(whole: Path, tmp_path: Path) -> None:
    other = log(tmp_path / "b.jsonl", record="commits")
    assert len(other.read_bytes()) < len(whole.read_bytes())
    assert diff(whole, other)[0] == 0
    assert diff(other, whole)[0] == 0
    assert diff(other, log(tmp_path / "c.jsonl", record="commits"))[0] == 0


def test_lines_that_are_left_out_are_computed_where_the_logs_part(
    whole: Path, tmp_path: Path
) -> None:
    other = tmp_path / "b.jsonl"
    other.write_bytes(SHIPPED)
    with Run(other, {"parallel": 16}, durability="off", record="commits") as run:
        run.go(ticks=3, interval_ms=0)
    with Run(other, {"parallel": 15}, durability="off") as run:
        run.go(ticks=3, interval_ms=0)
    found = parted(whole, other)
    assert (found["tick"], found["kind"]) == (4, "kinds")
    raw = whole.read_bytes()
    assert raw[found["byte"] - found["column"] :].startswith(b'{"id":"m4.')
    assert found["line"] == raw.count(b"\n", 0, found["byte"]) + 1


def test_what_is_told_to_people_names_place_reason_and_both_lines(
    whole: Path, tmp_path: Path
) -> None:
    other = log(tmp_path / "b.jsonl", seed=5)
    code, said, heard = diff(whole, other)
    assert (code, heard) == (15, "")
    head, why, a, b, member = said.splitlines()
    assert head.startswith("they part in tick 1: line ")
    assert why == "  why  the run records differ: options.seed"
    assert a.startswith("  A    ")
    assert b.startswith("  B    ")
    assert member == '  options.seed: "0" in A, "5" in B'


def test_a_missing_log_is_an_error_as_everywhere(whole: Path, tmp_path: Path) -> None:
    code, said, heard = diff(whole, tmp_path / "nowhere.jsonl")
    assert (code, said) == (4, "")
    assert heard.startswith("error: ")
    assert heard.count("\n") == 1


def test_a_genesis_that_only_begins_alike_is_shorter(whole: Path, tmp_path: Path) -> None:
    lines = SHIPPED.splitlines(keepends=True)
    shorter, bare = tmp_path / "b.jsonl", tmp_path / "c.jsonl"
    shorter.write_bytes(b"".join(lines[:-1]))
    found = parted(shorter, whole)
    held(found, shorter, whole)
    assert (found["tick"], found["line"], found["kind"]) == (0, len(lines), "end")
    assert found["why"].endswith("that of A is shorter")
    bare.write_bytes(b"".join(lines[:-1]).rstrip(b"\n"))
    found = parted(shorter, bare)
    assert (found["tick"], found["kind"]) == (0, "genesis")
    assert found["byte"] == len(bare.read_bytes())
