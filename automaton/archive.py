"""The archive beside a log: the candidates that lost, in two files of bounded size.

`<log>.archive` grows by a frame a tick; at half the bound it becomes
`<log>.archive.1` in the place of the one before. It is derived: what was
rotated out, or lost with the machine, can be computed again from the log, so
nothing waits until it is durable. Must not know why a candidate lost.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from automaton.disk import Buffer, Disk, write_all
from automaton.errors import StorageError
from kernels import cpu, lost

Numbers = npt.NDArray[np.int64]

#: Bytes of both files together where nothing else is said.
BOUND = 256 << 20
_MAGIC = b"ARC1"
_HEAD = struct.Struct("<4sIqqI")  # magic, CRC-32 of the bytes behind, tick, their number, count


@dataclass(frozen=True)
class Frame:
    """The candidates of a tick that lost: columns in slot order, terms packed in `code`."""

    tick: int
    slots: Numbers
    salience: Numbers
    steps: Numbers
    sizes: Numbers
    starts: Numbers
    code: npt.NDArray[np.int32]


def paths(log: Path) -> tuple[Path, Path]:
    """The archive of a log: the file that grows, and the one before it."""
    return Path(f"{log}.archive"), Path(f"{log}.archive.1")


class TooLargeError(StorageError):
    """A tick's candidates do not fit into the archive."""


class Archive:
    """The file that grows; a torn frame at its end is cut off when it is opened."""

    def __init__(self, log: Path, bound: int = BOUND, disk: Disk | None = None) -> None:
        self._path, self._before = paths(log)
        self._most = bound // 2
        self._disk = disk or Disk()
        self._open()
        self.frames = self.candidates = 0  # written by this run

    def _open(self) -> None:
        self._fd = self._disk.open(str(self._path), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._size = max((end for _, _, end in _frames(self._fd)), default=0)
        self._disk.ftruncate(self._fd, self._size)

    def append(self, tick: int, parts: Sequence[Buffer], count: int) -> None:
        """Add the candidates of a tick, as `lost.pack_lost` wrote them.

        Raises `TooLargeError`, and `OSError`; what was archived before stays.
        """
        if not count:
            return
        check, size = 0, 0
        for part in parts:
            check, size = zlib.crc32(part, check), size + len(part)
        if size + _HEAD.size > self._most:
            raise TooLargeError(
                f"the candidates of tick {tick} take {size + _HEAD.size} bytes, more than half "
                "of --archive"
            )
        if self._size + size + _HEAD.size > self._most:
            self._rotate()
        head = _HEAD.pack(_MAGIC, check, tick, size, count)
        try:
            self._size += write_all(self._disk, self._fd, [head, *parts])
        except OSError:
            with contextlib.suppress(OSError):  # a torn frame is cut off when it is opened, too
                self._disk.ftruncate(self._fd, self._size)
            raise
        self.frames += 1
        self.candidates += count

    def _rotate(self) -> None:
        before = self._fd
        self._path.replace(self._before)
        self._open()  # where this fails, the file that was open still is
        os.close(before)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._fd)


def read(log: Path) -> Iterator[Frame]:
    """The frames that there are, in the order of their ticks; a torn one ends a file."""
    for path in reversed(paths(log)):
        if path.exists():
            with path.open("rb") as file:
                for head, at, end in _frames(file.fileno()):
                    yield _frame(os.pread(file.fileno(), end - at, at), head)


Head = tuple[int, int, int]  # check, tick, count


def _frames(fd: int) -> Iterator[tuple[Head, int, int]]:
    """The whole frames of a file: what its head says, where its bytes begin and end."""
    at, size = 0, os.fstat(fd).st_size
    while at + _HEAD.size <= size:
        magic, check, tick, length, count = _HEAD.unpack(os.pread(fd, _HEAD.size, at))
        begin, end = at + _HEAD.size, at + _HEAD.size + length
        if magic != _MAGIC or length < 0 or end > size or count * lost.HEAD > length:
            return
        if end == size and zlib.crc32(os.pread(fd, length, begin)) != check:
            return  # the last frame may be torn; an earlier one was whole when it was written
        yield (check, tick, count), begin, end
        at = end


def _frame(raw: bytes, head: Head) -> Frame:
    """The candidates of a frame; one whose bytes are not what was written holds none."""
    check, tick, count = head
    room = max(1, len(raw))
    columns = [np.empty(count, dtype=np.int64) for _ in range(5)]
    slots, salience, steps, sizes, starts = columns
    code, stack = np.empty((2, room), dtype=np.int32)
    found, words = -1, 0
    if zlib.crc32(raw) == check:
        found, words = cpu.compiled(lost.unpack_lost)(
            np.frombuffer(raw, dtype=np.uint8), len(raw),
            slots, salience, steps, sizes, starts, code, stack,
        )  # fmt: skip
    found = max(0, found)
    return Frame(
        tick, slots[:found], salience[:found], steps[:found], sizes[:found], starts[:found],
        code[: max(0, words)],
    )  # fmt: skip
