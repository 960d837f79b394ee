"""Bytes by their place: of a plain file, or of one that is held in pieces.

Lives here: what all readers of a log ask for, and its plain answer by a descriptor.
Must not know: lines, records, where pieces stand (`automaton.log.segments`).
"""

from __future__ import annotations

import mmap
import os
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class ByteSource(Protocol):
    """A file of bytes that may grow; threads may read it at the same time."""

    def pread(self, size: int, offset: int) -> bytes:
        """Bytes from an offset on; fewer where the file ends."""
        ...

    def readinto(self, buffer: NDArray[np.uint8], offset: int) -> int:
        """Fill a buffer from an offset on; how many bytes there were."""
        ...

    def mapped(self, start: int, stop: int) -> memoryview:
        """A range as memory; lives as long as somebody looks at it."""
        ...

    def size(self) -> int:
        """Bytes in the file now."""
        ...


#: Bytes up to which copying a range takes less than mapping it.
COPIED = 1 << 16
#: A descriptor is a plain file.
File = int | ByteSource


def pread(file: File, size: int, offset: int) -> bytes:
    """Bytes from an offset on; fewer where the file ends."""
    return os.pread(file, size, offset) if isinstance(file, int) else file.pread(size, offset)


def readinto(file: File, buffer: NDArray[np.uint8], offset: int) -> int:
    """Fill a buffer from an offset on; how many bytes one read gave, 0 at the end."""
    if isinstance(file, int):
        return os.preadv(file, [buffer.data], offset)
    return file.readinto(buffer, offset)


def mapped(file: File, start: int, stop: int) -> memoryview:
    """A range of the file as memory; lives as long as somebody looks at it."""
    if start >= stop:
        return memoryview(b"")
    if not isinstance(file, int):
        return file.mapped(start, stop)
    if stop - start <= COPIED:
        copy = os.pread(file, stop - start, start)
        if len(copy) == stop - start:
            return memoryview(copy)
    base = start - start % mmap.ALLOCATIONGRANULARITY
    region = mmap.mmap(file, stop - base, access=mmap.ACCESS_READ, offset=base)
    return memoryview(region)[start - base :]


def size_of(file: File) -> int:
    """Bytes in the file now."""
    return os.fstat(file).st_size if isinstance(file, int) else file.size()
