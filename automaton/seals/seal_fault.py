"""Which lines of a page differ from what was sealed, as far as its hash alone can tell.

Of a page nothing is kept but its hash. Lines that were put in, two that changed places, and
a bit that is not what it was are found by trying; of a line that was rewritten or left
out nobody knows what it was. Pure: must not know files, commits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from automaton.digests.batch_digest import PAGE
from automaton.digests.merkle import leaf_hash

#: Pages that are hashed to find it, at most: all guesses for 64 lines, some tenths of a second.
TRIES = 1 << 12
_NEWLINE = re.compile(b"\n")


#: Bytes of a page in which one bit is looked for, at most: half a second.
MOST = 3 * PAGE // 2


class DifferentLines(NamedTuple):
    """The first and the last line that differ, from 0 in the page, and what became of them."""

    first: int
    last: int
    put_in: bool  # else these two changed places


def explain(data: bytes, begin: int, length: int, page: int, due: bytes) -> DifferentLines | None:
    """What of a page was altered; None: it cannot be told.

    `data`: the bytes of the batch as they are now, and what follows; `begin`: where the page
    begins in them; `length`: that of the batch as it was sealed; `due`: the page's hash.
    """
    rows = _NEWLINE.split(data[begin : begin + 3 * PAGE])[:-1]
    lines = [row + b"\n" for row in rows]
    block = (page + 1) * PAGE - begin  # its page ends with the line that stands across this byte
    end = length - begin if (page + 1) * PAGE >= length else -1
    inside = _count(lines, block)
    for _, (found, altered) in zip(range(TRIES), _guesses(lines, inside), strict=False):
        if leaf_hash(_page(altered, block, end)) == due:
            return found
    return None


def flipped_bit(page: bytes, due: bytes) -> int | None:
    """The byte of a page of which one bit is not as it was sealed; None: that is not all."""
    if len(page) > MOST:
        return None
    before, view = sha256(b"\0"), memoryview(page)
    for at, value in enumerate(page):
        rest = view[at + 1 :]
        for bit in range(8):
            found = before.copy()
            found.update(bytes([value ^ 1 << bit]))
            found.update(rest)
            if found.digest() == due:
                return at
        before.update(view[at : at + 1])
    return None


def _guesses(lines: list[bytes], inside: int) -> Iterator[tuple[DifferentLines, list[bytes]]]:
    """What may have been done to the lines, the likelier first, and what they were then."""
    for count in range(1, inside + 1):
        for first in range(inside - count + 1):
            rest = lines[:first] + lines[first + count :]
            yield DifferentLines(first, first + count - 1, put_in=True), rest
        for low in range(inside - count):  # two lines so far apart
            high = low + count
            swapped = [
                *lines[:low], lines[high], *lines[low + 1 : high], lines[low], *lines[high + 1 :],
            ]  # fmt: skip
            yield DifferentLines(low, high, put_in=False), swapped


def _count(lines: list[bytes], block: int) -> int:
    """How many lines begin before a byte."""
    at = 0
    for number, line in enumerate(lines):
        if at >= block:
            return number
        at += len(line)
    return len(lines)


def _page(lines: list[bytes], block: int, end: int) -> bytes:
    """The page that lines begin with: up to a byte, or all that begin before a block's end."""
    if end >= 0:
        return b"".join(lines)[:end]
    return b"".join(lines[: _count(lines, block)])
