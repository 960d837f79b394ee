"""Following a file that another program writes, and standard input, into a seal.

As `tail -F`: what is appended is taken, a file that was rotated is read to its end before
the new one of its name is begun, and one that was truncated is begun anew. Lives here: the
order of reading, sealing and making durable. Must not know: what stands in a seal.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from automaton.errors import FileError
from automaton.seals.seal_writer import BATCH, SealWriter

#: Bytes read at a time; what the second-level cache holds is hashed twice as fast.
BLOCK = 1 << 18
#: A line of more bytes is none of JSONL.
LONGEST = 64 << 20
#: Seconds between two looks at a file that did not grow.
POLL = 0.05
_KEPT = 64  # bytes before the place up to which was read, to notice that they changed


@dataclass(frozen=True, slots=True)
class SealSchedule:
    """How often is sealed, and who is told."""

    interval: float = 1.0  # seconds after which waiting lines are sealed
    sealed: Callable[[SealWriter], object] = lambda _writer: None  # and durable
    say: Callable[[str], object] = lambda _text: None


class Follower:
    """A file and its seal, until it is stopped."""

    def __init__(self, file: Path, writer: SealWriter, pace: SealSchedule, stopping: Event) -> None:
        self._file, self._writer, self._pace, self._stopping = file, writer, pace, stopping
        self._fd = -1
        self._rest = b""  # of a line that has not ended
        self._kept = b""
        self._due = 0.0
        self._told = writer.tick

    def follow(self, *, once: bool = False) -> None:
        """Seal what stands there, and what comes, until stopped; `once`: what stands there."""
        try:
            while not self._stopping.is_set():
                if not self._open(wait=not once):
                    break
                if self._read():
                    continue
                self._seal_when_due()
                if self._moved_on():
                    continue
                if once:
                    break
                self._stopping.wait(POLL)
        finally:
            self._seal()
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def copy(self, source: int) -> None:
        """Append lines of a descriptor to the file, and seal them, until it ends.

        A line that nobody ended, in the file or at the end, is ended.
        """
        out = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self.follow(once=True)  # what stands there already
            self._end_line(out)
            poll = select.poll()
            poll.register(source, select.POLLIN)
            while not self._stopping.is_set():
                if poll.poll(POLL * 1000):
                    data = os.read(source, BLOCK)
                    if not data:
                        break
                    _write(out, data)
                    self._take(data)
                self._seal_when_due(out)
            self._end_line(out)
        finally:
            self._seal(out)
            os.close(out)

    def _end_line(self, out: int) -> None:
        if self._rest:
            _write(out, b"\n")
            self._take(b"\n")

    def _open(self, *, wait: bool) -> bool:
        """Have the file open at the place up to which it is sealed."""
        said = False
        while self._fd < 0:
            path, self._writer.rotated = self._writer.rotated or self._file, None
            try:
                self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except FileNotFoundError:
                if not wait:
                    raise FileError(f"{path} is not there") from None
                if not said:
                    self._pace.say(f"{path} is not there; it is waited for")
                said = True
                if self._stopping.wait(POLL):
                    return False
                continue
            place = self._writer.offset
            self._rest = b""
            self._kept = os.pread(self._fd, min(_KEPT, place), max(0, place - _KEPT))
        return True

    def _read(self) -> bool:
        """Take what was appended; whether there was something."""
        place = self._writer.offset + len(self._rest)
        if os.fstat(self._fd).st_size < place or not self._stands(place):
            self._seal()
            self._rest = b""
            self._writer.begin_part("truncated")
            self._kept = b""
            self._pace.say(f"{self._file} was truncated; what stands there now is a new part")
            return True
        data = os.pread(self._fd, BLOCK, place)
        if not data:
            return False
        self._take(data)
        return True

    def _stands(self, place: int) -> bool:
        """Whether the last bytes before a place are those that were read."""
        return os.pread(self._fd, len(self._kept), place - len(self._kept)) == self._kept

    def _take(self, data: bytes) -> None:
        """Give whole lines to the writer, and keep what is none yet."""
        if not self._writer.waiting:
            self._due = time.monotonic() + self._pace.interval
        whole = self._rest + data if self._rest else data
        end = whole.rfind(b"\n") + 1
        if end:
            view = memoryview(whole)[:end]
            self._writer.take(view, whole.count(b"\n", 0, end))
        self._rest = whole[end:]
        self._kept = (self._kept + data)[-_KEPT:]
        if len(self._rest) > LONGEST:
            raise FileError(f"{self._file}: a line of more than {LONGEST:,} bytes; is it JSONL?")
        if self._writer.waiting >= BATCH:
            self._writer.commit()

    def _end_part(self) -> None:
        """Seal the line without a newline that a file which grows no more ends with."""
        if self._rest:
            self._writer.take(self._rest, 1)
            self._rest = b""

    def _moved_on(self) -> bool:
        """Whether another file bears the name now; what the old one still got is read first."""
        try:
            there = self._file.stat()
        except FileNotFoundError:
            return False
        own = os.fstat(self._fd)
        if (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino):
            return False
        if self._read():
            return True
        self._end_part()
        self._seal()
        self._writer.begin_part("rotated")
        os.close(self._fd)
        self._fd, self._kept = -1, b""
        self._pace.say(f"{self._file} was rotated; the new file of that name is followed")
        return True

    def _seal_when_due(self, out: int = -1) -> None:
        new = self._writer.waiting or self._told < self._writer.tick
        if new and time.monotonic() >= self._due:
            self._seal(out)

    def _seal(self, out: int = -1) -> None:
        """Seal what is whole, make it durable, and say so."""
        self._writer.commit()
        if self._told == self._writer.tick:
            return
        fd = out if out >= 0 else self._fd
        if fd >= 0:
            os.fdatasync(fd)  # the lines first: a seal without them would be a false alarm
        self._writer.sync()
        self._told = self._writer.tick
        self._due = time.monotonic() + self._pace.interval
        self._pace.sealed(self._writer)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
