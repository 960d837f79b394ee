"""A folder that all hosts reach: what is needed to go on where a host was lost with its disk.

Holds the archipelago's file, the genesis, and of each island a copy of its log and the
checkpoint beside it, as of some epoch. Whoever writes there writes what the log says, so
several may. Touches the disk. Must not know: runs, networks.
"""

from __future__ import annotations

import os
import platform
import shutil
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from automaton.errors import FileError, UsageError
from automaton.islands.archipelago import FILE, Archipelago
from automaton.islands.copies.log_copy import LogCopy, LogPiece
from automaton.islands.folder import Folder, open_folder
from automaton.log import LogReader, file_io

GENESIS = "genesis.jsonl"
_CHECKPOINT = ".checkpoint"
_FILES = file_io.FileOps()


class SharedPlace:
    """The folder, for one archipelago."""

    def __init__(self, path: Path, archipelago: Archipelago) -> None:
        self.path, self.archipelago = path, archipelago
        self._checkpoints: dict[int, int] = {}  # time of the one that was copied last, by island

    def log(self, island: int) -> Path:
        """The copy of an island's log."""
        return self.path / self.archipelago.log_name(island)

    def prepare(self, folder: Folder) -> None:
        """Make it ready for an archipelago, by a folder of it that holds some island."""
        try:
            self._prepare(folder)
        except OSError as error:
            raise FileError(f"--shared {self.path}: {error.strerror}; check its rights") from None

    def _prepare(self, folder: Folder) -> None:
        one, file = self.archipelago, self.path / FILE
        if file.exists():
            if open_folder(self.path).archipelago.digest != one.digest:
                raise UsageError(f"--shared {self.path} holds another archipelago")
            return
        genesis = genesis_in(folder)
        self.path.mkdir(parents=True, exist_ok=True)
        _put(self.path / GENESIS, genesis)
        _put(file, one.lines)

    def keep(self, island: int, log: LogReader, tick: int) -> None:
        """Copy what a log has up to a tick that is durable, and its newest checkpoint."""
        fd = os.open(self.log(island), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            start = os.fstat(fd).st_size
            os.lseek(fd, start, os.SEEK_SET)
            for block in log.blocks(start, log.end_of(tick)):
                file_io.write_all(_FILES, fd, [block])
            _FILES.fdatasync(fd)
        finally:
            os.close(fd)
        source = Path(f"{log.path}{_CHECKPOINT}")
        with suppress(FileNotFoundError):  # it is small yet
            made = source.stat().st_mtime_ns
            if self._checkpoints.get(island) != made:
                _put(Path(f"{self.log(island)}{_CHECKPOINT}"), source.read_bytes())
                self._checkpoints[island] = made

    def epochs(self, island: int, log: LogReader) -> int:
        """How many epochs of a log the copy holds."""
        size = self.log(island).stat().st_size if self.log(island).exists() else 0
        done = self.archipelago.epochs_done(len(log.commits))
        last = self.archipelago.last_tick
        return next((e + 1 for e in reversed(range(done)) if log.end_of(last(e)) <= size), 0)


def _put(path: Path, data: bytes) -> None:
    """Put a whole durable file under a name, whoever else does so at the same time."""
    own = f"{path}.{platform.node()}-{os.getpid()}-{threading.get_ident()}"
    file_io.save_new(_FILES, own, data)
    _FILES.rename(own, str(path))
    _FILES.sync_folder(str(path))


def genesis_in(folder: Folder) -> bytes:
    """What all islands began with, out of any log of a folder."""
    genesis = folder.archipelago.genesis
    for path in (*folder.logs, folder.path / GENESIS):
        with suppress(OSError), path.open("rb") as file:
            return file.read(genesis.bytes)
    raise FileError(
        f"{folder.path} holds no log of an island: copy the folder as `islands init` made it, or "
        "give --shared FOLDER, where runs of these islands kept what is needed to go on"
    )


def new_folder(path: Path, shared: Path) -> None:
    """Begin a folder on a host that has none, by the shared place's file."""
    if (path / FILE).exists() or not (shared / FILE).exists():
        return
    raw = (shared / FILE).read_bytes()
    path.mkdir(parents=True, exist_ok=True)
    file_io.save_new(_FILES, str(path / FILE), raw)


def restored(
    folder: Folder, island: int, shared: Path | None, pieces: Iterable[LogPiece]
) -> tuple[int, int]:
    """Bring an island's log back where it is lost or never ran; ticks from the copy, ticks now.

    shared: the shared place, or None. pieces: what the log gained after each epoch, in order,
    as far as it is known. A log that has commits stays as it is.
    """
    path = folder.log(island)
    try:
        if not path.exists():
            return _restored(folder, path, shared, pieces)
        with path.open("rb") as file:
            if not _never_ran(file, folder.archipelago):
                return 0, 0
            file_io.lock(file.fileno(), str(path))
            return _restored(folder, path, shared, pieces)
    except OSError as error:
        raise file_io.refusal(error, str(path), 0, "no log was begun") from None


def _never_ran(file: BinaryIO, archipelago: Archipelago) -> bool:
    """Whether a log holds what all islands begin with, and nothing else."""
    genesis = archipelago.genesis
    if os.fstat(file.fileno()).st_size != genesis.bytes:
        return False
    return file_io.sha256(file.fileno(), 0, genesis.bytes) == genesis.sha256


def _restored(
    folder: Folder, path: Path, shared: Path | None, pieces: Iterable[LogPiece]
) -> tuple[int, int]:
    draft = path.with_name(f"{path.name}.restored")
    copied = None if shared is None else shared / path.name
    if copied is not None and copied.exists():
        shutil.copyfile(copied, draft)
    else:
        source = folder if shared is None or path.exists() else folder._replace(path=shared)
        draft.write_bytes(genesis_in(source))
    copy = LogCopy(draft)
    try:
        first = copy.tick
        for piece in pieces:
            if not copy.add(piece):
                break
        copy.sync()
        last = copy.tick
    finally:
        copy.close()
    if not last and path.exists():
        draft.unlink()
        return 0, 0
    beside = None if copied is None else Path(f"{copied}{_CHECKPOINT}")
    if beside is not None and beside.exists():
        shutil.copyfile(beside, f"{path}{_CHECKPOINT}")
    _FILES.rename(str(draft), str(path))
    _FILES.sync_folder(str(path))
    return first, last
