"""The directory entry under which a file was opened, and whether it still leads to that file.

An editor that saves by renaming, `sed -i`, `mv`, `rm` and log rotation take the name
away from a file that stays open: what is written then is in no file that anybody sees.
The folder is kept open, so that renaming it is no such thing: the file is then known
by its new name. Must not know: logs, commits, what to do about it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_OPEN_FILES = "/proc/self/fd"  # Linux: links that say what a descriptor's file is called now


class DirectoryEntry:
    """The name of an open file; `path` is absolute and leads to it when this is made."""

    def __init__(self, path: str, fd: int) -> None:
        folder, self._name = os.path.split(path)
        self._known = folder
        self._folder = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        self.lead_to(fd)

    def is_intact(self) -> bool:
        """Whether the whole path leads to the open file: one call, for it is asked every tick."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - a path object costs more than the call
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._own

    def fault(self) -> str:
        """What became of the name, in words; empty where it leads to the open file."""
        own = os.fstat(self._fd)
        try:
            found = os.stat(self._name, dir_fd=self._folder)
        except FileNotFoundError:
            return "renamed" if own.st_nlink else "removed"
        same = (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino)
        return "" if same else "replaced by another file"

    def path_after_move(self) -> str | None:
        """The file's path, once, where its folder was renamed and the system tells how."""
        with contextlib.suppress(OSError):
            if os.path.samestat(Path(self._known).stat(), os.fstat(self._folder)):
                return None
        if (folder := _name_now(self._folder)) is None:
            return None
        self._known = folder
        self._path = os.path.join(folder, self._name)  # noqa: PTH118 - as it was split
        return self._path

    def name_now(self) -> str | None:
        """Another name under which the open file can be found, where the system tells one."""
        return _name_now(self._fd)

    def lead_to(self, fd: int) -> None:
        """From now on the name is that of another open file, which took the place of the first."""
        self._fd, found = fd, os.fstat(fd)
        self._own = found.st_dev, found.st_ino  # which are those of an open file for ever
        self._path = os.path.join(self._known, self._name)  # noqa: PTH118 - as it was split

    def close(self) -> None:
        """Lets go of the folder."""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1


def _name_now(fd: int) -> str | None:
    """A name that leads to the open file or folder, where the system tells one."""
    with contextlib.suppress(OSError):
        name = Path(f"{_OPEN_FILES}/{fd}").readlink()
        if os.path.samestat(name.stat(), os.fstat(fd)):
            return str(name)
    return None
