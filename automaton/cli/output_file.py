"""Files and folders that appear whole under their name, or not at all.

A draft beside the place takes the name at the end; Ctrl-C and errors leave nothing. What
is there is only replaced where that was asked for, and a log never. Knows no command.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from automaton.errors import FileError, StorageError, UsageError

STANDARD_OUTPUT = Path("-")
#: What a folder of ours holds, and nothing else at its top.
_OURS = frozenset(
    {"winners", "commits", "decisions", "islands", "ro-crate-metadata.json", "checkpoint"}
)


def refuse_place(path: Path, log: Path, *, force: bool) -> None:
    """An output that would be put over the log, or over what nobody said may go."""
    if is_stream(path):
        return
    if path.exists() and log.exists() and path.samefile(log):
        raise UsageError(f"{path} is the log itself; name another file")
    if path.exists() and not force:
        raise FileError(f"{path} exists; name another, or replace it with --force")
    if path.is_dir() and not _OURS & {entry.name for entry in path.iterdir()}:
        raise FileError(f"{path} is a folder that no export made; it is not replaced")
    if not path.absolute().parent.is_dir():
        raise FileError(f"{path}: there is no folder {path.parent}; make it first")


def is_stream(path: Path) -> bool:
    """Whether what is written there goes on at once: standard output, a device, a pipe."""
    return path == STANDARD_OUTPUT or (path.exists() and not (path.is_file() or path.is_dir()))


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A file for bytes; a stream (see `is_stream`) is written to as it is."""
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        return
    if is_stream(path):
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()  # where a link leads
    draft = _draft(path)
    try:
        with _created(draft) as file:
            yield file
        _named(draft, path, force=force)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


class FolderDraft:
    """A folder under way: files of it by their paths."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """A new file of it."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            yield file


@contextmanager
def whole_folder(path: Path, *, force: bool) -> Iterator[FolderDraft]:
    """A folder of files."""
    path = path.resolve()
    draft = _draft(path)
    try:
        draft.mkdir()
        yield FolderDraft(draft)
        if force and path.exists():
            old = draft.with_name(f"{draft.name}.old")
            path.rename(old)
            draft.rename(path)
            shutil.rmtree(old)
        else:
            draft.rename(path)
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _draft(path: Path) -> Path:
    """A name beside a path that nobody else uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def _created(draft: Path) -> BinaryIO:
    return draft.open("xb")


def _named(draft: Path, path: Path, *, force: bool) -> None:
    """Give a finished draft its name."""
    if force:
        draft.replace(path)
        return
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError from None
        draft.replace(path)


def _refused(path: Path, error: OSError) -> Exception:
    if isinstance(error, (BrokenPipeError, FileExistsError)) or error.errno is None:
        if isinstance(error, FileExistsError):
            return FileError(f"{path} was made by somebody else meanwhile; name another file")
        return error
    return StorageError(f"{path} cannot be written: {error.strerror}; nothing was left there")
