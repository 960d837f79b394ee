"""What of a log is exported: ticks, streams, dimensions, and which of the parents count.

Pure but for the log that it is held against. Must not know: formats.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from automaton.errors import UsageError, closest
from automaton.export.columns import Table
from automaton.format.records import parse_run
from automaton.format.stream_options import parse_streams
from automaton.log import LogReader
from automaton.terms.arrays import Truth

#: What the parents of a winner are to it, in the order of its line.
ROLES = ("operator", "a", "b")


@dataclass(frozen=True)
class Selection:
    """The part of a log that is meant; empty collections: all."""

    first: int = 1  # tick
    last: int | None = None  # tick; None: the last of the log
    streams: frozenset[str] = frozenset()
    dimensions: frozenset[int] = frozenset()
    roles: tuple[str, ...] = ROLES

    def of(self, log: LogReader) -> Selection:
        """This selection with its last tick; raises `UsageError` for what the log has not."""
        there = len(log.commits)
        last = there if self.last is None else self.last
        if last > there or (self.first > there and there) or self.first > last + 1:
            raise UsageError(
                f"{log.path}: there are no ticks {self.first} to {last}; it has 1 to {there}"
            )
        known = stream_names(log)
        for name in sorted(self.streams - set(known)):
            ever = f"those of its runs are {', '.join(known)}" if known else "none compete in it"
            raise UsageError(f"{log.path}: no stream `{name}`{closest(name, known)}; {ever}")
        return replace(self, last=last)

    @property
    def stop(self) -> int:
        """The last tick, once the selection is held against a log."""
        assert self.last is not None
        return self.last

    @property
    def filters(self) -> bool:
        """Whether winners of a tick are told apart."""
        return bool(self.streams or self.dimensions)

    def chosen(self, table: Table, names: tuple[str, ...]) -> Truth:
        """Which rows are meant, by `dimension`, and `stream` as a place in `names`."""
        levels, streams = table["dimension"].values, table["stream"].values
        found: Truth = np.ones(len(levels), dtype=np.bool_)
        if self.dimensions:
            found &= np.isin(levels, sorted(self.dimensions))
        if self.streams:
            found &= np.isin(streams, [names.index(name) for name in sorted(self.streams)])
        return found


def stream_names(log: LogReader) -> tuple[str, ...]:
    """The streams of all runs of a log, in the order in which they came up."""
    found: dict[str, None] = {}
    for line in log.run_lines:
        run = parse_run(log.line(line))
        text = run.options.get("streams") if run else None
        if isinstance(text, str):
            found.update(dict.fromkeys(stream.name for stream in parse_streams(text)))
    return tuple(found)


def listed(values: Collection[object]) -> str:
    """Values in words."""
    return ", ".join(str(value) for value in sorted(values, key=str))
