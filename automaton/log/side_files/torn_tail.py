"""The torn tail of a log, and whatever else is moved aside: kept beside it under a free name.

Lives here: copying a part of a file to `<path>.<kind>-<n>`, so that nothing is lost when it
is cut off. Must not know: what is torn and why (`automaton.log.recovery` decides).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from automaton.log.byte_source import File
from automaton.log.file_io import FileOps, blocks, write_all


class FilePart(NamedTuple):
    """The bytes start..stop-1 of a file."""

    file: File
    start: int
    stop: int


def save_tail(disk: FileOps, path: str, part: FilePart, kind: str = "torn") -> str:
    """Copies a part of a file to the next free `<path>.<kind>-<n>`, durably; its name."""
    number = 1
    while os.path.lexists(f"{path}.{kind}-{number}"):
        number += 1
    target = f"{path}.{kind}-{number}"
    copy = disk.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        for data in blocks(*part):
            write_all(disk, copy, [data])
        disk.fdatasync(copy)
    except OSError:
        Path(target).unlink()
        raise
    finally:
        os.close(copy)
    disk.sync_folder(target)
    return target
