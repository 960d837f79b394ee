"""The archive beside a log: the candidates that lost, in two files of bounded size.

`<log>.archive` grows by a frame a tick; at half the bound it becomes
`<log>.archive.1` in the place of the one before. It is derived: what was
rotated out, or lost with the machine, can be computed again from the log, so
nothing waits until it is durable. A frame names its log by the chain of its
tick's commit: what is of another log is never read, and moved aside before the
next frame is written. Must not know why a candidate lost.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.errors import StorageError
from automaton.log.byte_source import size_of
from automaton.log.file_io import Buffer, FileOps, write_all
from automaton.log.reader import LogReader
from automaton.log.side_files.torn_tail import FilePart, save_tail
from kernels import cpu
from kernels.text import archive_codec

Columns = npt.NDArray[np.int64]

#: Bytes of both files together where nothing else is said.
BOUND = 256 << 20
_MAGIC = b"ARC2"
# Magic, CRC-32 of all bytes behind it, chain of the tick's commit, tick, bytes of the candidates,
# their number.
_HEAD = struct.Struct("<4sI32sqqI")
_CHECKED = 8  # where the bytes begin that the CRC-32 is of


@dataclass(frozen=True)
class ArchiveFrame:
    """The candidates of a tick that lost: columns in slot order, terms packed in `code`."""

    tick: int
    slots: Columns
    salience: Columns
    steps: Columns
    sizes: Columns
    starts: Columns
    code: npt.NDArray[np.int32]


@dataclass
class ReadReport:
    """What a reading met: ticks of this log, and frames that are not of it."""

    ticks: int = 0
    foreign: int = 0

    def note(self, log: LogReader) -> str:
        """What is to be said of frames that were left out; empty without any."""
        if not self.foreign:
            return ""
        ticks = "1 tick" if self.foreign == 1 else f"{self.foreign} ticks"
        return (
            f"{ticks} of {paths(log.path)[0]} left out: of another log of this name, or of ticks "
            f"that this one, at tick {len(log.commits)}, has not"
        )


def paths(log: str | Path) -> tuple[Path, Path]:
    """The archive of a log: the file that grows, and the one before it."""
    real = os.path.realpath(log)
    return Path(f"{real}.archive"), Path(f"{real}.archive.1")


class TooLargeError(StorageError):
    """A tick's candidates do not fit into the archive."""


class Archive:
    """The files that grow; what is torn, or not of the log, is out of them once they are opened."""

    def __init__(self, log: LogReader, bound: int = BOUND, disk: FileOps | None = None) -> None:
        self._path, self._before = paths(log.path)
        self._most = bound // 2
        self._disk = disk or FileOps()
        self.notices: list[str] = []  # what was found and is worth saying
        self._moved: list[str] = []
        files = [path for path in (self._before, self._path) if path.is_file()]
        ticks = [self._mend(path, log) for path in files]
        self._mention(log, max(ticks, default=0))
        self._open()
        self.frames = self.candidates = 0  # written by this run

    def _open(self) -> None:
        self._fd = self._disk.open(str(self._path), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._size = size_of(self._fd)

    def _mend(self, path: Path, log: LogReader) -> int:
        """Leave in a file what is of the log; its last tick, 0 without one.

        Cut off is what a crash leaves: a torn frame, or one whose commit was not
        written any more. Whatever else does not belong is moved aside.
        """
        fd = self._disk.open(str(path), os.O_RDWR)
        try:
            own, size = _own(fd, log), size_of(fd)
            if own.end < size:
                if not _from_crash(fd, own.end, len(log.commits) + 1):
                    part = FilePart(fd, own.end, size)
                    target = save_tail(self._disk, str(path), part, "other")
                    self._moved.append(target)
                self._disk.ftruncate(fd, own.end)
        except OSError as error:
            error.filename = error.filename or str(path)
            raise
        finally:
            os.close(fd)
        return own.tick

    def _mention(self, log: LogReader, last: int) -> None:
        """Says what was moved aside, and which ticks an archive that ends early lacks."""
        if self._moved:
            self.notices.append(
                f"{self._path} held what is of another log of this name, or of ticks that this one "
                f"lost; moved to {', '.join(self._moved)}"
            )
        head = len(log.commits)
        ends = log.last_commit.state.get("ends") if log.last_commit else None
        lacks = isinstance(ends, dict) and ends.get("archived")
        if 0 < last < head and lacks:
            self.notices.append(
                f"{self._path} ends at tick {last}: what lost in ticks {last + 1} to {head} was "
                "not archived, or was lost with the machine; it can be computed again from the log"
            )

    def append(self, tick: int, chain: bytes, parts: Sequence[Buffer], count: int) -> None:
        """Add the candidates of a tick, as `lost.pack_lost` wrote them, before its commit.

        `chain` is the chain after that commit (32 bytes). Raises `TooLargeError`, and
        `OSError`; what was archived before stays.
        """
        if not count:
            return
        size = sum(len(part) for part in parts)
        if size + _HEAD.size > self._most:
            raise TooLargeError(
                f"the candidates of tick {tick} take {size + _HEAD.size} bytes, more than half "
                "of --archive"
            )
        if self._size + size + _HEAD.size > self._most:
            self._rotate()
        head = _HEAD.pack(_MAGIC, 0, chain, tick, size, count)
        check = zlib.crc32(head[_CHECKED:])
        for part in parts:
            check = zlib.crc32(part, check)
        head = _HEAD.pack(_MAGIC, check, chain, tick, size, count)
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


def read(log: LogReader, found: ReadReport | None = None) -> Iterator[ArchiveFrame]:
    """The frames of a log that there are, in the order of their ticks; a torn one ends a file.

    `found` counts them, and those that are not of this log, which are not given.
    """
    counted = found or ReadReport()
    for path in reversed(paths(log.path)):
        if path.is_file():
            with path.open("rb") as file:
                for head in _frames(file.fileno()):
                    if _is_of(log, head):
                        counted.ticks += 1
                        yield _frame(os.pread(file.fileno(), head.end - head.begin, head.begin))
                    else:
                        counted.foreign += 1


class _Head(NamedTuple):
    """A whole frame of a file: what its head says, where it begins and ends."""

    tick: int
    chain: bytes
    begin: int
    end: int


_NONE = _Head(0, b"", 0, 0)


def _is_of(log: LogReader, head: _Head) -> bool:
    """Whether a frame is of a tick of this log."""
    return 1 <= head.tick <= len(log.commits) and log.chain_at(head.tick) == head.chain


def _own(fd: int, log: LogReader) -> _Head:
    """The last frame before the first that is not of the log.

    A chain seals all ticks before it, and frames are appended in order: if the last
    frame is of this log, all are.
    """
    for head in reversed(deque(_frames(fd), maxlen=2)):
        if _is_of(log, head):
            return head
    last = _NONE
    for head in _frames(fd):
        if not _is_of(log, head):
            break
        last = head
    return last


def _from_crash(fd: int, start: int, due: int) -> bool:
    """Whether what stands behind frames of ours is one torn frame, or the one of the tick due.

    Where no frame is before it, as in tick 1 and once the file was rotated, a torn one says
    itself of which tick it is, if it is long enough.
    """
    whole = list(_frames(fd, start, most=2))
    if whole:
        return len(whole) == 1 and whole[0].tick == due and whole[0].end == size_of(fd)
    raw = os.pread(fd, _HEAD.size, start)
    if len(raw) < _HEAD.size:
        return bool(start) and raw[:4] == _MAGIC[: len(raw)]
    magic, _, _, tick, length, _ = _HEAD.unpack(raw)
    torn = magic == _MAGIC and start + _HEAD.size + length >= size_of(fd)
    return bool(torn and (start or tick == due))


def _frames(fd: int, at: int = 0, most: int | None = None) -> Iterator[_Head]:
    """The whole frames of a file from a byte on."""
    size = size_of(fd)
    while at + _HEAD.size <= size and most != 0:
        magic, _, chain, tick, length, count = _HEAD.unpack(os.pread(fd, _HEAD.size, at))
        end = at + _HEAD.size + length
        if magic != _MAGIC or length < 0 or end > size or count * archive_codec.HEAD > length:
            return
        if end == size and not _holds(os.pread(fd, end - at, at)):
            return  # the last frame may be torn; an earlier one was whole when it was written
        yield _Head(tick, chain, at, end)
        at, most = end, None if most is None else most - 1


def _holds(raw: bytes) -> bool:
    """Whether the bytes of a frame are what was written."""
    return bool(zlib.crc32(memoryview(raw)[_CHECKED:]) == _HEAD.unpack_from(raw)[1])


def _frame(raw: bytes) -> ArchiveFrame:
    """The candidates of a frame; one whose bytes are not what was written holds none."""
    _, _, _, tick, length, count = _HEAD.unpack_from(raw)
    count = count if _holds(raw) else 0
    columns = [np.empty(count, dtype=np.int64) for _ in range(5)]
    slots, salience, steps, sizes, starts = columns
    code, stack = np.empty((2, max(1, length)), dtype=np.int32)
    found, words = 0, 0
    if count:
        found, words = cpu.compiled(archive_codec.unpack_lost)(
            np.frombuffer(raw, np.uint8, length, _HEAD.size), length,
            slots, salience, steps, sizes, starts, code, stack,
        )  # fmt: skip
    found = max(0, found)
    return ArchiveFrame(
        tick, slots[:found], salience[:found], steps[:found], sizes[:found], starts[:found],
        code[: max(0, words)],
    )  # fmt: skip
