"""The next active file of a log, written beside the one that it will take the place of.

Lives here: what is in it, and how it is taken away where it is not wanted. Must not know:
when logs switch to it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from automaton.errors import FileError
from automaton.log.byte_source import ByteSource
from automaton.log.file_io import FileOps, first_bytes, write_all
from automaton.log.segments import active_header
from automaton.log.segments.active_header import ActiveHeader
from automaton.log.segments.segment_reader import LogSegment
from automaton.log.side_files.provenance import is_ours


class ActiveDraft(NamedTuple):
    """The next active file, under a name of its own: what it holds of the log, up to a byte."""

    fd: int
    path: str
    segments: tuple[LogSegment, ...]  # all that it stands behind
    end: int


def draft_path(log: str) -> str:
    """The name under which the next active file is written."""
    return f"{log}.next"


def draft_active(
    disk: FileOps, path: str, segments: tuple[LogSegment, ...], log: ByteSource, end: int
) -> ActiveDraft:
    """Write the next active file, durably: its header, and the log up to byte `end`."""
    name = draft_path(path)
    header = ActiveHeader.behind(segments)
    fd = disk.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        _like(fd, Path(path).stat())
        write_all(disk, fd, [active_header.line(header)])
        copy(disk, fd, log, header.start, end)
        disk.fdatasync(fd)
    except BaseException:
        drop(disk, ActiveDraft(fd, name, segments, end))
        raise
    return ActiveDraft(fd, name, segments, end)


def copy(disk: FileOps, fd: int, log: ByteSource, start: int, stop: int) -> None:
    """Append bytes of the log to a file."""
    while start < stop:
        data = log.pread(min(1 << 20, stop - start), start)
        if not data:
            raise FileError(f"the log ends at byte {start}, and {stop} was expected")
        start += write_all(disk, fd, [data])


def clear(disk: FileOps, path: str) -> None:
    """Take away what a crash left of a draft, which nobody reads; what is not ours stays."""
    name = draft_path(path)
    if first_bytes(name, 1) and is_ours(path, ".next"):
        with contextlib.suppress(OSError):
            disk.remove(name)


def drop(disk: FileOps, draft: ActiveDraft) -> None:
    """Take a draft away."""
    os.close(draft.fd)
    with contextlib.suppress(OSError):
        disk.remove(draft.path)


def _like(fd: int, before: os.stat_result) -> None:
    """Rights and owner of the file whose place it will take, as far as they may be given."""
    os.fchmod(fd, before.st_mode & 0o777)
    with contextlib.suppress(OSError):
        os.fchown(fd, before.st_uid, before.st_gid)
