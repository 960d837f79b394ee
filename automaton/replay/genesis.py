"""The objects of a genesis, in order, and what could not be read of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automaton.format import objects
from automaton.format.objects import NamedObject
from automaton.log import LogReader

#: Malformed lines of a genesis that are named one by one; more are counted.
NAMED_MALFORMED = 5


@dataclass
class MalformedLines:
    """Lines of the genesis that are skipped: the first few, and how many there are."""

    first: list[tuple[int, str]] = field(default_factory=list)
    count: int = 0

    def add(self, number: int, reason: str) -> None:
        """Note a line."""
        self.count += 1
        if len(self.first) < NAMED_MALFORMED:
            self.first.append((number, reason))


_END: tuple[int | None, bool] = (None, False)


def genesis_objects(log: LogReader, malformed: MalformedLines) -> Iterator[NamedObject]:
    """The genesis' objects in their current versions, in order of first appearance.

    Those without id that have no member `term`, `text` or `type` are left out: they
    carry no terms and define nothing.
    """
    lines = np.union1d(log.index.first_lines(), log.malformed_lines())
    nameless = np.isin(lines, log.nameless_lines(), assume_unique=True)
    wanted = iter(zip(lines.tolist(), nameless.tolist(), strict=True))
    due, skipped = next(wanted, _END)
    for number, raw in log.genesis_lines():
        if due is None or number > log.genesis_line_count:
            return
        if number < due:
            continue
        idle = skipped and b'"t' not in raw and b"\\" not in raw
        due, skipped = next(wanted, _END)
        found = None if idle else _current(log, number, raw, malformed)
        if found is not None:
            yield found


def _current(
    log: LogReader, number: int, raw: bytes, malformed: MalformedLines
) -> NamedObject | None:
    """The object that first appears on this line, as the genesis leaves it."""
    first = _members(number, raw, malformed)
    identity = _filed_under(raw) if first is None else log.reading.identity(first)
    if identity is None:
        return None if first is None else NamedObject(f"line:{number}", first)
    versions = [n for n in log.index.lines_of(identity) if n <= log.genesis_line_count]
    if versions[:1] != [number]:
        return None
    for version in reversed(versions[1:]):
        later = _members(version, log.line(version), malformed)
        if later is not None:
            return NamedObject(identity, later)
    return None if first is None else NamedObject(identity, first)


def _members(number: int, raw: bytes, malformed: MalformedLines) -> dict[str, Any] | None:
    """The object on a line; what is none for a reason is noted."""
    parsed = objects.parse_line(raw)
    if isinstance(parsed, objects.MalformedInput):
        malformed.add(number, parsed.reason)
    return parsed.members if isinstance(parsed, objects.Object) else None


def _filed_under(raw: bytes) -> str | None:
    """The id under which the index may keep a malformed line: it begins like an object's."""
    parts = raw.split(b'"', 4)
    begins = len(parts) == 5 and parts[1] == b"id"
    return parts[3].decode("utf-8", "replace") if begins else None
