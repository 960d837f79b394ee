"""Derived files about a log in the user's cache folder: all can be made again from the log.

One folder a log, named by the chain of its first tick, so that a copy under another name
finds it too. A file is compressed and stands under its own hash: one that is damaged, or
that another version wrote, counts as absent. All folders together have a limit; those
used longest ago go first. Must not know: what the values mean.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from automaton.log import user_key
from automaton.log.file_io import FileOps, first_bytes, write_all
from automaton.log.segments import frames
from automaton.log.side_files import checkpoint
from automaton.log.side_files.checkpoint import Checkpoint

#: Bytes that the folders of all logs may have together, and that one log may have.
MOST_BYTES, MOST_OF_ONE = 1 << 30, 512 << 20
#: The same for what is kept in memory, where no folder can be had.
MOST_IN_MEMORY = 64 << 20
#: Bytes of one file, and of what is compressed in it.
_LONGEST = 1 << 30


class Cache(Protocol):
    """Values and columns by name; a name that is taken is replaced."""

    most: int  # bytes that all may have together

    def sizes(self) -> dict[str, int]:
        """The names, and the bytes of each."""
        ...

    def load(self, name: str) -> Checkpoint | None:
        """What stands under a name; None where nothing does that holds."""
        ...

    def save(self, name: str, facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> int:
        """Put it there; its bytes. Raises `OSError` where there is no room."""
        ...

    def rename(self, name: str, target: str) -> None:
        """Let it stand under another name."""
        ...

    def remove(self, name: str) -> None:
        """Take it away."""
        ...


class MemoryCache:
    """A cache that ends with the process."""

    most = MOST_IN_MEMORY

    def __init__(self) -> None:
        self._frames: dict[str, bytes] = {}

    def sizes(self) -> dict[str, int]:
        """See `Cache`."""
        return {name: len(frame) for name, frame in self._frames.items()}

    def load(self, name: str) -> Checkpoint | None:
        """See `Cache`."""
        return _read(self._frames.get(name))

    def save(self, name: str, facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> int:
        """See `Cache`."""
        self._frames[name] = _written(facts, columns)
        return len(self._frames[name])

    def rename(self, name: str, target: str) -> None:
        """See `Cache`."""
        self._frames[target] = self._frames.pop(name)

    def remove(self, name: str) -> None:
        """See `Cache`."""
        self._frames.pop(name, None)


class CacheFolder:
    """A cache on disk, readable by the user alone."""

    most = MOST_OF_ONE

    def __init__(self, root: Path, first_chain: bytes) -> None:
        """`first_chain` is the chain after the log's first tick (32 bytes). Raises `OSError`."""
        self._folder = root / first_chain.hex()[:32]
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(self._folder)
        _trim(root, self._folder)

    def sizes(self) -> dict[str, int]:
        """See `Cache`."""
        return {path.name: size for path, size in _files(self._folder)}

    def load(self, name: str) -> Checkpoint | None:
        """See `Cache`."""
        return _read(first_bytes(str(self._folder / name), _LONGEST))

    def save(self, name: str, facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> int:
        """See `Cache`."""
        frame, path, disk = _written(facts, columns), str(self._folder / name), FileOps()
        draft = f"{path}.{os.getpid()}.tmp"
        fd = disk.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_all(disk, fd, [frame])
        finally:
            os.close(fd)
        Path(draft).replace(path)
        return len(frame)

    def rename(self, name: str, target: str) -> None:
        """See `Cache`."""
        with contextlib.suppress(FileNotFoundError):  # another page took it away
            (self._folder / name).replace(self._folder / target)

    def remove(self, name: str) -> None:
        """See `Cache`."""
        (self._folder / name).unlink(missing_ok=True)


def default_root() -> Path:
    """Where the folders of all logs stand, where nobody says otherwise."""
    return user_key.key_path().parent / "observatory"


def _written(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> bytes:
    return frames.Compressor(frames.QUICK).frame(b"".join(checkpoint.packed(facts, columns)))


def _read(frame: bytes | None) -> Checkpoint | None:
    if frame is None:
        return None
    try:
        return checkpoint.unpacked(frames.content(frame, _LONGEST))
    except frames.PageError:
        return None


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """The files of a folder and their bytes; what goes meanwhile is left out."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield path, path.stat().st_size


def _trim(root: Path, own: Path) -> None:
    """Take away the folders that were used longest ago, until the rest are within the limit."""
    folders = [path for path in root.iterdir() if path.is_dir() and path != own]
    used = {path: path.stat().st_mtime for path in folders}
    sizes = {path: sum(size for _, size in _files(path)) for path in folders}
    room = MOST_BYTES - sum(size for _, size in _files(own)) - sum(sizes.values())
    for path in sorted(folders, key=used.__getitem__):
        if room >= 0:
            return
        with contextlib.suppress(OSError):
            for file, _ in _files(path):
                file.unlink()
            path.rmdir()
        room += sizes[path]
