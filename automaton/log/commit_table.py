"""The table of a log's commits: where each batch begins and ends, and what it counts."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class CommitRow(NamedTuple):
    """Where one tick's lines stand; lines are counted from 1 over the whole file."""

    tick: int
    batch_start: int
    commit_start: int
    end: int
    first_line: int
    lines: int  # of the whole batch
    gap: int = 0  # byte of the line that stands for winner lines; 0: all stand in the file
    omitted: int = 0  # lines that it stands for
    more: int = 0  # bytes by which the whole batch is longer than what stands of it


class CommitTable:
    """The table of commits: tick t is row t - 1. 64 bytes a commit."""

    COLUMNS = 8

    def __init__(self) -> None:
        self._cells = np.zeros((64, self.COLUMNS), np.int64)
        self._count = 0
        self.genesis_lines = 0
        self.more = 0  # bytes by which all batches together are longer than their file
        self.omitting = 0  # batches that leave something out of it

    @classmethod
    def of(cls, cells: NDArray[np.int64]) -> CommitTable:
        """The table of these rows (see `cells`)."""
        commits = cls()
        commits._cells, commits._count = cells, len(cells)
        commits.more = int(cells[:, 7].sum())
        commits.omitting = int(np.count_nonzero(cells[:, 5]))
        return commits

    def cells(self) -> NDArray[np.int64]:
        """The rows: batch, commit and end in bytes, first line after the genesis, lines.

        Then the last three of `Row`.
        """
        return self._cells[: self._count]

    def __len__(self) -> int:
        return self._count

    def append(  # noqa: PLR0913, PLR0917 - a row
        self, batch_start: int, commit_start: int, end: int, first: int, count: int,
        gap: int = 0, omitted: int = 0, more: int = 0,
    ) -> None:  # fmt: skip
        """`first` counts lines from 0 after the genesis."""
        if self._count == len(self._cells):
            self._cells = np.concatenate([self._cells, np.zeros_like(self._cells)])
        places = batch_start, commit_start, end
        self._cells[self._count] = *places, first, count, gap, omitted, more
        self._count += 1
        self.more += more
        self.omitting += gap > 0

    def row(self, tick: int) -> CommitRow:
        """Where one tick stands."""
        if not 1 <= tick <= self._count:
            raise IndexError(f"there is no commit of tick {tick}; the last is {self._count}")
        start, commit, end, first, *rest = self._cells[tick - 1].tolist()
        return CommitRow(tick, start, commit, end, first + self.genesis_lines + 1, *rest)

    def tick_of_line(self, line: int) -> int:
        """The tick whose batch or commit holds this line; 0 is the genesis."""
        after = line - self.genesis_lines - 1
        first = self._cells[:, 3].item  # of few rows: a search in the column would copy it
        return bisect_right(range(self._count), after, key=first)

    def more_until(self, tick: int) -> int:
        """`more` of the batches up to a tick."""
        return int(self._cells[:tick, 7].sum())

    @property
    def tick(self) -> NDArray[np.int64]:
        """Ticks, from 1."""
        return np.arange(1, self._count + 1)

    @property
    def batch_start(self) -> NDArray[np.int64]:
        """Byte at which each batch begins, a separating newline included."""
        return self._cells[: self._count, 0]

    @property
    def commit_start(self) -> NDArray[np.int64]:
        """Byte at which each commit's line begins."""
        return self._cells[: self._count, 1]

    @property
    def end(self) -> NDArray[np.int64]:
        """Byte after each commit's newline."""
        return self._cells[: self._count, 2]

    @property
    def first_line(self) -> NDArray[np.int64]:
        """Number of each batch's first line."""
        return self._cells[: self._count, 3] + (self.genesis_lines + 1)

    @property
    def lines(self) -> NDArray[np.int64]:
        """Lines of each batch, its commit not counted."""
        return self._cells[: self._count, 4]

    @property
    def gap(self) -> NDArray[np.int64]:
        """Byte of each batch's line that stands for its winners; 0 where they stand there."""
        return self._cells[: self._count, 5]


class NamedLine(NamedTuple):
    """A line of a batch that is neither winner nor record; `line` from 0 after the genesis."""

    line: int
    offset: int
    id: str | None
