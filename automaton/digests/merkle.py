"""Merkle trees over byte strings, as RFC 6962 (section 2.1) has them: roots and proofs.

Leaves and nodes are SHA-256, told apart by their first byte, so that no node can be
passed off as a leaf. A proof is a list of hashes, from the leaves upwards; whoever checks
one needs nothing else but sizes and roots. Values in, values out; must not know: what the
leaves are, where hashes are kept, files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

#: The root of no leaves.
EMPTY = sha256(b"").digest()
#: The hash of the subtree over the leaves from a number up to, not including, another.
Subtree = Callable[[int, int], bytes]


def leaf_hash(data: bytes | memoryview) -> bytes:
    """The hash of a leaf, 32 raw bytes."""
    found = sha256(b"\0")
    found.update(data)
    return found.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees, the left one first."""
    return sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves that are hashed already, level by level."""
    level = list(leaves)
    while len(level) > 1:
        alone = level[len(level) & ~1 :]  # it goes up as it is
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\1" + left + right).digest() for left, right in pairs] + alone
    return level[0] if level else EMPTY


def joined(peaks: Sequence[bytes]) -> bytes:
    """The root over full subtrees, the largest first."""
    if not peaks:
        return EMPTY
    top = peaks[-1]
    for peak in peaks[-2::-1]:
        top = node_hash(peak, top)
    return top


def split(size: int) -> int:
    """How many of two leaves or more the left subtree has: the largest power of two below."""
    return 1 << (size - 1).bit_length() - 1


def subtree_of(leaves: Sequence[bytes]) -> Subtree:
    """The subtrees over leaves that are hashed already, each computed when it is asked for."""
    return lambda first, stop: root(leaves[first:stop])


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that a leaf, numbered from 0, is in the tree of this size."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    first, stop, path = 0, size, []
    while stop - first > 1:
        middle = first + split(stop - first)
        if index < middle:
            path.append(subtree(middle, stop))
            stop = middle
        else:
            path.append(subtree(first, middle))
            first = middle
    return path[::-1]


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of that of `new`."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is not the beginning of one of {new}")
    if old in {0, new}:
        return []
    first, stop, path, whole = 0, new, [], True  # whole: the old tree is this very subtree's left
    while old < stop:
        middle = first + split(stop - first)
        if old <= middle:
            path.append(subtree(middle, stop))
            stop = middle
        else:
            path.append(subtree(first, middle))
            first, whole = middle, False
    if not whole:
        path.append(subtree(first, stop))
    return path[::-1]


def root_of_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf's hash and its path lead to; ValueError: no such tree has the path."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    top, last, left = leaf, size - 1, list(path)[::-1]
    while last:
        if index & 1 or index < last:
            if not left:
                raise ValueError("the path is too short for this tree")
            other = left.pop()
            top = node_hash(other, top) if index & 1 else node_hash(top, other)
        index, last = index >> 1, last >> 1
    if left:
        raise ValueError("the path is too long for this tree")
    return top


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes]) -> bool:
    """Whether the first tree (size, root) is the beginning of the second, by this path."""
    (size, small), (total, large) = old, new
    if size > total or (size in {0, total} and path):
        return False
    if size in {0, total}:
        return small == (EMPTY if size == 0 else large)
    hashes = list(path)[::-1]
    index, last = size - 1, total - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    if index and not hashes:
        return False
    one = two = hashes.pop() if index else small
    while last:
        if index & 1 or index < last:
            if not hashes:
                return False
            other = hashes.pop()
            if index & 1:
                one, two = node_hash(other, one), node_hash(other, two)
            else:
                two = node_hash(two, other)
        index, last = index >> 1, last >> 1
    return not hashes and one == small and two == large
