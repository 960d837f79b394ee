"""What the commits of a log count, as columns of a bounded number of rows.

A row covers one tick, and where there are more than `ROWS` of them two, four, eight ...,
so that memory and the making of a panel cost the same for a log of any length. Lives
here: the columns, how they grow at both ends, sums over divisions of the ticks. Reads an
opened log. Must not know: what is shown of it, the clock, files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.log import AuditedLog
from automaton.observatory.json_text import read

#: Rows of a column; panels draw at most 240 points.
ROWS = 4096
#: Columns that appear on the way (a rule's vetoes, an action); more are not kept.
MOST_NAMED = 64
OUTCOMES = ("normal", "copy", "steps", "size", "depth", "input", "empty")

TickCounts = npt.NDArray[np.int64]


class Division(NamedTuple):
    """Known ticks in equal parts: the last tick of each, its ticks, and sums of columns over it."""

    last: TickCounts
    ticks: TickCounts
    sums: TickCounts  # [parts, columns]


class CommitColumns:
    """The ticks `first` to `last` are known; `first` goes down to 1 as time allows."""

    def __init__(self) -> None:
        self.first, self.last, self.width = 1, 0, 1
        self.tried = 0  # candidates of the ticks that were added at the end
        self.automata: dict[str, int] = {}  # ids and their numbers in the column `automaton`
        self.dwelt: Counter[str] = Counter()  # known ticks that ended in an automaton
        self._ticks = np.zeros(ROWS, np.int64)  # known ones by row
        self._sum: dict[str, TickCounts] = {}  # what the ticks of a row added
        self._end: dict[str, TickCounts] = {}  # what stood after the last known tick of a row
        self._edge: dict[str, int] = {}  # counters after the first known tick
        self._top: dict[str, int] = {}  # and after the last

    def __len__(self) -> int:
        return self.last - self.first + 1

    @property
    def whole(self) -> bool:
        """Whether all ticks are known."""
        return self.first == 1

    # Growth at both ends.

    def begin(self, log: AuditedLog, window: int) -> None:
        """Take in the last ticks of a log, so many."""
        self.last = len(log.commits)
        self.first = self.last + 1
        self.reach_back(log, window)

    def grow(self, log: AuditedLog) -> None:
        """Take in the ticks that were added at the end."""
        for tick in range(self.last + 1, len(log.commits) + 1):
            commit, row = read(log.commit_line(tick)), self._row(tick)
            counted = _counters(commit)
            self._enter(row, commit)
            self._add_differences(row, self._top, counted)
            self._keep_ends(row, commit)
            self.tried += sum(commit["outcomes"].values())
            self.last, self._top = tick, counted
            if tick == self.first:
                self._edge = counted

    def reach_back(self, log: AuditedLog, count: int) -> None:
        """Take in so many ticks before the first that is known."""
        for tick in range(self.first - 1, max(0, self.first - 1 - count), -1):
            commit, row = read(log.commit_line(tick)), self._row(tick)
            counted = _counters(commit)
            fresh = not self._ticks[row]
            self._enter(row, commit)
            if tick < self.last:
                self._add_differences(self._row(tick + 1), counted, self._edge)
            else:
                self._top = counted
            if tick == 1:
                self._add_differences(row, {}, counted)
            if fresh:
                self._keep_ends(row, commit)
            self.first, self._edge = tick, counted

    def _row(self, tick: int) -> int:
        """The row of a tick; where there is none, rows are joined two by two."""
        while (row := (tick - 1) // self.width) >= ROWS:
            self._widen()
        return row

    def _widen(self) -> None:
        late = self._ticks[1::2] > 0
        self._ticks = _folded(self._ticks)
        self._sum = {name: _folded(column) for name, column in self._sum.items()}
        for name, column in self._end.items():
            halved = np.zeros(ROWS, np.int64)
            halved[: ROWS // 2] = np.where(late, column[1::2], column[::2])
            self._end[name] = halved
        self.width *= 2

    def _enter(self, row: int, commit: dict[str, Any]) -> None:
        """Count what a commit says of its own tick."""
        self._ticks[row] += 1
        for name, value in commit["outcomes"].items():
            self._add(name, row, value)
        level = commit.get("dimensionalLevel", commit.get("dimension", 0))
        self._add(f"in {level}", row, 1)
        state = commit["state"]
        self.dwelt[str(state.get("automaton") or "")] += 1
        vetoed = (state.get("ends") or state).get("vetoed")  # of streams, of a soup in order
        for name, value in (vetoed or {}).items():
            self._add(f"vetoed {name}", row, _whole(value))

    def _keep_ends(self, row: int, commit: dict[str, Any]) -> None:
        """Keep what stands after a tick that is the last known of its row."""
        state = commit["state"]
        name = str(state.get("automaton") or "")
        self._put("automaton", row, self.automata.setdefault(name, len(self.automata)))
        weights = state.get("weights")
        for number, weight in enumerate(weights if isinstance(weights, list) else ()):
            self._put(f"weight {number}", row, _whole(weight))

    def _add_differences(self, row: int, before: dict[str, int], after: dict[str, int]) -> None:
        for name, value in after.items():
            if added := value - before.get(name, 0):
                self._add(name, row, added)

    def _add(self, name: str, row: int, value: int) -> None:
        column = self._of(self._sum, name)
        if column is not None:
            column[row] += value

    def _put(self, name: str, row: int, value: int) -> None:
        column = self._of(self._end, name)
        if column is not None:
            column[row] = value

    def _of(self, table: dict[str, TickCounts], name: str) -> TickCounts | None:
        """A column, a new one where there is room for it."""
        if name not in table and len(table) < MOST_NAMED + len(OUTCOMES):
            table[name] = np.zeros(ROWS, np.int64)
        return table.get(name)

    # Joined with what was kept of earlier.

    def join(self, older: CommitColumns) -> None:
        """Take in columns whose last tick is the one before the first that is known here."""
        while older.width != self.width:
            (older if older.width < self.width else self)._widen()  # noqa: SLF001 - of this class
        if len(self):
            self._add_differences(self._row(self.first), older._top, self._edge)
        else:
            self.last, self._top = older.last, older._top
        numbers = [self.automata.setdefault(name, len(self.automata)) for name in older.automata]
        for name, column in older._end.items():
            moved = np.array(numbers, np.int64)[column] if name == "automaton" else column
            known = self._end.get(name, np.zeros(ROWS, np.int64))
            self._end[name] = np.where(self._ticks > 0, known, moved)
        for name, column in older._sum.items():
            if (own := self._of(self._sum, name)) is not None:
                own += column
        self._ticks += older._ticks
        self.dwelt.update(older.dwelt)
        self.first, self._edge = older.first, older._edge

    def kept(self) -> tuple[dict[str, Any], dict[str, TickCounts]]:
        """All of it as values and columns, for `of`."""
        facts = {
            "first": self.first, "last": self.last, "width": self.width,
            "automata": list(self.automata), "dwelt": dict(self.dwelt),
            "edge": self._edge, "top": self._top,
        }  # fmt: skip
        columns = {f"sum {name}": column for name, column in self._sum.items()}
        columns |= {f"end {name}": column for name, column in self._end.items()}
        return facts, {**columns, "ticks": self._ticks}

    @classmethod
    def of(cls, facts: dict[str, Any], columns: dict[str, TickCounts]) -> CommitColumns:
        """Columns as they were kept."""
        made = cls()
        made.first, made.last, made.width = facts["first"], facts["last"], facts["width"]
        made.automata = {name: number for number, name in enumerate(facts["automata"])}
        made.dwelt = Counter(facts["dwelt"])
        made._edge, made._top = facts["edge"], facts["top"]
        made._ticks = columns["ticks"]
        for name, column in columns.items():
            kind, _, what = name.partition(" ")
            if kind in {"sum", "end"}:
                (made._sum if kind == "sum" else made._end)[what] = column
        return made

    # What panels ask.

    def names(self, prefix: str) -> list[str]:
        """The sums whose names begin so, without that beginning."""
        return [name.removeprefix(prefix) for name in self._sum if name.startswith(prefix)]

    def total(self, name: str) -> int:
        """The sum of a column over the known ticks."""
        return int(self._sum[name].sum()) if name in self._sum else 0

    def divided(self, parts: int, names: list[str]) -> Division:
        """Sums of columns over at most so many equal parts of the known ticks."""
        if not len(self):
            nothing = np.zeros(0, np.int64)
            return Division(nothing, nothing, np.zeros((0, len(names)), np.int64))
        begin, starts, ends = self._parts(parts)
        none = np.zeros(ROWS, np.int64)
        columns = [self._ticks, *(self._sum.get(name, none) for name in names)]
        known = np.stack([column[begin : ends[-1]] for column in columns], axis=1)
        sums = np.add.reduceat(known, starts - begin, axis=0)
        return Division(np.minimum(ends * self.width, self.last), sums[:, 0], sums[:, 1:])

    def at_ends(self, parts: int, name: str) -> TickCounts:
        """What stood after the last tick of each part, of a column that `divided` has not."""
        if not len(self) or name not in self._end:
            return np.zeros(0, np.int64)
        return self._end[name][self._parts(parts)[2] - 1]

    def _parts(self, parts: int) -> tuple[int, TickCounts, TickCounts]:
        """The first row, and where each of at most so many parts begins and ends."""
        begin, end = (self.first - 1) // self.width, (self.last - 1) // self.width + 1
        starts = np.arange(begin, end, -(-(end - begin) // parts))
        return begin, starts, np.append(starts[1:], end)


def _folded(column: TickCounts) -> TickCounts:
    """A column whose rows are joined two by two."""
    halved = np.zeros(ROWS, np.int64)
    halved[: ROWS // 2] = column[::2] + column[1::2]
    return halved


def _counters(commit: dict[str, Any]) -> dict[str, int]:
    """What a commit has counted since the first tick, actions one by one."""
    counters = commit["state"].get("counters")
    found: dict[str, int] = {}
    for name, value in counters.items() if isinstance(counters, Mapping) else ():
        if name == "actions" and isinstance(value, Mapping):
            found |= {f"action {action}": _whole(count) for action, count in value.items()}
        else:
            found[name] = _whole(value)
    return found


def _whole(value: object) -> int:
    """A number that fits into a column; 0 for what is none."""
    return value if type(value) is int and abs(value) < 1 << 63 else 0
