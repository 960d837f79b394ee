"""Where the lines of a batch stand: newlines counted by block, so that few bytes are read.

Lives here: the counts, the k-th line of a batch, the line of an id of ours. Must not
know: files and ticks; what a line says but the id that it begins with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automaton.log.file_io import Buffer
from kernels import cpu
from kernels.text import line_scan

#: Bytes of a block: what is read to find a line in it.
BLOCK = 4096
#: Blocks that are looked through from one end to the other.
FEW = 8
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
        low, before = self._block(number - 1) if number else (0, -1)
        raw = self.read(low * BLOCK, (self._block(number)[0] + 1) * BLOCK)
        start = _nth(raw, before) + 1 if number else 0
        return raw[start : raw.index(b"\n", start)]

    def find(self, head: bytes, slot: int) -> tuple[int, bytes] | None:
        """The line that begins with `head`, the slot and a quote: its number, and its bytes.

        Such lines stand in the order of their slots; others may stand among them.
        """
        start = b"\n" + head
        low, high = 0, len(self.counts)  # it begins in one of these blocks
        while high - low > FEW:
            middle = (low + high) // 2
            at, first = self._first_from(middle, high, start)
            if first is None or first > slot:
                high = middle
            else:
                low = at
        wanted = start + b'%d"' % slot
        begin = max(0, low * BLOCK - 1)
        raw = self.read(begin, high * BLOCK + len(wanted))
        if not low and raw.startswith(wanted[1:]):
            return 0, self.line(0)
        found = raw.find(wanted)
        if found < 0:
            return None
        before = int(self.counts[low - 1]) if low else 0
        number = before + raw.count(b"\n", bool(low), found + 1)
        end = raw.find(b"\n", found + 1)
        return number, raw[found + 1 : end] if end >= 0 else self.line(number)

    def _first_from(self, block: int, stop: int, start: bytes) -> tuple[int, int | None]:
        """The first block of a range in which a line of ours begins, and its slot."""
        for at in range(block, stop):
            raw = self.read(at * BLOCK - 1, (at + 1) * BLOCK + len(start) + _DIGITS)
            found = raw.find(start, 0, BLOCK + len(start))
            while found >= 0:
                behind = found + len(start)
                digits = raw[behind : behind + _DIGITS].partition(b'"')[0]
                if digits.isdigit():
                    return at, int(digits)
                found = raw.find(start, found + 1, BLOCK + len(start))
        return stop, None

    def _newline(self, number: int) -> int:
        """Where a newline stands, numbered from 0."""
        block, left = self._block(number)
        return block * BLOCK + _nth(self.read(block * BLOCK, (block + 1) * BLOCK), left)

    def _block(self, number: int) -> tuple[int, int]:
        """The block in which a newline stands, and how many stand before it there."""
        block = int(np.searchsorted(self.counts, number, side="right"))
        return block, number - (int(self.counts[block - 1]) if block else 0)


def _nth(raw: bytes, number: int) -> int:
    """Where a newline stands, numbered from 0."""
    at = raw.find(b"\n")
    for _ in range(number):
        at = raw.find(b"\n", at + 1)
    return at
