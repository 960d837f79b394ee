"""Commits checked without a parser, many ticks at a time: the answers are the parser's."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import write
from targets import FORMS, Array, Body, fenced, intact

from automaton.format.records import OUTCOMES, CommitFields, commit_line, parse_commit
from automaton.format.versions import FIRST, FORMATS, LARGEST, NEWEST, Format
from automaton.log import Log, integrity_windows
from automaton.log.commit_scanner import OtherLineFinder
from kernels.text import commit_lines, line_scan

PARTS = {form: integrity_windows.parts(form) for form in FORMATS.values()}
BATCH, CHAIN = bytes(range(32)), bytes(range(100, 132))
PLAIN = CommitFields(
    7,
    dict.fromkeys(OUTCOMES, 0) | {"normal": 64},
    -1,
    {
        "automaton": 'a"\\\n',
        "weights": [1, -2, []],
        "none": None,
        "ends": {"a": {}, "b": {"a": True}},
    },
    0xFF,
)
LINE = commit_line("ab", PLAIN, 3, 999, BATCH, CHAIN)[0]

#: JSON values that a state may hold.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
STATES = st.dictionaries(st.text(max_size=6), VALUES, max_size=6)


def read(
    line: bytes, form: Callable[[Body], Body] = FORMS["compiled"], version: Format = NEWEST
) -> tuple[int, Array, Array]:
    """What the kernel says of a line, the counts and the seals that it read."""
    data = fenced(len(line), np.uint8)
    data[:] = np.frombuffer(line, np.uint8)
    found, seals = fenced(3, np.int64), fenced(64, np.uint8)
    opened = fenced(commit_lines.LEVELS, np.int64)
    names = np.zeros((commit_lines.NAMES, 2), np.int64)
    said = form(commit_lines.read_commit)(
        data, 0, len(line), *PARTS[version], found, seals, opened, names
    )
    assert intact(data, found, seals, opened)
    return int(said), found, seals


def agrees(line: bytes, version: Format = NEWEST) -> int:
    """The kernel's answer, which never takes a line for a commit that the parser does not."""
    said, found, seals = read(line, version=version)
    commit = parse_commit(line) if line.endswith(b"\n") else None
    if said == commit_lines.IF_UTF8:
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            said = commit_lines.ASK
    if said != commit_lines.ASK:
        assert commit is not None
        assert found.tolist() == [commit.tick, commit.lines, commit.bytes]
        assert seals.tobytes() == commit.batch + commit.chain
    return said


@pytest.mark.parametrize("form", FORMS)
def test_a_commit_of_ours_is_known_for_one(form: str) -> None:
    said, found, seals = read(LINE, FORMS[form])
    assert said == commit_lines.SURE
    assert found.tolist() == [7, 3, 999]
    assert seals.tobytes()[:32] == BATCH


def test_other_letters_than_ascii_count_if_they_are_utf_8() -> None:
    assert agrees(LINE.replace(b'"none"', '"λ"'.encode())) == commit_lines.IF_UTF8
    assert agrees(LINE.replace(b'"none"', b'"\xff"')) == commit_lines.ASK


@given(STATES, st.integers(0, 10**18 - 1), st.sampled_from(["", "a", "commit", "z" * 32]))
def test_what_a_run_writes_needs_no_parser(state: dict[str, Any], tick: int, prefix: str) -> None:
    values = CommitFields(tick, PLAIN.outcomes, 3, state, 2**64 - 1)
    for version in FORMATS.values():
        line = commit_line(prefix, values, tick, 5, BATCH, CHAIN, version)[0]
        assert agrees(line, version) != commit_lines.ASK


def test_a_commit_of_another_format_is_for_the_parser() -> None:
    old = commit_line("ab", PLAIN, 3, 999, BATCH, CHAIN, FIRST)[0]
    assert agrees(old) == commit_lines.ASK
    assert parse_commit(old) is not None


@given(st.integers(0, len(LINE) - 1), st.binary(min_size=0, max_size=3), st.integers(0, 3))
def test_a_changed_line_is_a_commit_only_if_the_parser_says_so(
    at: int, other: bytes, without: int
) -> None:
    agrees(LINE[:at] + other + LINE[at + without :])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"normal":64', b'"normal":064'),
        (b'"dimensionalLevel":-1', b'"dimensionalLevel":-0'),
        (b'"weights":[1,-2,[]]', b'"weights":[1,-2,[],]'),
        (b'"weights":[1,-2,[]]', b'"weights":[1.0,-2,[]]'),
        (b'"weights":[1,-2,[]]', b'"weights":[1,-0,[]]'),
        (b'"weights":[1,-2,[]]', b'"weights":[1,-2,[]],"weights":1'),
        (b'"none":null', b'"none": null'),
        (b'"none":null', b'"none":nul'),
        (b'"none":null', b'"none":[null}'),
        (b'"none":null', b'"none"'),
        (b'{"a":true}', b'{"a":true,"a":1}'),
        (b'{"a":true}', b'{"a":tru\xc3\xa9}'),
        (b'{"a":true}', b"{a:1}"),
        (b"\\u000a", b"\\n"),
        (b"\\u000a", b"\\u000A"),
        (b"\\u000a", b"\\u0020"),
        (b"\\u000a", b"\n"),
        (b'\\"', b"\\/"),
        (b'"tick":7', b'"tick":8'),
        (b'"none":null', b'"none":' + b"[" * 16 + b"]" * 16),
    ],
)
def test_what_only_resembles_a_commit_is_not_sure(old: bytes, new: bytes) -> None:
    assert old in LINE
    assert agrees(LINE.replace(old, new, 1)) == commit_lines.ASK


def test_nesting_counts_as_it_does_for_the_parser() -> None:
    deepest = b'"none":' + b"[" * 15 + b"]" * 15
    assert agrees(LINE.replace(b'"none":null', deepest)) == commit_lines.SURE


def test_more_names_than_the_table_holds_are_for_the_parser() -> None:
    many = {f"n{k}": k for k in range(commit_lines.NAMES + 1)}
    line = commit_line("", CommitFields(1, PLAIN.outcomes, 0, many, 0), 0, 0, BATCH, CHAIN)[0]
    assert agrees(line) == commit_lines.ASK
    assert parse_commit(line) is not None


# -- many ticks at a time ----------------------------------------------------


@pytest.mark.parametrize("room", [1, 700, 1 << 20])
def test_the_size_of_a_window_changes_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(integrity_windows, "WINDOW", room)
    path = tmp_path / "log.jsonl"
    whole = write(path, 9, genesis=b'{"id":"a"}')
    with Log.open(path, write=False) as log:
        assert log.verify_chain().ok
        assert log.verify_chain().bytes == len(whole)
        for tick in (1, 5, 9):
            row = log.commits.row(tick)
            for at in (row.batch_start, row.commit_start - 1, row.commit_start + 60, row.end - 9):
                changed = bytearray(whole)
                changed[at] ^= 1
                path.write_bytes(changed)
                bad = log.verify_chain().first_bad
                assert bad is not None
                assert bad.tick == tick
        path.write_bytes(whole)
        assert log.verify_chain(from_tick=4).ok


def test_checking_the_chain_takes_as_much_memory_as_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(integrity_windows, "WINDOW", 1 << 20)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"id":"a"}\n')
    winners = b"".join(b'{"id":"m1.%d","term":"%s"}\n' % (k, b"x" * 200) for k in range(80_000))
    with Log.open(path, write=True, durability="off") as log:
        log.append([log.run_record({"seed": 1}), winners], 80_001, replace(PLAIN, tick=1))
        for tick in range(2, 2000):
            log.append([], 0, replace(PLAIN, tick=tick))
        log.verify_chain()
        tracemalloc.start()
        try:
            assert log.verify_chain().ok
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert log.size > 16 * integrity_windows.WINDOW
    assert peak < 3 * integrity_windows.WINDOW


# -- lines told apart, counted and compared ----------------------------------

WINNER = re.compile(rb'\{"id":"am[0-9]+\.[0-9]+"')
BEGINNINGS = st.sampled_from(
    [b'{"id":"am1.2"', b'{"id":"am1.', b'{"id":"am.2"', b'{"id":"a', b'{"id":"am12.345","x":', b""]
)
LINES = st.lists(
    st.tuples(BEGINNINGS, st.binary(max_size=90)).map(
        lambda pair: (pair[0] + pair[1]).replace(b"\n", b"") + b"\n"
    ),
    max_size=30,
)


@given(LINES)
def test_lines_that_do_not_begin_as_winners_do_are_found(lines: list[bytes]) -> None:
    data = np.frombuffer(bytearray(b"".join(lines) + bytes(64)), np.uint8)
    finder = OtherLineFinder("a")
    found = list(finder.among(data, len(data) - 64))
    others = [k for k, line in enumerate(lines) if not WINNER.match(line)]
    assert [number for number, _, _ in found] == others
    assert [data[start:end].tobytes() + b"\n" for _, start, end in found] == [
        lines[k] for k in others
    ]
    if lines:
        assert finder.lines == len(lines)


@pytest.mark.parametrize("form", FORMS)
def test_other_lines_are_handed_over_in_parts(form: str) -> None:
    data = np.frombuffer(bytearray(b"x\n" * 5 + bytes(64)), np.uint8)
    found = np.zeros((2, 3), np.int64)
    head = np.frombuffer(b"m", np.uint8)
    assert FORMS[form](line_scan.other_lines)(data, 0, 10, 0, head, found) == (4, 2, 2)
    assert found.tolist() == [[0, 0, 1], [1, 2, 3]]


@given(st.binary(max_size=300), st.binary(max_size=3))
def test_newlines_are_counted(data: bytes, more: bytes) -> None:
    counted = data * 2 + more
    array = np.frombuffer(counted, np.uint8)
    count = FORMS["compiled"](line_scan.count_newlines)(array, 0, len(array))
    assert count == counted.count(b"\n")


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.booleans())
def test_the_first_difference_is_found_or_the_shorter_end(
    at: int, size: int, differs: bool
) -> None:
    due, found = np.zeros(10_000, np.uint8), np.zeros(size, np.uint8)
    if differs and at < size:
        found[at:] = 1
    expected = at if differs and at < size else size
    assert FORMS["compiled"](line_scan.first_difference)(due, found) == expected
