"""The objects of a log as they stood after a tick: each once, in its current version.

Lines of records and winners are none of them. Reads an opened log. Must not know:
what objects mean, populations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from automaton.format.ids import is_our_id
from automaton.format.objects import Object, parse_line
from automaton.log import LogReader


class CurrentObject(NamedTuple):
    """An object in its current version, or a line that is none."""

    name: str  # its id; `line:<n>` where it has none
    raw: bytes
    members: dict[str, Any] | None  # None: a directive, or a line that does not parse


def current_objects(log: LogReader, tick: int) -> Iterator[CurrentObject]:
    """Everybody's objects after a tick, in order of first appearance."""
    seen: set[str] = set()
    before = line_after(log, tick)
    for number, raw in _lines(log, before):
        parsed = parse_line(raw)
        members = parsed.members if isinstance(parsed, Object) else None
        name = None if members is None else log.reading.identity(members)
        if name is None:
            if raw.strip():
                yield CurrentObject(f"line:{number}", raw, members)
        elif name not in seen:
            seen.add(name)
            yield _version_before(log, name, before) or CurrentObject(name, raw, members)


def line_after(log: LogReader, tick: int) -> int:
    """The number of the first line behind a tick's commit; 0 is the genesis."""
    if not tick:
        return log.genesis_line_count + 1
    row = log.commits.row(tick)
    return row.first_line + row.lines + 1


def _version_before(log: LogReader, name: str, before: int) -> CurrentObject | None:
    """The version of an object that was current before a line."""
    for number in reversed([number for number in log.find(name) if number < before]):
        raw = log.line(number)
        parsed = parse_line(raw)
        if isinstance(parsed, Object):
            return CurrentObject(name, raw, parsed.members)
    return None


def _lines(log: LogReader, before: int) -> Iterator[tuple[int, bytes]]:
    """The lines of the genesis, and those that batches hold beside records and winners."""
    yield from log.genesis_lines()
    for number, _, name in log.named_lines():
        ours = name is not None and is_our_id(name, log.prefix)
        if log.genesis_line_count < number < before and not ours:
            yield number, log.line(number)
