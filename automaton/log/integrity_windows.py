"""Many ticks read at a time and held against what their commits sealed.

The quick half of the chain's check: it says that all is so, or that somebody must
look more closely. What is wrong, and where, is for `automaton.log.integrity`. Must not know:
what a batch means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automaton.digests.batch_digest import digests, new_digest
from automaton.format.records import DIGEST, link
from automaton.format.versions import FORMATS, NEWEST, Format
from automaton.log.byte_source import File, pread, readinto
from automaton.log.commit_table import CommitTable
from kernels import cpu
from kernels.text import commit_lines as kernel
from kernels.text import line_scan

#: Bytes read at a time, at most: few calls. Of 1 MB, which the cache keeps, the check takes
#: a tenth longer. And the fewest for which a log is divided further among threads.
WINDOW, LEAST = 1 << 24, 1 << 20
#: What a commit's chain does not cover of its line.
_TAIL = len(b',"chain":"') + 2 * DIGEST + len(b'"}\n')
_START, _COMMIT, _END, _LINES, _GAP = 0, 1, 2, 4, 5  # columns of `Commits.cells`
Positions = NDArray[np.int64]
Parts = tuple[NDArray[np.uint8], Positions]


def parts(form: Format) -> Parts:
    """The constant parts of a format's commits, as the kernel takes them, and where each begins."""
    text = [part.replace(b"%s", form.level.encode()) for part in kernel.PARTS]
    return np.frombuffer(b"".join(text), np.uint8), np.cumsum([0, *map(len, text)], dtype=np.int64)


_PARTS = {form: parts(form) for form in FORMATS.values()}


@dataclass(frozen=True)
class Window:
    """Ticks that are looked at together: as many as fit into `room`, or one that does not."""

    file: File
    cells: Positions  # their rows of the table
    first: int
    room: NDArray[np.uint8]  # lent: the next window overwrites it
    form: Format

    @property
    def last(self) -> int:
        """The last tick."""
        return self.first + len(self.cells) - 1

    @property
    def length(self) -> int:
        """Bytes of these ticks in the file."""
        return int(self.cells[-1, _END] - self.cells[0, _START])

    def chain_after(self, before: bytes) -> bytes | None:
        """The chain after these ticks if all is as it was sealed; None: look more closely."""
        if self.cells[:, _GAP].any():  # what is sealed does not all stand here
            return None
        fits = self.length <= len(self.room)
        digests, lines = (b"", np.zeros(1, np.int64)) if fits else self._long_batch()
        base = int(self.cells[0, _START if fits else _COMMIT])
        if not self._read(base, int(self.cells[-1, _END])):
            return None
        if fits:
            digests, lines = self._batches(base)
        lines[0] -= self.first == 1 and self._separated()
        seals = self._seals(base)
        if seals is None or not np.array_equal(lines, self.cells[:, _LINES]):
            return None
        if digests != seals[:, :DIGEST].tobytes():
            return None
        return self._linked(base, before, seals[:, DIGEST:].tobytes())

    def _read(self, start: int, stop: int) -> bool:
        """Have these bytes in `room`; whether they fit and are there."""
        size = stop - start
        if size > len(self.room):
            return False
        return readinto(self.file, self.room[:size], start) == size

    def _separated(self) -> bool:
        """Whether the first batch begins with the newline that the genesis lacks."""
        return pread(self.file, 1, int(self.cells[0, _START])) == b"\n"

    def _batches(self, base: int) -> tuple[bytes, Positions]:
        """Digests and newlines of all batches, which are in `room`."""
        starts, stops = self.cells[:, _START] - base, self.cells[:, _COMMIT] - base
        return digests(self.form, self.room, starts, stops)

    def _long_batch(self) -> tuple[bytes, Positions]:
        """Digest and newlines of a batch that does not fit into `room`."""
        at, stop = int(self.cells[0, _START]), int(self.cells[0, _COMMIT])
        digest, lines, begin = new_digest(self.form), np.zeros(1, np.int64), np.zeros(1, np.int64)
        while at < stop:
            size = readinto(self.file, self.room[: stop - at], at)
            if size == 0:
                break
            found = np.empty(1, np.int64)
            cpu.compiled(line_scan.count_lines)(self.room, begin, np.full(1, size), found)
            digest.update(self.room[:size].data)
            lines += found
            at += size
        return digest.digest(), lines

    def _seals(self, base: int) -> NDArray[np.uint8] | None:
        """Batch digests and chains of commits that are canonical and count what the table says."""
        count = len(self.cells)
        starts, ends = self.cells[:, _COMMIT] - base, self.cells[:, _END] - base
        found, said = np.zeros((count, 3), np.int64), np.zeros(count, np.uint8)
        seals = np.zeros((count, 2 * DIGEST), np.uint8)
        cpu.compiled(kernel.read_commits)(
            self.room, starts, ends, *_PARTS[self.form], found, seals, said,
            np.empty(kernel.LEVELS, np.int64), np.empty((kernel.NAMES, 2), np.int64),
        )  # fmt: skip
        ticks, sizes = np.arange(self.first, self.last + 1), starts + base - self.cells[:, _START]
        due = np.stack((ticks, self.cells[:, _LINES], sizes), axis=1)
        if not said.all() or not np.array_equal(found, due):
            return None
        for k in np.flatnonzero(said == kernel.IF_UTF8).tolist():
            try:
                self.room[starts[k] : ends[k]].tobytes().decode("utf-8")
            except UnicodeDecodeError:
                return None
        return seals

    def _linked(self, base: int, before: bytes, stated: bytes) -> bytes | None:
        """The last chain if every commit's follows from the one before it."""
        data, chain = self.room.data, before
        chains: list[bytes] = []
        starts, stops = self.cells[:, _COMMIT] - base, self.cells[:, _END] - base - _TAIL
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            chain = link(chain, data[start:stop])  # type: ignore[arg-type]  # any bytes
            chains.append(chain)
        return chain if b"".join(chains) == stated else None


def windows(commits: CommitTable, first: int, last: int, shares: int = 1) -> list[tuple[int, int]]:
    """First and last tick of each window over the ticks from `first` to `last`.

    There are `shares` of them or more where they are not too small for that.
    """
    starts, ends, found = commits.batch_start, commits.end, []
    whole = int(ends[last - 1] - starts[first - 1]) if first <= last else 0
    size = min(WINDOW, max(LEAST, whole // shares))
    while first <= last:
        fitting = np.searchsorted(ends[:last], starts[first - 1] + size, side="right")
        found.append((first, max(int(fitting), first)))
        first = found[-1][1] + 1
    return found


def room_for(commits: CommitTable, windows: Sequence[tuple[int, int]]) -> int:
    """Bytes that windows are read into; a batch that does not fit is read in pieces."""
    edges = np.array(windows, np.int64).reshape(-1, 2)
    sizes = commits.end[edges[:, 1] - 1] - commits.batch_start[edges[:, 0] - 1]
    return min(WINDOW, int(sizes.max(initial=0)))


def warm_up() -> None:
    """Have the kernels compiled, or read from their cache: `validate-self` checks within a tick."""
    room, none = np.empty(0, np.uint8), np.empty(0, np.int64)
    cpu.compiled(line_scan.count_lines)(room, none, none, none.copy())
    line, edges = np.full(1, ord("\n"), np.uint8), np.arange(2)
    digests(NEWEST, line, edges[:1], edges[1:])
    cpu.compiled(kernel.read_commits)(
        room, none, none, *_PARTS[NEWEST], np.empty((0, 3), np.int64),
        np.empty((0, 2 * DIGEST), np.uint8), room.copy(),
        np.empty(kernel.LEVELS, np.int64), np.empty((kernel.NAMES, 2), np.int64),
    )  # fmt: skip
