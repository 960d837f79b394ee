"""A key of this user on this machine, by which own notes are told from those of others.

Random bytes in the user's cache folder, readable by the user alone, made when they are
first needed. Whoever deletes them loses the notes, no data. Must not know: what is sealed.
"""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path

from automaton.log.file_io import FileOps, first_bytes, write_all

BYTES = 32


def key_path() -> Path:
    """Where the key lies: in `AUTOMATON_CACHE`, else in the user's cache."""
    base = os.environ.get("AUTOMATON_CACHE") or os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base else Path.home() / ".cache"
    return root / "automaton-scalable" / "user.key"


def user_key() -> bytes:
    """The key; where none can be kept, one of this process, so that no note is believed later."""
    return _key_at(str(key_path()))


@cache
def _key_at(path: str) -> bytes:
    with contextlib.suppress(OSError):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        _make(path)
    known = first_bytes(path, BYTES) or b""
    return known if len(known) == BYTES else os.urandom(BYTES)


def _make(path: str) -> None:
    """Put a new key there, unless there is one; of two processes the first is believed."""
    disk, draft = FileOps(), f"{path}.{os.getpid()}"
    if Path(path).exists():
        return
    fd = disk.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(disk, fd, [os.urandom(BYTES)])
    finally:
        os.close(fd)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()
