"""Where two logs part: the first tick, line and byte, and what differs there.

Reads two opened logs, batch by batch, and stops at the first difference. Winner lines
that a log leaves out are taken as read where its commit seals the other's bytes; else the
log has to compute them (`automaton.replay.omitted_batches`). Must not know: which log is
right, the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from automaton.digests.batch_digest import batch_digest
from automaton.format.records import Commit, known_commit, parse_run, won
from automaton.log import LogReader

NEWLINE = 10
#: Bytes that are compared at a time.
_BLOCK = 1 << 24
#: Bytes of the two lines that are told, from a little before the first that differs.
_TOLD, _BEFORE = 160, 40

#: What is said of a line that differs, by what it is in both logs.
_WHY = {
    "genesis": "the files differ before their first commit",
    "run": "the run records differ",
    "input": "different input was accepted",
    "winner": "another modification was appended",
    "action": "an action made another line",
    "commit": "the batches are equal and their commits are not",
}


class Place(NamedTuple):
    """Where a line begins: its tick, its number from 1, its first byte from 0."""

    tick: int
    line: int
    byte: int


@dataclass(frozen=True)
class UnequalMember:
    """A member of the two lines that differs; None where a line has it not."""

    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class LogDifference:
    """The first place in which two logs differ.

    `line` counts from 1 and `byte` from 0, in the whole log: lines that a file leaves out
    count. `column` is the byte within the line, from 0. `a` and `b` are the two lines,
    cut; None where a log has ended.
    """

    tick: int  # 0: the genesis
    line: int
    byte: int
    column: int
    kind: str  # a key of _WHY, "kinds" where the lines are two, "end" where a log has ended
    why: str
    a: str | None
    b: str | None
    members: tuple[UnequalMember, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The difference for programs."""
        return asdict(self)


def compare_logs(
    a: LogReader, b: LogReader, progress: Callable[[int], object] = lambda _: None
) -> LogDifference | None:
    """The first difference of two logs, None where there is none.

    `progress` is told each tick that was found equal.
    """
    if found := _in_genesis(a, b):
        return found
    for tick in range(1, min(len(a.commits), len(b.commits)) + 1):
        if not _tick_is_equal(a, b, tick):
            return _in_tick(a, b, tick)
        progress(tick)
    return _at_the_end(a, b)


def _in_genesis(a: LogReader, b: LogReader) -> LogDifference | None:
    with a.genesis_bytes() as one, b.genesis_bytes() as other:
        at = _first_unequal(one, other)
        if at == len(one) == len(other):
            return None
        ends = np.flatnonzero(np.frombuffer(one, np.uint8, at) == NEWLINE)
        begin = int(ends[-1]) + 1 if len(ends) else 0
        lines = [_line_from(raw, begin) for raw in (one, other)]
    place = Place(0, len(ends) + 1, begin)
    if None not in lines:
        return _difference(place, "genesis", _WHY["genesis"], *lines)
    shorter = "A" if lines[0] is None else "B"
    return _difference(place, "end", f"{_WHY['genesis']}: that of {shorter} is shorter", *lines)


def _line_from(raw: memoryview, begin: int) -> bytes | None:
    """The line that begins there, with its newline if it has one; None at the end."""
    size = _TOLD
    while b"\n" not in (line := bytes(raw[begin : begin + size])) and begin + size < len(raw):
        size *= 4
    return line[: line.find(b"\n") + 1 or None] or None


def _tick_is_equal(a: LogReader, b: LogReader, tick: int) -> bool:
    """Whether batch and commit have the same bytes; nothing is computed for the answer."""
    if a.commit_line(tick) != b.commit_line(tick):
        return False
    if a.omits(tick) and b.omits(tick):
        return a.kept(tick) == b.kept(tick)
    if a.omits(tick) or b.omits(tick):
        whole = b if a.omits(tick) else a
        with whole.batch(tick) as raw:
            return batch_digest(whole.format, [raw]) == a.commit(tick).batch
    with a.batch(tick) as one, b.batch(tick) as other:
        return len(one) == len(other) == _first_unequal(one, other)


def _in_tick(a: LogReader, b: LogReader, tick: int) -> LogDifference:
    """The first line of a tick that differs."""
    row = a.commits.row(tick)
    offset = row.batch_start + a.commits.more_until(tick - 1)
    ends = tuple(log.commit_line(tick) for log in (a, b))
    both = [bytes(log.batch(tick)) + end for log, end in zip((a, b), ends, strict=True)]
    if tick == 1 and both[0][:1] == both[1][:1] == b"\n":
        both = [raw[1:] for raw in both]  # it ends the genesis
        offset += 1
    lines = [raw.splitlines(keepends=True) for raw in both]
    kinds = [_kinds(log, tick, rows) for log, rows in zip((a, b), lines, strict=True)]
    k = next(k for k, pair in enumerate(zip(*lines, strict=False)) if pair[0] != pair[1])
    place = Place(tick, row.first_line + k, offset + sum(map(len, lines[0][:k])))
    first, second = (of[k] for of in kinds)
    if first == second:
        return _difference(place, first, _WHY[first], lines[0][k], lines[1][k])
    why = f"A has {_named(first)} here, B {_named(second)}"
    return _difference(place, "kinds", why, lines[0][k], lines[1][k])


def _kinds(log: LogReader, tick: int, lines: list[bytes]) -> list[str]:
    """What each line of a tick is, its commit last: by their numbers, which the commits count."""
    run = int(parse_run(lines[0]) is not None)
    commit = known_commit(log.commit_line(tick))
    before = known_commit(log.commit_line(tick - 1)) if tick > 1 else None
    accepted = _accepted(commit) - _accepted(before)
    winners = won(commit) if commit else 0
    made = len(lines) - 1 - run - accepted - winners
    kinds = ["run"] * run + ["input"] * accepted + ["winner"] * winners + ["action"] * made
    return [*kinds[: len(lines) - 1], "commit"]


def _accepted(commit: Commit | None) -> int:
    """Lines of input that were accepted until then."""
    counters = commit.state.get("counters") if commit else None
    count = counters.get("accepted", 0) if isinstance(counters, Mapping) else 0
    return int(count)


def _named(kind: str) -> str:
    return {
        "run": "a run record", "input": "accepted input", "winner": "a modification",
        "action": "a line of an action", "commit": "the commit",
    }[kind]  # fmt: skip


def _at_the_end(a: LogReader, b: LogReader) -> LogDifference | None:
    """Whether one log goes on where the other has ended."""
    ticks = len(a.commits), len(b.commits)
    if ticks[0] == ticks[1]:
        return None
    last, more, name = min(ticks), max(ticks) - min(ticks), "A" if ticks[0] < ticks[1] else "B"
    longer = a if ticks[0] > ticks[1] else b
    row = longer.commits.row(last + 1)
    why = f"{name} ends after tick {last}; the other has {more} more, and is equal so far"
    line = longer.line(row.first_line) + b"\n"
    place = Place(last + 1, row.first_line, row.batch_start + longer.commits.more_until(last))
    lines = (line, None) if longer is a else (None, line)
    return _difference(place, "end", why, *lines)


def _difference(
    place: Place, kind: str, why: str, a: bytes | None, b: bytes | None
) -> LogDifference:
    """The difference of two lines: which byte, which members."""
    column = _first_unequal(a, b) if a is not None and b is not None else 0
    members = tuple(_members(a, b))
    if members and kind == "run":
        why = f"{why}: {', '.join(member.name for member in members)}"
    elif kind == "winner" and members:
        same = {"parents", "id"}.isdisjoint(member.name for member in members)
        why += ": of the same reactants" if same else ": other reactants were drawn"
    one, other = (None if raw is None else _told(raw, column) for raw in (a, b))
    return LogDifference(
        place.tick, place.line, place.byte + column, column, kind, why, one, other, members
    )


def _first_unequal(a: bytes | memoryview, b: bytes | memoryview) -> int:
    """The first byte that differs, or the length of the shorter."""
    size = min(len(a), len(b))
    for at in range(0, size, _BLOCK):
        count = min(_BLOCK, size - at)
        one, other = (np.frombuffer(raw, np.uint8, count, at) for raw in (a, b))
        unequal = np.flatnonzero(one != other)
        if len(unequal):
            return at + int(unequal[0])
    return size


def _told(raw: bytes, column: int) -> str:
    """A line, or a part of it around the byte that differs."""
    begin = max(0, column - _BEFORE) if len(raw) > _TOLD else 0
    text = raw[begin : begin + _TOLD].decode("utf-8", "replace").rstrip("\n")
    return ("…" if begin else "") + text + ("…" if begin + _TOLD < len(raw) else "")


def _members(a: bytes | None, b: bytes | None, inside: str = "") -> Iterator[UnequalMember]:
    """Members that differ, by their path (`options.seed`)."""
    objects = [_object(raw) for raw in (a, b)]
    if None not in objects:
        yield from _unequal(objects[0], objects[1], inside)


def _unequal(a: Any, b: Any, inside: str) -> Iterator[UnequalMember]:
    for name in dict.fromkeys([*a, *b]):
        one, other = a.get(name), b.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _unequal(one, other, f"{inside}{name}.")
        elif one != other or (name in a) != (name in b):
            yield UnequalMember(inside + name, one, other)


def _object(raw: bytes | None) -> dict[str, Any] | None:
    try:
        value = json.loads(raw or b"")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
