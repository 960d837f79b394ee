"""Sealed segments read by the offsets of their log: the page of a byte, and what of it is kept.

Few segments are open at a time, and few pages are held. Damage is named by file and
page. Lives here: finding, opening, decompressing. Must not know: which segments a log
has (`manifest`), what their lines say.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np

from automaton.errors import DamagedError, FileError
from automaton.log.segments import frames

#: Segments that are open at a time; the table of pages of 1 GiB takes 256 KiB.
OPEN = 16
#: Bytes of pages that are held decompressed.
HELD = 16 << 20


class LogSegment(NamedTuple):
    """A sealed segment: its number from 1, where it begins in the log, and how long it is."""

    number: int
    start: int  # byte of the log
    bytes: int  # of the log
    pages: int
    packed: int  # bytes of its file
    tick: int  # that it ends with

    @property
    def end(self) -> int:
        """Byte of the log behind it."""
        return self.start + self.bytes


def folder(log: str) -> Path:
    """Where the segments of a log stand."""
    return Path(f"{log}.segments")


def file_of(log: str, number: int) -> Path:
    """The file of a segment."""
    return folder(log) / f"{number:06}.jsonl.zst"


class SegmentFile:
    """One segment, opened; offsets are of the segment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FileError(
                f"{path} is not there: the log goes on behind it; copy it back, or make "
                f"{path.parent} a link to where the segments are"
            ) from None
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}; check its rights") from error
        size = os.fstat(self._fd).st_size
        foot = os.pread(self._fd, frames.FOOT_BYTES, max(0, size - frames.FOOT_BYTES))
        try:
            length = frames.table_bytes(foot)
            raw = os.pread(self._fd, length, max(0, size - length))
            self.sizes = frames.read_table(raw, size - length)
        except frames.PageError as error:
            raise damage(path, str(error)) from None
        self.packed = size
        ends = np.cumsum(self.sizes, axis=0)
        self._frames = np.concatenate([[0], ends[:, 0]])
        self.ends = ends[:, 1]  # of pages

    def __del__(self) -> None:
        if hasattr(self, "_fd"):  # a reader in another thread may have outlived the list of files
            os.close(self._fd)

    @property
    def length(self) -> int:
        """Bytes of its lines."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def begin_of(self, page: int) -> int:
        """The first byte of a page, counted from 0."""
        return int(self.ends[page - 1]) if page else 0

    def page(self, number: int) -> bytes:
        """A page, counted from 0."""
        start, stop = (int(n) for n in self._frames[number : number + 2])
        frame = os.pread(self._fd, stop - start, start)
        size = int(self.sizes[number, 1])
        try:
            return frames.page(frame, size)
        except frames.PageError as error:
            first = self.begin_of(number)
            where = f"page {number + 1} of {len(self.sizes)} (bytes {first} to {first + size} of"
            said = f"{where} its lines) cannot be read: {error}"
            raise damage(self.path, said) from None


def damage(path: Path, what: str) -> DamagedError:
    """What is said of a segment that is not what was sealed."""
    return DamagedError(
        f"{path} is damaged: {what}; nothing was changed: put a copy of this file in its place"
    )


class SegmentReader:
    """The segments of a log in their order, as one run of bytes from 0 on."""

    def __init__(self, log: str, segments: Sequence[LogSegment]) -> None:
        self.log, self.segments = log, tuple(segments)
        self.end = segments[-1].end if segments else 0
        self._starts = [segment.start for segment in segments]
        self._lock = Lock()
        self._files: OrderedDict[int, SegmentFile] = OrderedDict()
        self._pages: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._held = 0

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of a range, page by page."""
        while start < stop:
            k = bisect_right(self._starts, start) - 1
            segment = self.segments[k]
            file, own = self._file(segment), start - segment.start
            number = int(np.searchsorted(file.ends, own, side="right"))
            data, begin = self._page(segment.number, file, number), file.begin_of(number)
            piece = data[own - begin : stop - segment.start - begin]
            yield piece
            start += len(piece)

    def where(self, offset: int) -> str:
        """The file, and the page of it, that holds a byte of the log."""
        segment = self.segments[bisect_right(self._starts, offset) - 1]
        file = self._file(segment)
        number = int(np.searchsorted(file.ends, offset - segment.start, side="right"))
        return f"{file.path}, page {number + 1} of {len(file.sizes)}"

    def _file(self, segment: LogSegment) -> SegmentFile:
        with self._lock:
            file = self._files.get(segment.number)
            if file is not None:
                self._files.move_to_end(segment.number)
                return file
            path = file_of(self.log, segment.number)
            file = SegmentFile(path)
            if file.length != segment.bytes:
                said = f"it holds {file.length} bytes of lines, and {segment.bytes} are due"
                raise damage(path, said)
            self._files[segment.number] = file
            while len(self._files) > OPEN:
                self._files.popitem(last=False)
            return file

    def _page(self, segment: int, file: SegmentFile, number: int) -> bytes:
        place = segment, number
        with self._lock:
            data = self._pages.get(place)
            if data is not None:
                self._pages.move_to_end(place)
                return data
        data = file.page(number)  # by several threads at a time
        with self._lock:
            if place not in self._pages:
                self._pages[place] = data
                self._held += len(data)
            while self._held > HELD and len(self._pages) > 1:
                self._held -= len(self._pages.popitem(last=False)[1])
        return data
