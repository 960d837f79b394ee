"""The lines of a log's batches, by number and by id: in the file, or computed again.

Lives here: where a line of a batch stands, what is kept in memory of batches that the file
leaves out, and of where lines stand. Must not know: the genesis, commits, who computes again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from automaton.log.byte_source import ByteSource
from automaton.log.commit_table import CommitRow
from automaton.log.line_table import LineCounts, LineTable
from automaton.log.omission import read_kept

#: Bytes of batches that were computed again and are kept in memory for readers.
HELD = 64 << 20
#: Bytes of line counts that are kept, of the batches that were written or asked for last.
COUNTED = 4 << 20


class LineAccess:
    """Lines are told by their number in the log, batches by their row of the commit table.

    `separator`: 1 for a tick whose batch begins with a newline of its own, else 0.
    `computed`: the whole batch of a tick that the file leaves out.
    """

    def __init__(
        self,
        file: ByteSource,
        separator: Callable[[int], int],
        computed: Callable[[int], bytes],
    ) -> None:
        self._file, self._separator, self._computed = file, separator, computed
        self._held: dict[int, bytes] = {}  # by tick, in the order in which they came
        self._held_bytes = 0
        self._newlines: tuple[int, NDArray[np.int64]] = (0, np.zeros(0, np.int64))
        self._counts: dict[int, NDArray[np.int64]] = {}  # by tick, in the order of use
        self._counted_bytes = 0

    def batch(self, row: CommitRow) -> memoryview:
        """The bytes that the commit seals, a separating newline (tick 1) included."""
        if row.gap:
            held = self._held.get(row.tick)  # empty where a tick wrote nothing
            return memoryview(self._computed(row.tick) if held is None else held)
        return self._file.mapped(row.batch_start, row.commit_start)

    def hold(self, tick: int, batch: bytes) -> None:
        """Keep a batch that the file leaves out in memory, as long as there is room."""
        self._held_bytes += len(batch) - len(self._held.pop(tick, b""))
        self._held[tick] = batch
        while self._held_bytes > HELD and len(self._held) > 1:
            self._held_bytes -= len(self._held.pop(next(iter(self._held))))

    def keep_counts(self, tick: int, counts: NDArray[np.int64]) -> None:
        """Keep where a batch's lines stand, and forget it of others where it grows too much."""
        self._counted_bytes += counts.nbytes
        self._counts[tick] = counts
        while self._counted_bytes > COUNTED and len(self._counts) > 1:
            self._counted_bytes -= self._counts.pop(next(iter(self._counts))).nbytes

    def is_whole(self, row: CommitRow, number: int) -> bool:
        """Whether a line is one of a batch that the file has whole, or left out of the file."""
        if row.gap:
            return 0 <= self._omitted(row, number) < row.omitted
        return 0 <= number - row.first_line < row.lines

    def line(self, row: CommitRow, number: int) -> bytes:
        """A line of the whole batch, read from the file or computed again."""
        return self._table(row).line(number - row.first_line + self._separator(row.tick))

    def span(self, row: CommitRow, number: int) -> tuple[int, int]:
        """Where a line of a batch, or its commit, stands; of one left out: what stands for it."""
        k = number - row.first_line
        if k == row.lines:
            return row.commit_start, row.end - 1
        if not row.gap:
            begin, end = self._table(row).span(k + self._separator(row.tick))
            return row.batch_start + begin, row.batch_start + end
        ends = self._ends(row)
        if (after := self._omitted(row, number)) >= 0:
            k -= min(after, row.omitted - 1)  # the line that stands for those, or one behind it
        start = int(ends[k - 1]) + 1 if k else row.batch_start + self._separator(row.tick)
        return start, int(ends[k])

    def find_made(self, row: CommitRow, prefix: str, rest: str) -> tuple[int, bytes] | None:
        """The line that the tick gave the id `prefix + rest`, if there is one, and its number."""
        if row.gap and (line := self._find_kept(row, prefix + rest)):
            start, stop = self.span(row, line)
            return line, self._file.pread(stop - start, start)
        slot = int(rest.partition(".")[2])
        if rest != f"m{row.tick}.{slot}":  # we write no zeros before a number
            return None
        found = self._table(row).find(f'{{"id":"{prefix}m{row.tick}.'.encode(), slot)
        if found is None:
            return None
        return row.first_line + found[0] - self._separator(row.tick), found[1]

    def _find_kept(self, row: CommitRow, identity: str) -> int:
        """The line of an id among those made by actions, which are never left out; or 0."""
        kept = read_kept(self._file, row.batch_start, row.gap, row.commit_start)
        tail = b"\n" + kept.tail
        at = tail.find(f'\n{{"id":"{identity}"'.encode())
        return row.first_line + row.lines - tail.count(b"\n", at + 1) if at >= 0 else 0

    def _omitted(self, row: CommitRow, number: int) -> int:
        """Which of the lines that are left out it is, from 0; outside their number: none."""
        return number - row.first_line - int(np.searchsorted(self._ends(row), row.gap))

    def _table(self, row: CommitRow) -> LineTable:
        """The lines of a whole batch, counted once."""
        counts = self._counts.get(row.tick)
        if counts is None:
            counts = LineCounts().more(self.batch(row)).by_block()
            self.keep_counts(row.tick, counts)
        if row.gap:
            whole = self.batch(row)
            return LineTable(lambda start, stop: bytes(whole[start:stop]), counts)
        base, end = row.batch_start, row.commit_start

        def read(start: int, stop: int) -> bytes:
            return self._file.pread(min(end, base + stop) - base - start, base + start)

        return LineTable(read, counts)

    def _ends(self, row: CommitRow) -> NDArray[np.int64]:
        """Where the lines end that stand of a batch which leaves out its winners."""
        if self._newlines[0] != row.tick:
            raw = self._file.mapped(row.batch_start, row.commit_start)
            ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == 10)
            self._newlines = row.tick, ends[self._separator(row.tick) :] + row.batch_start
        return self._newlines[1]
