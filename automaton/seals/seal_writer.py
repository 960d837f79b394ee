"""The one writer of a seal: commits over the bytes of a file that others write.

Lives here: the lock, what a crash left, batches and their commits, durability. A commit and
the hashes of its pages are one write, after the bytes that it seals are there; a torn one is
moved aside at the next opening. Must not know: how the file grows (it is given the bytes),
keys.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from automaton.digests.batch_digest import PageTree
from automaton.errors import DamagedError, FileError, LockedError, StorageError
from automaton.seals.seal_reader import SUFFIX, SealReader
from automaton.seals.seal_records import (
    APPENDED,
    SealCommit,
    commit_line,
    header,
    pages_line,
    parse_commit,
)

#: Bytes of a batch from which on it is committed, whatever the time.
BATCH = 4 << 20
_IDENTITY = 16  # bytes that tell seals of equal files apart
_NOTHING = bytes(32)


@dataclass(slots=True)
class _Part:
    """The file that bears the name now."""

    number: int
    begun: str  # what its next commit says
    offset: int = 0  # of the first byte that is not sealed


class SealWriter:
    """A seal that grows; `take` gives it bytes, `commit` seals them."""

    def __init__(self, file: Path) -> None:
        self.path = Path(f"{file}{SUFFIX}")
        self.notices: list[str] = []
        self.rotated: Path | None = None  # what the file is called now that was sealed last
        self._fd = _locked(self.path)
        try:
            self._resume(file)
        except BaseException:
            os.close(self._fd)
            raise
        self._tree, self._lines, self._bytes, self._last = PageTree(), 0, 0, b"\n"

    def _resume(self, file: Path) -> None:
        if not os.fstat(self._fd).st_size:
            line = header(file.name, os.urandom(_IDENTITY))
            _write(self._fd, line, self.path)
            os.fsync(self._fd)
            _sync_folder(self.path)
        with SealReader(file) as reader:
            if reader.tail:
                self._move_tail(reader)
            self.tick, self.lines = reader.last_tick, reader.lines
            self._chain = reader.chain_at(reader.last_tick)
            last = reader.commits[-1] if reader.commits else None
            self.size = reader.size
            if last is None:
                self.part = _Part(1, "begun")
                return
            self.part = _Part(last.part, APPENDED, last.end)
            why = _changed(file, last)
            self.rotated = reader.holder(last) if why else None
            if why and self.rotated is None:
                self.begin_part(why)
                self.notices.append(
                    f"{file} no longer holds what was sealed last ({why}): what stands there now "
                    "is sealed as a part of its own, and verify says what became of the other"
                )

    def _move_tail(self, reader: SealReader) -> None:
        """What follows the last commit: torn if it is the end of a write, else damage."""
        tail = os.pread(self._fd, reader.tail, reader.size)
        whole = any(parse_commit(line) for line in tail.split(b"\n")[:-1])  # no crash leaves one
        if whole or tail.count(b'\n{"type":"commit"') > 1:
            raise DamagedError(
                f"{self.path} is damaged after byte {reader.size}: {reader.reason}; nothing was "
                "changed: restore a copy, or move it away to begin a new seal",
                reader.size,
            )
        number = 1
        while (target := Path(f"{self.path}.torn-{number}")).exists():
            number += 1
        with target.open("xb") as kept:
            kept.write(tail)
            kept.flush()
            os.fsync(kept.fileno())
        os.ftruncate(self._fd, reader.size)
        os.fsync(self._fd)
        self.notices.append(f"{len(tail)} bytes of the seal were torn; they were moved to {target}")

    # Sealing.

    @property
    def waiting(self) -> int:
        """Bytes that were taken and are not sealed."""
        return self._bytes

    @property
    def offset(self) -> int:
        """The byte of the part behind all that was taken."""
        return self.part.offset + self._bytes

    def take(self, data: bytes | memoryview, lines: int) -> None:
        """The next bytes of the part, whole lines (but for the last of a part that has ended)."""
        self._tree.update(data)
        self._bytes += len(data)
        self._lines += lines

    def commit(self) -> None:
        """Seal what was taken."""
        if not self._bytes:
            return
        part = self.part
        commit = SealCommit(
            self.tick + 1, part.number, part.begun, part.offset, self._lines, self._bytes,
            self._tree.digest(), _NOTHING,
        )  # fmt: skip
        line, chain = commit_line(commit, self._chain)
        data = pages_line(self._tree.leaves()) + line
        os.lseek(self._fd, self.size, os.SEEK_SET)
        try:
            _write(self._fd, data, self.path)
        except StorageError:
            os.ftruncate(self._fd, self.size)
            raise
        self.tick, self._chain, self.size = commit.tick, chain, self.size + len(data)
        self.lines += self._lines
        self.part = _Part(part.number, APPENDED, commit.end)
        self._tree, self._lines, self._bytes = PageTree(), 0, 0

    def begin_part(self, begun: str) -> None:
        """What comes next stands at the beginning of another file of this name."""
        if self.part.begun == APPENDED:  # else nothing of the one before was sealed
            self.part = _Part(self.part.number + 1, begun)

    def sync(self) -> None:
        """Make all commits durable."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Give the seal back."""
        os.close(self._fd)


def _locked(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}; the seal stands beside its file") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise LockedError(f"another process seals this file now ({path} is locked)") from None
    return fd


def _changed(file: Path, last: SealCommit) -> str:
    """What became of a file that no longer holds what was sealed last; "": it does."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return "rotated"
    try:
        if os.fstat(fd).st_size < last.end:
            return "truncated"
        tree = PageTree()
        tree.update(os.pread(fd, last.length, last.offset))
        return "" if tree.digest() == last.batch else "replaced"
    finally:
        os.close(fd)


def _write(fd: int, data: bytes, path: Path) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise StorageError(
            f"{path}: {error.strerror}; {len(data)} bytes are needed, and the seal ends at its "
            "last commit",
            len(data),
        ) from None


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    except OSError:  # some file systems cannot
        pass
    finally:
        os.close(folder)
