"""What a batch claims that nobody can compute again: read from its bytes, to be held to rules.

That is a run record, accepted input, and the answers of the disk (`fact` lines).
Values in, values out; must not know: how a tick is computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from automaton.format import versions
from automaton.format.admission import admit
from automaton.format.ids import is_our_id
from automaton.format.machine_state import MachineState
from automaton.format.records import Commit, RunRecord, dump, parse_run
from automaton.format.versions import FORMATS, Format

_ID = re.compile(rb'\{"id":"[a-z]*m[0-9]+\.[0-9]+",')


def _behind_id(form: Format, *, holds: bool) -> bytes:
    """What a fact's line holds behind its id, its newline included."""
    kind, said = versions.fact(form, "file_exists", holds=holds)
    return dump({"type": kind, **said})[1:] + b"\n"


_FACTS = {
    form: {holds: _behind_id(form, holds=holds) for holds in (True, False)}
    for form in FORMATS.values()
}


@dataclass(frozen=True)
class BatchClaim:
    """What stands in the log for a tick, and what of it has to be believed."""

    raw: memoryview  # the batch, up to its commit; where it leaves out winners, up to them
    run: RunRecord | None
    input: list[bytes]
    state: MachineState | None  # after the tick, where its commit can be read


def claim(
    tick: int, raw: memoryview, commit: Commit | None, before: MachineState, prefix: str
) -> BatchClaim:
    """Read it from a batch that follows the state `before`."""
    lines = _lines(raw[separator(tick, raw) :])
    first = next(lines, b"")
    run = parse_run(first)
    state = None if commit is None else MachineState.of(commit.state, commit.tick)
    room = len(raw)
    if state is not None:
        room = state.counters["accepted"] - before.counters["accepted"]
    taken: list[bytes] = []
    for line in lines if run else chain([first], lines):
        if len(taken) >= room or admit([line], prefix, is_our_id, taken_before=True)[1] != [line]:
            break
        taken.append(line)
    return BatchClaim(raw, run, taken, state)


def separator(tick: int, raw: memoryview) -> int:
    """The first batch begins with a newline where the genesis does not end in one."""
    return int(tick == 1 and bytes(raw[:1]) == b"\n")


def facts(raw: memoryview, form: Format) -> Iterator[bool]:
    """The answers of the disk in the lines that stand right here."""
    at = 0
    while (head := _ID.match(raw, at)) is not None:
        for holds, line in _FACTS[form].items():
            if raw[head.end() : head.end() + len(line)] == line:
                yield holds
                at = head.end() + len(line)
                break
        else:
            return


def _lines(raw: memoryview) -> Iterator[bytes]:
    """The lines with their newlines, one by one; the last may lack it."""
    at = 0
    while at < len(raw):
        size = 4096
        while (end := bytes(raw[at : at + size]).find(b"\n")) < 0 and at + size < len(raw):
            size *= 4
        line = bytes(raw[at : at + end + 1] if end >= 0 else raw[at:])
        yield line
        at += len(line)
