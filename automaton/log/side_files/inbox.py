"""What other programs give as input: the complete lines of `<log>.inbox`.

Lives here: reading a bounded number of them from an offset. Must not know which
are accepted, nor where the offset is kept (in the state that commits seal).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from automaton.errors import FileError
from automaton.format.objects import MAX_LINE_BYTES
from automaton.log.byte_source import size_of
from automaton.log.file_io import blocks

MAX_LINES = 1000  # a call
MAX_BYTES = MAX_LINE_BYTES  # a call
TOO_LONG = b"\0"  # stands for a line over the limit, so that it is refused (see `intake`)


@contextmanager
def opened_inbox(path: str) -> Iterator[int | None]:
    """A descriptor of the inbox of the log at `path`; None where there is none."""
    try:
        fd = os.open(f"{path}.inbox", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise FileError(f"{path}.inbox cannot be read: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise FileError(f"{path}.inbox is not a regular file; append JSONL lines to one")
        yield fd
    finally:
        os.close(fd)


def inbox_lines(path: str, offset: int) -> tuple[list[bytes], int]:
    """Complete lines from `offset` on, without newlines, and the offset after them.

    A line without its newline is still being written and waits. An inbox shorter
    than `offset` was begun anew and is read from its start.
    """
    with opened_inbox(path) as fd:
        if fd is None:
            return [], offset
        return complete_lines(fd, 0 if size_of(fd) < offset else offset)


def complete_lines(fd: int, offset: int) -> tuple[list[bytes], int]:
    """A bounded number of whole lines from an offset on, and where they end."""
    size = size_of(fd)
    data = os.pread(fd, MAX_BYTES + 2, offset)
    if b"\n" not in data:
        return _skip_long(fd, offset, size) if len(data) > MAX_BYTES + 1 else ([], offset)
    lines = data[: data.rfind(b"\n")].split(b"\n")[:MAX_LINES]
    return lines, offset + sum(len(line) + 1 for line in lines)


def _skip_long(fd: int, offset: int, size: int) -> tuple[list[bytes], int]:
    at = offset
    for data in blocks(fd, offset, size):
        end = data.find(b"\n")
        if end >= 0:
            return [TOO_LONG], at + end + 1
        at += len(data)
    return [], offset
