"""Files to which nothing is ever appended: JSON documents, compressed files.

Lives here: how the log room tells them from a log, by a descriptor. What a document
is, `automaton.format.documents` says. Must not know: commits, pins.
"""

from __future__ import annotations

import mmap
import os
import shlex

from automaton.errors import DocumentError
from automaton.format import documents

_HEAD = 8  # bytes by which compression is told


def refuse(fd: int, path: str, size: int) -> None:
    """Raises `DocumentError` where a file without commits is no log."""
    packed = documents.compression(os.pread(fd, _HEAD, 0))
    if packed is not None:
        raise _error(path, f"compressed with {packed}", packed in documents.UNPACKED)
    if not size:
        return
    with mmap.mmap(fd, size, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
        found = documents.document(data)
    if found is not None:
        raise _error(path, str(found), readable=True)


def _error(path: str, what: str, readable: bool) -> DocumentError:  # noqa: FBT001 - said by name
    command = f"automaton-scalable init NEW.jsonl --from {shlex.quote(path)}"
    remedy = f"make a log of it: {command}" if readable else "unpack it first"
    return DocumentError(f"{path} is no log: it is {what}; {remedy}", what, remedy)
