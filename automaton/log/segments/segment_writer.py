"""A segment on its way: pages are added while the log grows, then it is sealed under its name.

Until then it stands under a name of its own that no reader looks at. Whatever stood under
the final name is moved aside, unless the log holds the same bytes. Lives here: what is
written, in which order, what is undone. Must not know: when a segment ends, commits.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from automaton.errors import AutomatonError, FileError
from automaton.log.byte_source import ByteSource
from automaton.log.file_io import FileOps, write_all
from automaton.log.segments import frames, manifest
from automaton.log.segments.active_header import ActiveHeader
from automaton.log.segments.frames import Effort
from automaton.log.segments.segment_reader import LogSegment, SegmentFile, file_of, folder


def make_folder(disk: FileOps, log: str) -> None:
    """Have the folder of a log's segments; a link to another disk is one."""
    place = folder(log)
    if not place.is_dir():
        try:
            place.mkdir()
        except FileExistsError:
            raise FileError(
                f"{place} is no folder: move it away, or make it a link to a folder"
            ) from None
        disk.sync_folder(str(place))


def clear(disk: FileOps, log: str, number: int) -> None:
    """Take away what a crash left of the segment with this number; nobody reads it."""
    with contextlib.suppress(OSError):
        disk.remove(f"{file_of(log, number)}.tmp")


class SegmentWriter:
    """Writes the segment that begins at a byte of the log."""

    def __init__(self, disk: FileOps, log: str, header: ActiveHeader, effort: Effort) -> None:
        make_folder(disk, log)
        self._disk, self._log, self._header = disk, log, header
        self.target = file_of(log, header.number)
        self._draft = f"{self.target}.tmp"
        self._fd = disk.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._compressor = frames.Compressor(effort)
        self._sizes: list[tuple[int, int]] = []
        self._rest = b""  # what is not a page yet
        self.start = self.end = header.start  # bytes of the log that were added
        self.packed = 0

    def add(self, data: bytes) -> None:
        """More bytes of the log."""
        self.end += len(data)
        data = self._rest + data if self._rest else data
        spans = list(frames.cuts(data))
        self._rest = data[spans[-1][1] :] if spans else data
        with memoryview(data) as view:
            self._write([view[start:end] for start, end in spans])

    def _write(self, found: Sequence[bytes | memoryview]) -> None:
        made = [self._compressor.frame(page) for page in found]
        self._sizes += [(len(frame), len(page)) for frame, page in zip(made, found, strict=True)]
        self.packed += write_all(self._disk, self._fd, made)

    def seal(self, log: ByteSource) -> tuple[LogSegment, str]:
        """Make it durable under its name: the segment, and what had to be moved for it."""
        self._write([self._rest] if self._rest else [])
        self._rest = b""
        table = frames.table(np.array(self._sizes, np.int64).reshape(-1, 2))
        self.packed += write_all(self._disk, self._fd, [table])
        self._disk.fdatasync(self._fd)
        os.close(self._fd)
        self._fd = -1
        notice = _clear_way(self._disk, self.target, log, self.start)
        self._disk.rename(self._draft, str(self.target))
        self._disk.sync_folder(str(self.target))
        sealed = manifest.of_file(SegmentFile(self.target), self._header.number, self.start)
        return sealed, notice

    def abandon(self) -> None:
        """Take away what was written, unless it is sealed."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        with contextlib.suppress(OSError):
            self._disk.remove(self._draft)


def _clear_way(disk: FileOps, target: Path, log: ByteSource, start: int) -> str:
    """Move aside what stands under a segment's name, unless the log holds it; what to say."""
    if not os.path.lexists(target) or _holds(target, log, start):
        return ""
    number = 1
    while os.path.lexists(other := f"{target}.other-{number}"):
        number += 1
    disk.rename(str(target), other)
    return f"{target} held what this log does not; moved to {other}"


def _holds(target: Path, log: ByteSource, start: int) -> bool:
    """Whether the log holds the bytes of a segment that was sealed and not taken up."""
    try:
        file = SegmentFile(target)
        for number in range(len(file.sizes)):
            page = file.page(number)
            if log.pread(len(page), start + file.begin_of(number)) != page:
                return False
    except AutomatonError:
        return False
    return True
