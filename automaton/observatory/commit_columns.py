"""What the commits of a log count, as columns: one row a tick, read from the end backwards.

Lives here: the columns, how they grow at both ends, sums over divisions of the ticks.
Reads an opened log. Must not know: what is shown of it, the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.log import AuditedLog
from automaton.observatory.json_text import read

#: Columns that appear on the way (a rule's vetoes, a stream's wins); more are not kept.
MOST_NAMED = 64
OUTCOMES = ("normal", "copy", "steps", "size", "depth", "input", "empty")


class Division(NamedTuple):
    """Ticks in equal parts: the last tick of each, and the sum of a column over it."""

    last: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64]  # [parts, columns]


class CommitColumns:
    """The ticks `first` to `last` are known; `first` goes down to 1 as time allows."""

    def __init__(self) -> None:
        self.first, self.last = 1, 0
        self.automata: dict[str, int] = {}  # ids and their numbers in the column `automaton`
        self._column: dict[str, npt.NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def whole(self) -> bool:
        """Whether all ticks are known."""
        return self.first == 1

    def begin(self, log: AuditedLog, window: int) -> None:
        """Take in the last ticks of a log, so many."""
        self.last = len(log.commits)
        self.first = self.last + 1
        self.reach_back(log, window)

    def grow(self, log: AuditedLog) -> None:
        """Take in the ticks that were added at the end."""
        for tick in range(self.last + 1, len(log.commits) + 1):
            self._take(log, tick)
            self.last = tick

    def reach_back(self, log: AuditedLog, count: int) -> None:
        """Take in so many ticks before the first that is known."""
        for tick in range(self.first - 1, max(0, self.first - 1 - count), -1):
            self._take(log, tick)
            self.first = tick

    def _take(self, log: AuditedLog, tick: int) -> None:
        for name, value in _numbers(read(log.commit_line(tick)), self.automata):
            column = self._column.get(name)
            if column is None or len(column) < tick:
                if column is None and len(self._column) >= MOST_NAMED + len(OUTCOMES):
                    continue
                column = self._room(name, column, tick)
            column[tick - 1] = value

    def _room(
        self, name: str, column: npt.NDArray[np.int64] | None, tick: int
    ) -> npt.NDArray[np.int64]:
        """A column with room for a tick, twice what it had."""
        old = np.zeros(0, np.int64) if column is None else column
        new = np.zeros(max(1024, 2 * len(old), tick + tick // 4), np.int64)
        new[: len(old)] = old
        self._column[name] = new
        return new

    def names(self, prefix: str) -> list[str]:
        """The columns whose names begin so, without that beginning."""
        return [name.removeprefix(prefix) for name in self._column if name.startswith(prefix)]

    def column(self, name: str) -> npt.NDArray[np.int64]:
        """A column over the known ticks; zeros where no commit had it."""
        column = self._column.get(name)
        if column is None:
            return np.zeros(len(self), np.int64)
        short = self.last - len(column)
        column = column if short <= 0 else np.concatenate([column, np.zeros(short, np.int64)])
        return column[self.first - 1 : self.last]

    def added(self, name: str) -> npt.NDArray[np.int64]:
        """What each tick added to a column that counts since the first; of the first known 0."""
        column = self.column(name)
        before = column[:1] if not self.whole else np.zeros(min(1, len(column)), np.int64)
        return np.diff(column, prepend=before)

    def divided(self, parts: int, columns: list[npt.NDArray[np.int64]]) -> Division:
        """Sums of columns over at most so many equal parts of the known ticks."""
        count = len(self)
        if not count:
            return Division(np.zeros(0, np.int64), np.zeros((0, len(columns)), np.int64))
        width = -(-count // parts)
        starts = np.arange(0, count, width)
        sums = np.add.reduceat(np.stack(columns, axis=1), starts, axis=0)
        ends = np.minimum(starts + width, count)
        return Division(self.first - 1 + ends, sums)


def _numbers(commit: dict[str, Any], automata: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Name and value of all that a commit counts."""
    state = commit["state"]
    yield from commit["outcomes"].items()
    yield "dimension", commit.get("dimensionalLevel", commit.get("dimension", 0))
    yield "salience", _whole(state.get("salience"))
    yield "automaton", automata.setdefault(str(state.get("automaton") or ""), len(automata))
    counters = state.get("counters")
    for name, value in counters.items() if isinstance(counters, Mapping) else ():
        if name == "actions" and isinstance(value, Mapping):
            yield from ((f"action {action}", _whole(count)) for action, count in value.items())
        else:
            yield name, _whole(value)
    weights = state.get("weights")
    for number, weight in enumerate(weights if isinstance(weights, list) else ()):
        yield f"weight {number}", _whole(weight)
    ends = state.get("ends") or {}
    for what in ("won", "vetoed") if ends else ():
        for name, value in ends[what].items():
            yield f"{what} {name}", _whole(value)


def _whole(value: object) -> int:
    """A number that fits into a column; 0 for what is none."""
    return value if type(value) is int and abs(value) < 1 << 63 else 0
