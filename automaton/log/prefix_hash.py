"""The beginning of a batch, hashed and counted while the rest of it is still being made.

Lives here: whole lines that are known to come first. Must not know: files, commits,
threads, what the lines say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

Buffer = bytes | bytearray | memoryview
#: Bytes from which on handing this to another thread pays: 0.15 ms of SHA-256.
WORTH = 1 << 18
_AT_ONCE = 1 << 16  # bytes: stays in the first caches


@dataclass(frozen=True)
class HashedPrefix:
    """Parts that a batch begins with: their SHA-256 so far, bytes and lines."""

    parts: tuple[Buffer, ...]
    digest: Any  # of hashlib; copied before it is continued
    bytes: int
    lines: int

    @classmethod
    def of(cls, parts: Sequence[Buffer]) -> Self:
        """Hash and count these parts; each is whole lines."""
        digest, size, lines = hashlib.sha256(), 0, 0
        for part in parts:
            digest.update(part)
            size += memoryview(part).nbytes
            lines += count_lines(part)
        return cls(tuple(parts), digest, size, lines)

    def begins(self, parts: Sequence[Buffer]) -> bool:
        """Whether a batch of these parts begins with what was hashed: the very same buffers."""
        own = self.parts
        return len(own) <= len(parts) and all(a is b for a, b in zip(own, parts, strict=False))


NO_PREFIX = HashedPrefix.of(())


def worth_hashing_ahead(parts: Sequence[Buffer]) -> bool:
    """Whether so many bytes are worth a thread."""
    return sum(memoryview(part).nbytes for part in parts) >= WORTH


def count_lines(part: Buffer) -> int:
    """The newlines of whole lines; raises ValueError where the last one is not whole.

    A piece at a time: the truth values of all bytes at once would be fresh memory,
    which costs several times the counting.
    """
    data = np.frombuffer(part, np.uint8)
    if len(data) and data[-1] != ord("\n"):
        raise ValueError("a part of the batch does not end with a whole line")
    pieces = range(0, len(data), _AT_ONCE)
    return sum(int(np.count_nonzero(data[at : at + _AT_ONCE] == ord("\n"))) for at in pieces)
