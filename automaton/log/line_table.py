"""Where the lines of a batch stand: newlines counted by block, so that few bytes are read.

Lives here: the counts, the k-th line of a batch, the line of an id of ours. Must not
know: files and ticks; what a line says but the id that it begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automaton.log.file_io import Buffer
from kernels import cpu
from kernels.text import line_scan

#: Bytes of a block: what is read to find a line in it.
BLOCK = 4096
_DIGITS = 24  # bytes that hold a slot and its quote


@dataclass(frozen=True)
class LineCounts:
    """Newlines of the parts that a batch begins with: in all, and up to the end of each block."""

    bytes: int = 0
    lines: int = 0
    pieces: tuple[NDArray[np.int64], ...] = ()

    def more(self, part: Buffer) -> LineCounts:
        """The counts with one part more; raises ValueError where its last line is not whole."""
        data = np.frombuffer(part, np.uint8)
        if len(data) and data[-1] != ord("\n"):
            raise ValueError("a part of the batch does not end with a whole line")
        ends = np.empty(len(data) // BLOCK + 2, np.int64)
        lines, count = cpu.compiled(line_scan.count_blocks)(
            data, self.bytes, self.lines, BLOCK, ends
        )
        return LineCounts(self.bytes + len(data), int(lines), (*self.pieces, ends[:count]))

    def by_block(self) -> NDArray[np.int64]:
        """Newlines up to the end of each block, the last of which may not be full."""
        return np.concatenate([*self.pieces, np.array([self.lines], np.int64)])


@dataclass(frozen=True)
class LineTable:
    """The lines of a batch, whose bytes somebody reads: read(from, to) gives them.

    Lines are numbered from 0 by the newlines before them, so that where a batch begins
    with a newline of its own, its first line has the number 1.
    """

    read: Callable[[int, int], bytes]
    counts: NDArray[np.int64]  # `LineCounts.by_block`

    def span(self, number: int) -> tuple[int, int]:
        """Where a line begins, and where its newline stands."""
        return self._newline(number - 1) + 1 if number else 0, self._newline(number)

    def line(self, number: int) -> bytes:
        """A line without its newline."""
        return self.read(*self.span(number))

    def find(self, head: bytes, slot: int) -> int | None:
        """The number of the line that begins with `head`, the slot and a quote.

        Such lines stand in the order of their slots; others may stand among them.
        """
        low, high = 0, len(self.counts)  # the last block that begins at or before the slot
        while low < high:
            middle = (low + high) // 2
            at, number, first = self._first_from(middle, high, head)
            if first == slot:
                return number
            if first is None or first > slot:
                high = middle
            else:
                low = at + 1
        found = (number for number, own in self._slots(low - 1, head) if own == slot)
        return next(found, None) if low else None

    def _first_from(self, block: int, stop: int, head: bytes) -> tuple[int, int, int | None]:
        """The first block of a range in which a line of ours begins, its number and slot."""
        for at in range(block, stop):
            for number, slot in self._slots(at, head):
                return at, number, slot
        return stop, 0, None

    def _slots(self, block: int, head: bytes) -> Iterator[tuple[int, int]]:
        """Number and slot of the lines of ours that begin in a block."""
        begin, stop = block * BLOCK, (block + 1) * BLOCK
        first = max(0, begin - 1)
        raw = self.read(first, stop + len(head) + _DIGITS)
        number = int(self.counts[block - 1]) + int(raw[:1] != b"\n") if block else 0
        at = (raw.find(b"\n") + 1 or len(raw)) if block else 0
        while at < len(raw) and first + at < stop:
            if raw.startswith(head, at):
                digits = raw[at + len(head) : at + len(head) + _DIGITS].partition(b'"')[0]
                if digits.isdigit():
                    yield number, int(digits)
            at = raw.find(b"\n", at) + 1 or len(raw)
            number += 1

    def _newline(self, number: int) -> int:
        """Where a newline stands, numbered from 0."""
        block = int(np.searchsorted(self.counts, number, side="right"))
        left = number - (int(self.counts[block - 1]) if block else 0)
        raw = self.read(block * BLOCK, (block + 1) * BLOCK)
        at = raw.find(b"\n")
        for _ in range(left):
            at = raw.find(b"\n", at + 1)
        return block * BLOCK + at
