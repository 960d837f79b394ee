"""The file of a log: one run of bytes, whether it stands in one file or in many.

What stands in sealed segments is decompressed by the page; what follows them is the
active file, whose own first line says where in the log it begins. Lives here: where a
byte stands. Must not know: lines, commits, who appends.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from automaton.errors import DamagedError, FileError
from automaton.log import byte_source
from automaton.log.file_io import FileOps, first_bytes
from automaton.log.segments import active_draft, active_header, manifest, segment_writer
from automaton.log.segments.active_header import ActiveHeader
from automaton.log.segments.segment_reader import LogSegment, SegmentReader

_FIRST = ActiveHeader(1, 0)


def refuse_active(path: str) -> None:
    """Raises where a file is only the end of a log, for those who read files as they are."""
    if active_header.parse(first_bytes(path, active_header.MOST) or b"") is not None:
        name = shlex.quote(path)
        raise FileError(
            f"{path} is only the end of a log, whose beginning stands in {path}.segments; "
            f"`cat {name} > FILE` writes it as one file"
        )


class _Descriptor:
    """Closes its file when nobody reads by it any more: threads may, while it is exchanged."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)


class _Pieces(NamedTuple):
    """Where the bytes stand; exchanged as a whole."""

    file: _Descriptor
    header: ActiveHeader
    own: int  # bytes of the header
    sealed: SegmentReader

    def place(self, offset: int) -> int:
        """Where in the active file a byte of the log stands."""
        return offset - self.header.start + self.own


class LogFile:
    """A byte source (`automaton.log.byte_source`); offsets are of the whole log."""

    def __init__(self, path: str, fd: int) -> None:
        """Takes over the descriptor of the active file."""
        self.path = path
        self._pieces: _Pieces | None = None
        self._adopt(_Descriptor(fd))

    def _adopt(self, file: _Descriptor) -> None:
        found = active_header.parse(os.pread(file.fd, active_header.MOST, 0))
        header, own = found or (_FIRST, 0)
        known = self._pieces.sealed.segments if self._pieces is not None else ()
        if len(known) == header.number - 1:
            segments = list(known)
        else:
            segments = manifest.segments(self.path, header.number - 1, header.start)
        self._pieces = _Pieces(file, header, own, SegmentReader(self.path, segments))

    @property
    def _now(self) -> _Pieces:
        if self._pieces is None:
            raise ValueError("this log is closed")
        return self._pieces

    # What readers ask for.

    def pread(self, size: int, offset: int) -> bytes:
        """Bytes from an offset on; fewer where the log ends."""
        now = self._now
        start = now.header.start
        if offset >= start:
            return os.pread(now.file.fd, size, now.place(offset))
        parts = list(now.sealed.read(offset, min(offset + size, start)))
        if offset + size > start:
            parts.append(os.pread(now.file.fd, offset + size - start, now.own))
        return b"".join(parts)

    def readinto(self, buffer: NDArray[np.uint8], offset: int) -> int:
        """Fill a buffer from an offset on; how many bytes there were."""
        now = self._now
        if offset >= now.header.start:
            return os.preadv(now.file.fd, [buffer.data], now.place(offset))
        at = 0
        for piece in now.sealed.read(offset, min(offset + len(buffer), now.header.start)):
            buffer[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        rest = buffer[at:]
        return at + (os.preadv(now.file.fd, [rest.data], now.own) if len(rest) else 0)

    def mapped(self, start: int, stop: int) -> memoryview:
        """A range as memory: of the active file its pages, of segments a decompressed copy."""
        now = self._now
        if start >= stop:
            return memoryview(b"")
        if start < now.header.start:
            return memoryview(self.pread(stop - start, start))
        return byte_source.mapped(now.file.fd, now.place(start), now.place(stop))

    def size(self) -> int:
        """Bytes in the log now."""
        now = self._now
        return max(os.fstat(now.file.fd).st_size - now.own, 0) + now.header.start

    # What else is known of it.

    @property
    def header(self) -> ActiveHeader:
        """Which segment the active file will be, and where in the log it begins."""
        return self._now.header

    @property
    def segments(self) -> tuple[LogSegment, ...]:
        """The sealed segments."""
        return self._now.sealed.segments

    @property
    def fd(self) -> int:
        """The descriptor of the active file, for as long as it is not exchanged."""
        return self._now.file.fd

    def place(self, offset: int) -> int:
        """Where in the active file a byte of the log stands."""
        return self._now.place(offset)

    def where(self, offset: int) -> str:
        """The file, and the page of it, that holds a byte."""
        now = self._now
        return self.path if offset >= now.header.start else now.sealed.where(offset)

    def hold_to(self, end: int, reason: str) -> None:
        """Raise `DamagedError` where a log ends within what is sealed: nothing torn is sealed."""
        start = self.header.start
        if end < start:
            raise DamagedError(
                f"{self.path} is damaged after byte {end}, in {self.where(end)}: {reason}; its "
                f"sealed segments reach to byte {start}; nothing was changed: put a copy of that "
                "file in its place",
                end,
            )

    def stands_under_name(self) -> bool:
        """Whether the log's name leads to the active file that is open."""
        file = self._now.file
        try:
            return os.path.samestat(Path(self.path).stat(), os.fstat(file.fd))
        except FileNotFoundError:
            return False

    def exchange(self, fd: int, segments: tuple[LogSegment, ...]) -> None:
        """Go on with another active file, whose descriptor is taken over, behind more segments.

        Nothing of the system is asked, so that it cannot fail.
        """
        header = ActiveHeader.behind(segments)
        sealed = SegmentReader(self.path, segments)
        own = len(active_header.line(header))
        self._pieces = _Pieces(_Descriptor(fd), header, own, sealed)

    def follow(self) -> bool:
        """Go on with the file under the log's name, where it goes on with this one."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        file, header = _Descriptor(fd), self.header
        found = active_header.parse(os.pread(fd, active_header.MOST, 0))
        if found is None or found[0].number <= header.number or found[0].start <= header.start:
            return False
        self._adopt(file)
        return True

    def clear_drafts(self, disk: FileOps) -> None:
        """Take away what a crash left of a segment and of the next active file: of a writer."""
        segment_writer.clear(disk, self.path, self.header.number)
        active_draft.clear(disk, self.path)

    def close(self) -> None:
        """Let go of the files; who is still reading keeps what it reads."""
        self._pieces = None
