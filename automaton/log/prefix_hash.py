"""The beginning of a batch, hashed and counted while the rest of it is still being made.

Lives here: whole lines that are known to come first. Must not know: files, commits,
threads, what the lines say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from automaton.digests.batch_digest import BatchDigest, new_digest
from automaton.format.versions import NEWEST, Format
from automaton.log.file_io import Buffer
from automaton.log.line_table import LineCounts

#: Bytes from which on handing this to another thread pays: 0.15 ms of SHA-256.
WORTH = 1 << 18


@dataclass(frozen=True)
class HashedPrefix:
    """Parts that a batch begins with: their digest so far, and their lines."""

    parts: tuple[Buffer, ...]
    digest: BatchDigest  # copied before it is continued
    counts: LineCounts

    @classmethod
    def of(cls, parts: Sequence[Buffer], form: Format = NEWEST) -> Self:
        """Hash and count these parts; each is whole lines."""
        digest, counts = new_digest(form), LineCounts()
        for part in parts:
            digest.update(part)
            counts = counts.more(part)
        return cls(tuple(parts), digest, counts)

    def begins(self, parts: Sequence[Buffer]) -> bool:
        """Whether a batch of these parts begins with what was hashed: the very same buffers."""
        own = self.parts
        return len(own) <= len(parts) and all(a is b for a, b in zip(own, parts, strict=False))


NO_PREFIX = HashedPrefix.of(())


def worth_hashing_ahead(parts: Sequence[Buffer]) -> bool:
    """Whether so many bytes are worth a thread."""
    return sum(memoryview(part).nbytes for part in parts) >= WORTH
