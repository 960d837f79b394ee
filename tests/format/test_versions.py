"""Formats of the log: the old one goes on as it was, and in the new one a name has one type."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from small import automaton, encoded, objects_in, ran, rich, term, transition, versions_in, written

from automaton.errors import DamagedError
from automaton.format.records import OUTCOMES, CommitFields
from automaton.format.versions import FIRST, LARGEST, NEWEST, portable
from automaton.log import AuditedLog, Log
from automaton.run import Run
from automaton.verify import VerifyRequest, verify

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus" / "format-1.jsonl"
SEED = 2**64 - 1
#: A log of 18 ticks as format 1 had it, with every record; what it is after some more of them.
FIRST_GOES_ON: list[tuple[int, dict[str, Any], str]] = [
    (12, {}, "f91e10948812f8c8472951e0b32605b625ce9a689510135ea95cfc35d545c089"),
    (6, {"seed": SEED - 1}, "efd8df4ff3a1319b4fcb0dc4b26c72d21b1332798e4b076bc9cc7ec3445904c9"),
    (4, {"streams": "all"}, "8020babf9febe54975048743be1ea58867c93a8a4d86a61f5aa212a4f82c69c3"),
]
#: The same genesis, input and options in format 2.
NEWEST_GOLDEN = "68e08a7278d8e05a8960f6ea0075235a43c8177bba83248da7944b2aad096434"
#: Records that the log has, by type; the rest of its lines are somebody's objects.
RECORDS = {
    "run", "modification", "omitted", "fact", "validation", "observation", "richness",
    "composition", "commit",
}  # fmt: skip


def verified(path: Path) -> bool:
    """Whether every commit is what computing it again gives."""
    with AuditedLog.open(path) as log:
        return verify(log, VerifyRequest(workers=1)).exit_code == 0


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of format 2 that holds every record, with the largest seed and with streams."""
    path = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
    path.with_name("log.jsonl.inbox").write_bytes(encoded([term("given", "λx.λy.y x")]))
    ran(path, 30, parallel=2, max_size=40, seed=SEED)
    ran(path, 4, streams="all")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    """All objects of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


# Format 1.


def test_a_log_of_format_1_is_true_and_goes_on_in_it(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    shutil.copyfile(CORPUS, path)
    assert verified(path)
    for ticks, given, digest in FIRST_GOES_ON:
        ran(path, ticks, **given)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert verified(path)
    assert [run["format"] for run in objects_in(path, "run")] == [1, 1, 1]


def test_a_log_of_format_1_is_the_same_however_its_ticks_are_divided(tmp_path: Path) -> None:
    path, whole = tmp_path / "log.jsonl", tmp_path / "whole.jsonl"
    shutil.copyfile(CORPUS, path)
    with Log.open(path, write=False) as opened:
        assert opened.format is FIRST
        assert opened.verify_chain(1).ok
    shutil.copyfile(CORPUS, whole)
    ran(whole, 12)
    ran(path, 5)
    ran(path, 7)
    assert path.read_bytes() == whole.read_bytes()


def test_a_run_record_of_another_format_does_not_belong_to_a_log(log: Path, tmp_path: Path) -> None:
    data = log.read_bytes()
    at = data.index(b'"id":"run:2","format":2') + len(b'"id":"run:2","format":')
    path = tmp_path / "log.jsonl"
    path.write_bytes(data[:at] + b"1" + data[at + 1 :])
    with pytest.raises(DamagedError):
        Log.open(path, write=False)


# Format 2.


def test_a_new_log_has_format_2_and_is_true(log: Path) -> None:
    assert [run["format"] for run in objects_in(log, "run")] == [2, 2]
    assert verified(log)
    assert hashlib.sha256(log.read_bytes()).hexdigest() == NEWEST_GOLDEN


def members(value: object, at: str) -> Iterator[tuple[str, object]]:
    """Every member below a value by its path, as readers of tables see it."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield f"{at}.{name}", item
            yield from members(item, f"{at}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield f"{at}[]", item
            yield from members(item, f"{at}[]")


def types(rows: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The types of every member, null aside."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for at, value in members(row, ""):
            if value is not None:
                found[at].add(type(value).__name__)
    return found


@pytest.fixture(scope="module")
def records(log: Path) -> list[dict[str, Any]]:
    """One of every record that is written, and more."""
    slim = log.with_name("slim.jsonl")
    slim.write_bytes(encoded([automaton("a"), transition("t", "a", "a"), term("K", "λλ1")]))
    ran_commits(slim)
    rows = [*lines(log), *lines(slim)]
    found = [row for row in rows if row.get("type") in RECORDS]
    assert {row["type"] for row in found} == RECORDS
    return found


def ran_commits(path: Path) -> None:
    """Two ticks, of which no winner is written."""
    with Run(path, {"parallel": 2}, durability="off", record="commits") as run:
        run.go(ticks=2, interval_ms=0)


def test_no_member_of_a_record_has_two_types(records: list[dict[str, Any]]) -> None:
    two = {at: kinds for at, kinds in types(records).items() if len(kinds) > 1}
    assert not two


def test_no_member_of_a_record_has_another_type_than_objects_of_others_have(
    records: list[dict[str, Any]], shared_data: Path
) -> None:
    """The shipped log, and real files of other authors."""
    real = [*shared_data.glob("*.jsonl"), *shared_data.rglob("*.canvasl")]
    own, clashes = types(records), dict[str, str]()
    for path in [ROOT / "automaton.jsonl", *real]:
        for line in path.read_bytes().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict) and row.get("type") not in RECORDS:
                theirs = types([row])
                clashes |= {at: path.name for at in own.keys() & theirs if own[at] != theirs[at]}
    assert not clashes


def test_rare_records_have_the_names_that_winners_have(records: list[dict[str, Any]]) -> None:
    known = {name for row in records if row["type"] == "modification" for name in row}
    for row in records:
        if row["type"] in {"fact", "validation", "observation", "richness", "composition"}:
            assert row.keys() <= known


def test_no_number_in_a_record_is_rounded_by_readers_that_keep_floats(log: Path) -> None:
    for path in log.parent.iterdir():
        if path.name.startswith(log.name) and path.suffix in {".jsonl", ".genesis", ".durable"}:
            for row in lines(path):
                for at, value in members(row, ""):
                    if isinstance(value, int):
                        assert abs(value) <= LARGEST, at
    assert {run["options"]["seed"] for run in objects_in(log, "run")} == {str(SEED)}


def test_a_seed_stands_as_a_text_and_goes_on(log: Path, tmp_path: Path) -> None:
    whole = written(tmp_path / "log.jsonl", rich())
    whole.with_name("log.jsonl.inbox").write_bytes(encoded([term("given", "λx.λy.y x")]))
    for ticks in (7, 23):
        ran(whole, ticks, parallel=2, max_size=40, seed=SEED)
    ran(whole, 4, streams="all")
    assert whole.read_bytes() == log.read_bytes()
    assert versions_in(whole, "run:1")[0]["options"]["seed"] == str(SEED)


@pytest.mark.parametrize("value", [LARGEST + 1, -LARGEST - 1])
def test_a_number_that_others_would_round_is_not_written(tmp_path: Path, value: int) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"{}\n")
    fields = CommitFields(1, dict.fromkeys(OUTCOMES, 0), 0, {"salience": [value]}, 0)
    with Log.open(path, write=True) as opened:
        with pytest.raises(ValueError, match="too large"):
            opened.run_record({"x": value})
        with pytest.raises(ValueError, match="too large"):
            opened.append([opened.run_record({})], 1, fields)
    assert path.read_bytes() == b"{}\n"


def test_a_number_for_any_json_is_a_text_only_where_it_must_be() -> None:
    assert [portable(n) for n in (0, LARGEST, LARGEST + 1)] == [0, LARGEST, str(LARGEST + 1)]
    assert NEWEST.largest == LARGEST
