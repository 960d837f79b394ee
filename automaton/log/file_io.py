"""The few system calls that the log makes, and how they are retried and undone.

Lives here: opening, whole writes from short ones, reading blocks of lines, side
files, the lock. Must not know: records, chains, ids. Tests put their own `Disk`
in its place to make a disk that is full, slow or broken.

Longer than 300 lines: every system call of the log stands in one place.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from automaton.errors import AutomatonError, FileError, LockedError, StorageError
from automaton.log.byte_source import File, pread, readinto

Buffer = bytes | bytearray | memoryview
BLOCK = 512 * 1024  # bytes read at a time; stays in the second-level cache
PADDING = 128  # zero bytes behind a block, so that looking ahead stays inside
IOV_MAX = 1024  # buffers in one writev, the least that Linux and macOS allow
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # there is no room, however it is said


#: All locks of a Linux system: kind, mode, process, device and inode.
LOCKS = "/proc/locks"
#: What file systems that cannot sync a folder answer (CIFS, several in user space).
NO_FOLDERS = (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS)


class FileOps:
    """The calls that change a file, one method each."""

    names = True  # whether names are to be durable: without durability nobody asks for it
    refused = ""  # the folder that could not be made durable

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        """A descriptor that child processes do not inherit."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def write(self, fd: int, parts: Sequence[Buffer]) -> int:
        """Writes at the file's position; may write less than all."""
        return os.writev(fd, parts)

    def pwrite(self, fd: int, data: Buffer, offset: int) -> int:
        """Writes over what stands at an offset."""
        return os.pwrite(fd, data, offset)

    def fdatasync(self, fd: int) -> None:
        """Returns when the file's bytes and its length are on the medium."""
        getattr(os, "fdatasync", os.fsync)(fd)  # macOS has no fdatasync

    def forget(self, fd: int, start: int, length: int) -> None:
        """Tells the system that these bytes need not stay in memory (a hint)."""
        if hasattr(os, "posix_fadvise"):  # not on macOS
            os.posix_fadvise(fd, start, length, os.POSIX_FADV_DONTNEED)

    def ftruncate(self, fd: int, size: int) -> None:
        """Cuts or extends the file to `size` bytes."""
        os.ftruncate(fd, size)

    def rename(self, path: str, target: str) -> None:
        """Puts a file in the place of another: the name leads to the one or to the other."""
        Path(path).replace(target)

    def remove(self, path: str) -> None:
        """Takes a file away, where it is there."""
        Path(path).unlink(missing_ok=True)

    def sync_folder(self, path: str) -> None:
        """Makes the names in the folder of `path` durable: fsync of a file does not.

        Where the file system cannot, `refused` says so, and files are durable all the same.
        """
        if not self.names:
            return
        fd = os.open(Path(path).parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in NO_FOLDERS:
                raise
            self.refused = f"{Path(path).parent}: {error.strerror}"
        finally:
            os.close(fd)


def of_names(disk: FileOps) -> list[str]:
    """What is to be said of names that could not be made durable."""
    if not disk.refused:
        return []
    note = (
        f"the names of new files are not durable in {disk.refused}: its file system cannot make "
        "folders durable; what is written into files is, but after a power failure a file that "
        "was just made may be gone"
    )
    return [note]


def write_all(disk: FileOps, fd: int, parts: Sequence[Buffer]) -> int:
    """Writes all parts at the file's position, however short each write is."""
    left = [view for part in parts if len(view := memoryview(part).cast("B"))]
    total = sum(len(view) for view in left)
    first = 0
    while first < len(left):
        written = _once(disk, fd, left[first : first + IOV_MAX])
        while first < len(left) and written >= len(left[first]):
            written -= len(left[first])
            first += 1
        if written:
            left[first] = left[first][written:]
    return total


def _once(disk: FileOps, fd: int, parts: Sequence[Buffer]) -> int:
    while True:
        try:
            written = disk.write(fd, parts)
        except InterruptedError:
            continue
        if written <= 0:
            raise OSError(errno.EIO, "the disk took no bytes and gave no reason")
        return written


def real(path: str | os.PathLike[str]) -> str:
    """The absolute path of a file, symbolic links followed."""
    name = os.fspath(path)
    try:
        return os.path.realpath(name)
    except FileNotFoundError:
        raise FileError(
            f"{name} cannot be found: the folder in which this was started has been removed; "
            "change into another one (cd), or give the whole path"
        ) from None


def open_regular(disk: FileOps, path: str, *, write: bool) -> int:
    """A descriptor of a regular file; whatever else it is, a `FileError`."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise FileError(f"{path} is not a regular file; name a JSONL file")
        return disk.open(path, os.O_RDWR if write else os.O_RDONLY)
    except FileNotFoundError:
        raise FileError(f"{path} does not exist; check the name, or make one with init") from None
    except OSError as error:
        use = "opened for writing" if write else "read"
        raise FileError(f"{path} cannot be {use}: {error.strerror}; check its rights") from error


def first_bytes(path: str, most: int) -> bytes | None:
    """The first bytes of a regular file; None where there is none that can be read.

    What is no file of bytes (a pipe, a device) is not waited for.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        info = os.fstat(fd)
        return os.pread(fd, min(most, info.st_size), 0) if stat.S_ISREG(info.st_mode) else None
    except OSError:
        return None
    finally:
        os.close(fd)


def free_bytes(path: str | int) -> int:
    """Bytes that a program without privileges may still write where `path`, or an open file, is."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def blocks(file: File, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of a range, a block at a time; ends early where the file does."""
    while start < stop and (data := pread(file, min(BLOCK, stop - start), start)):
        yield data
        start += len(data)


def sha256(file: File, start: int, stop: int) -> bytes:
    """The digest of a range, 32 raw bytes."""
    digest = hashlib.sha256()
    for data in blocks(file, start, stop):
        digest.update(data)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines of a block: `data` begins at byte `base`, line k is data[starts[k]:ends[k]].

    The arrays are good until the next block is asked for.
    """

    base: int
    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def line(self, k: int) -> bytes:
        """A copy of one line."""
        return self.data[self.starts[k] : self.ends[k]].tobytes()


def lines(file: File, start: int, stop: int, *, unfinished: bool = False) -> Iterator[Lines]:
    """The lines of a range in blocks, without their newlines.

    Bytes after the last newline are a line only if `unfinished`.
    """
    for base, window, used in whole_lines(file, start, stop, unfinished=unfinished):
        ends = np.flatnonzero(window[:used] == 10)
        if len(ends):
            yield Lines(base, window, np.concatenate([[0], ends[:-1] + 1]), ends)
        else:
            yield Lines(base, window, np.array([0]), np.array([used]))


def whole_lines(
    file: File, start: int, stop: int, *, unfinished: bool = False
) -> Iterator[tuple[int, NDArray[np.uint8], int]]:
    """Blocks of whole lines: the byte at which one begins, its bytes, and how many count.

    At least PADDING bytes follow those that count. What stands after the last
    newline is a block of its own, and only if `unfinished`.
    """
    window = np.zeros(BLOCK + PADDING, np.uint8)
    kept = 0
    while start + kept < stop:
        window = _with_room(window, kept)
        room = min(len(window) - PADDING - kept, stop - start - kept)
        count = readinto(file, window[kept : kept + room], start + kept)
        if count == 0:
            break
        filled = kept + count
        used = _after_newline(window, kept, filled)
        window[filled : filled + PADDING] = 0
        if used:
            yield start, window, used
        kept = filled - used
        window[:kept] = window[used:filled].copy()
        start += used
    if unfinished and kept:
        window[kept : kept + PADDING] = 0
        yield start, window, kept


def _after_newline(window: NDArray[np.uint8], start: int, stop: int) -> int:
    """The position behind the last newline of a range, 0 if it holds none."""
    while start < stop:
        begin = max(start, stop - 4096)
        found = np.flatnonzero(window[begin:stop] == 10)
        if len(found):
            return begin + int(found[-1]) + 1
        stop = begin
    return 0


def _with_room(window: NDArray[np.uint8], kept: int) -> NDArray[np.uint8]:
    if kept < len(window) - PADDING:
        return window
    return np.concatenate([window[:kept], np.zeros(kept + PADDING, np.uint8)])


def lock(fd: int, path: str) -> None:
    """Takes the one writer's lock, which dies with its holder; else names the holder."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _holder(path)
        who = f"process {pid}" if pid else "another process"
        raise LockedError(
            f"{path} is being written by {who}; stop that one first, or read with check or stats",
            pid,
        ) from None
    except OSError as error:
        raise FileError(
            f"{path} cannot be locked: {error.strerror}; move it to a local file system"
        ) from error


def unlock(fd: int) -> None:
    """Gives the lock back, also while somebody still looks at the file as memory."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def _holder(path: str) -> int | None:
    said = (first_bytes(f"{path}.lock", 32) or b"").strip()
    return int(said) if said.isdigit() else None


def writer_of(path: str) -> tuple[int | None, bool | None]:
    """Who writes a log: the process that signed for its lock, and whether that is held.

    Asks without touching the lock, so that no writer is turned away meanwhile: Linux tells
    of all locks in a file. None: nobody signed; the system does not tell.
    """
    raw = _all_bytes(LOCKS)
    if raw is None:
        return _holder(path), None
    with contextlib.suppress(OSError):
        inode = b":%d" % Path(path).stat().st_ino
        rows = (line.split() for line in raw.splitlines())
        held = any(
            row[1] == b"FLOCK" and row[3] == b"WRITE" and row[5].endswith(inode)
            for row in rows
            if len(row) > 5
        )
        return _holder(path), held
    return _holder(path), None


def _all_bytes(path: str) -> bytes | None:
    """What a file of the system says, whose length nobody knows before."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def write_owner(disk: FileOps, path: str) -> None:
    """Says for others who holds the lock; only information, the lock itself is flock's."""
    try:
        fd = disk.open(f"{path}.lock", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    except OSError as error:
        raise refusal(error, path, 0, "nothing was changed") from error
    try:
        with contextlib.suppress(OSError):  # a full disk must not stop recovery, which frees room
            write_all(disk, fd, [b"%d\n" % os.getpid()])
    finally:
        os.close(fd)


def clear_owner(path: str) -> None:
    """Takes our signature away; to be called before the lock is given back."""
    if first_bytes(f"{path}.lock", 32) in {b"", b"%d\n" % os.getpid()}:  # empty: a full disk
        with contextlib.suppress(OSError):
            Path(f"{path}.lock").unlink()


def save_new(disk: FileOps, path: str, data: Buffer) -> None:
    """Puts a whole durable file in the place of `path`, or leaves what was there."""
    draft = f"{path}.tmp"
    fd = disk.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(disk, fd, [data])
        disk.fdatasync(fd)
    finally:
        os.close(fd)
    disk.rename(draft, path)
    disk.sync_folder(path)


def refusal(error: OSError, path: str, needed: int, state: str) -> AutomatonError:
    """What to tell people when a disk refuses; `state` says how the log was left."""
    if error.errno in FULL:
        return StorageError(
            f"no room for {path}: {needed} bytes were needed; free some and start again; {state}",
            needed,
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return FileError(
            f"nothing can be written beside {path}: {error.strerror}; "
            f"copy the log into a folder that you may write to; {state}"
        )
    return StorageError(
        f"{path} could not be written: {error.strerror} ({needed} bytes); "
        f"check the disk and start again; {state}",
        needed,
    )
