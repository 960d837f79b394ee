"""The hashes of a growing tree, each written once: leaves, and subtrees when they are full.

The order is that of a binary counter, so that a tree only grows at its end and every
proof takes few reads. Lives here: where each hash stands, and the subtrees between them.
Must not know: what the leaves are, in which file the hashes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from automaton.digests.merkle import joined, node_hash

HASH = 32  # bytes
Read = Callable[[int], bytes]  # a hash by its position


def position(level: int, number: int) -> int:
    """Where the hash stands of the subtree of 2^level leaves with this number, from 0."""
    last = (number + 1 << level) - 1  # the leaf that fills it
    return count_of(last) + level


def count_of(leaves: int) -> int:
    """How many hashes are written of a tree of so many leaves."""
    return 2 * leaves - leaves.bit_count()


def peaks_of(size: int, read: Read) -> list[bytes]:
    """The full subtrees of a tree, the largest first."""
    found, first = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            found.append(read(position(level, first >> level)))
            first += 1 << level
    return found


def subtree(read: Read, first: int, stop: int) -> bytes:
    """The hash over the leaves from `first` to `stop`, as proofs ask for them."""
    peaks = []
    while first < stop:
        level = (stop - first).bit_length() - 1
        peaks.append(read(position(level, first >> level)))
        first += 1 << level
    return joined(peaks)


def grown(size: int, read: Read, leaves: Iterable[bytes]) -> tuple[bytes, int]:
    """The hashes that more leaves (hashed already) add to a tree, and its new size."""
    peaks, added = peaks_of(size, read), []
    for leaf in leaves:
        top, number = leaf, size
        added.append(top)
        while number & 1:
            top, number = node_hash(peaks.pop(), top), number >> 1
            added.append(top)
        peaks.append(top)
        size += 1
    return b"".join(added), size
