"""What `replay` and `show --lineage` say of a log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small import TERMS, automaton, commits_in, encoded, objects_in, ran, rich, written

from automaton.cli import command_line


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of twelve ticks."""
    path = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    ran(path, 12, parallel=16, max_objects=50)
    return path


def invoke(*arguments: object) -> Result:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def rows(result: Result) -> list[dict[str, object]]:
    """The objects that it printed."""
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("tick", [0, 1, 7, 12])
def test_the_file_as_it_was_is_the_file_of_a_run_that_ended_there(
    log: Path, tmp_path: Path, tick: int
) -> None:
    out, shorter = tmp_path / "out.jsonl", written(tmp_path / "shorter.jsonl", rich())
    if tick:
        ran(shorter, tick, parallel=16, max_objects=50)
    assert invoke("replay", log, "--to", tick, "--out", out).exit_code == 0
    assert out.read_bytes() == shorter.read_bytes()


def test_a_run_goes_on_from_the_file_as_it_was(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    invoke("replay", log, "--to", 5, "--out", out)
    ran(out, 7)
    assert out.read_bytes() == log.read_bytes()


def test_no_file_is_overwritten(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    assert invoke("replay", log, "--to", 5, "--out", out).exit_code == 4
    assert out.read_text() == "mine"


@pytest.mark.parametrize("tick", [1, 5, 12])
def test_the_rounds_of_a_tick_are_those_that_the_log_records(log: Path, tick: int) -> None:
    rounds = rows(invoke("replay", log, "--tick", tick, "--json"))
    assert [row["round"] for row in rounds] == list(range(16))
    won = [row for row in rounds if row["winner"]]
    winners = [w for w in objects_in(log, "modification") if w["id"].startswith(f"m{tick}.")]
    assert [(w["id"], w["parents"], w["beta"], w["term"]) for w in winners] == [
        (row["winner"], row["parents"], row["steps"], row["term"]) for row in won
    ]
    outcomes = commits_in(log)[tick - 1]["outcomes"]
    assert {name: sum(r["outcome"] == name for r in rounds) for name in outcomes} == outcomes


def test_a_round_is_a_line_for_people(log: Path) -> None:
    lines = invoke("replay", log, "--tick", 3).stdout.splitlines()
    assert (lines[0][:6], lines[-2][:6], lines[-1][:5]) == ("before", "fired:", "after")
    lines = [line for line in lines if line.startswith("round ")]
    assert len(lines) == 16
    assert all("steps" in line and ("won as m3." in line or "no winner" in line) for line in lines)


def test_a_slot_whose_selector_matched_nothing_is_a_round_too(tmp_path: Path) -> None:
    machine = automaton("a", 0, term="λx.x", a="size > 1000")
    path = written(tmp_path / "log.jsonl", [machine, *TERMS])
    ran(path, 1, parallel=3)
    found = rows(invoke("replay", path, "--tick", 1, "--json"))
    assert [row["outcome"] for row in found] == ["empty"] * 3


@pytest.mark.parametrize(
    "arguments",
    [[], ["--to", 1], ["--out", "x"], ["--tick", 1, "--to", 1], ["--tick", 99], ["--tick", 0]],
)
def test_what_cannot_be_meant_is_refused(log: Path, arguments: list[object]) -> None:
    assert invoke("replay", log, *arguments).exit_code == 2


def test_a_log_that_does_not_verify_is_not_replayed(log: Path, tmp_path: Path) -> None:
    other, out = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    data = log.read_bytes()
    at = data.index(b"m3.")
    other.write_bytes(data[:at] + b"n" + data[at + 1 :])
    other.with_name("log.jsonl.genesis").write_bytes(
        log.with_name("log.jsonl.genesis").read_bytes()
    )
    result = invoke("replay", other, "--to", 5, "--out", out)
    assert result.exit_code == 1
    assert not out.exists()


def test_a_lineage_is_drawn_down_to_the_genesis(log: Path) -> None:
    last = objects_in(log, "modification")[-1]
    lines = invoke("show", log, last["id"], "--lineage").stdout.splitlines()
    assert lines[0].startswith(last["id"])
    assert lines[1].startswith(("├─ op: ", "└─ op: "))
    genesis = encoded(rich()).count(b"\n")
    leaves = [line for line in lines if "(above)" not in line]
    assert any(int(line.rpartition("line ")[2]) <= genesis for line in leaves)


def test_a_lineage_in_json_nests_operator_and_reactants(log: Path) -> None:
    last = objects_in(log, "modification")[-1]
    [root] = rows(invoke("show", log, last["id"], "--lineage", "--json"))
    parents = root["parents"]
    assert isinstance(parents, list)
    assert [(p["role"], p["id"]) for p in parents] == list(
        zip(("op", "a", "b"), last["parents"], strict=True)
    )


def test_each_version_in_a_lineage_is_followed_once(log: Path) -> None:
    last = objects_in(log, "modification")[-1]
    lines = invoke("show", log, last["id"], "--lineage").stdout.splitlines()
    followed = [line.split(": ")[-1] for line in lines[1:] if "(above)" not in line]
    made = [text for text in followed if text.startswith("m")]
    assert len(made) == len(set(made))
