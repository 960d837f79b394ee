"""Batches whose beginning was hashed while the rest was made: the same log, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import GENESIS, batch, fields
from small import rich, written

from automaton.digests.batch_digest import batch_digest
from automaton.format.versions import FIRST, NEWEST
from automaton.log import Log
from automaton.log import prefix_hash as beginning
from automaton.log.commit_scanner import named_in
from automaton.log.line_table import LineCounts
from automaton.log.prefix_hash import NO_PREFIX, HashedPrefix, worth_hashing_ahead
from automaton.run import Run, runner

LINES = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"") + b"\n"))


def test_a_run_that_hashes_ahead_writes_the_bytes_of_one_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = []
    for name, least in (("ahead", 0), ("after", 1 << 60)):
        monkeypatch.setattr(beginning, "WORTH", least)
        logs.append(written(tmp_path / name, rich()))
        with Run(logs[-1], {"parallel": 50}, durability="off") as run:
            run.go(ticks=12, interval_ms=0)
            assert run.log.verify_chain().ok
    assert logs[0].read_bytes() == logs[1].read_bytes()


def test_only_what_is_worth_a_thread_is_hashed_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def noted(parts: list[memoryview]) -> bool:
        asked.append(worth_hashing_ahead(parts))
        return asked[-1]

    monkeypatch.setattr(runner, "worth_hashing_ahead", noted)
    with Run(written(tmp_path / "log", rich()), {"parallel": 50}, durability="off") as run:
        run.go(ticks=2, interval_ms=0)
    assert asked == [False, False]
    assert worth_hashing_ahead([bytes(beginning.WORTH)])


@given(before=LINES, after=LINES)
def test_lines_and_offsets_are_those_of_a_batch_that_is_looked_at_whole(
    before: list[bytes], after: list[bytes]
) -> None:
    parts = [b"".join(before), *after]
    begun = HashedPrefix.of(parts[:1])
    told = [(None, number) for number in range(len(before), len(before) + len(after))]
    first = [(None, 0)] if before else []
    for ids in (told, first):
        ahead, whole = named_in(parts, "", ids, begun), named_in(parts, "", ids)
        assert ahead[0] == whole[0]
        assert ahead[1].by_block().tolist() == whole[1].by_block().tolist()


@given(LINES)
def test_lines_are_counted_in_pieces(lines: list[bytes]) -> None:
    data = b"".join(lines) * 40
    assert LineCounts().more(data).lines == data.count(b"\n")
    first = HashedPrefix.of([data], FIRST)
    assert first.digest.digest() == hashlib.sha256(data).digest()
    assert HashedPrefix.of([data]).digest.digest() == batch_digest(NEWEST, [data])


def test_a_part_that_ends_within_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="whole line"):
        LineCounts().more(b"one\ntwo")


def test_a_batch_that_begins_with_something_else_is_hashed_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "log.jsonl", tmp_path / "other.jsonl"
    for name, wrong in ((path, False), (other, True)):
        name.write_bytes(GENESIS)
        with Log.open(name, write=True, durability="off") as log:
            for tick in (1, 2):
                parts = batch(log, tick)
                begun = HashedPrefix.of([bytearray(parts[0])]) if wrong else NO_PREFIX
                log.append(parts, b"".join(parts).count(b"\n"), fields(tick), begun=begun)
    assert path.read_bytes() == other.read_bytes()
