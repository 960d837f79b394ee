"""The digest of a batch: one SHA-256 over its bytes, or the root of a tree over its pages.

Lives here: what a page is, and hashing that goes on as bytes come. A batch is divided into
blocks of 8 KiB; page k is the lines that begin in block k, so that a page is found without
those before it, and a batch of n bytes has n / 8,192 pages, rounded up. One in which no
line begins is empty. Must not know: files, commits, what a line says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automaton.digests import page_hashing
from automaton.digests.merkle import leaf_hash, root
from automaton.digests.page_hashing import BatchEdges
from automaton.format.versions import Format
from kernels import cpu
from kernels.text import line_scan

Buffer = bytes | bytearray | memoryview
DIGEST = 32  # bytes
#: Bytes that are worth a call of kernels, which takes 3 microseconds.
WORTH = 1 << 16
#: Bytes of a block. SHA-256 in pieces of 8 KiB takes 1.14 times what it takes at once (of
#: 4 KiB 1.29, of 16 KiB 1.06), all that is done here 1.5 times; a proof stays below 16 kB.
PAGE = 8192
_EMPTY = leaf_hash(b"")
_LEAF = sha256(b"\0")
_newline = re.compile(b"\n").search


class BatchDigest(Protocol):
    """The digest of bytes that follow one another, as hashlib's objects compute it."""

    def update(self, part: Buffer, /) -> None:
        """Take in the bytes that come next."""

    def digest(self) -> bytes:
        """The digest of what was taken in, 32 raw bytes."""

    def copy(self) -> BatchDigest:
        """The same state, to go on from."""


def new_digest(form: Format) -> BatchDigest:
    """The digest of a batch of this format, of no bytes yet."""
    return PageTree() if form.paged else sha256()


def batch_digest(form: Format, parts: Iterable[Buffer]) -> bytes:
    """The digest of a batch that consists of these parts."""
    found = new_digest(form)
    for part in parts:
        found.update(part)
    return found.digest()


class PageTree:
    """The hashes of a batch's pages while its bytes come; `digest` is the root over them."""

    def __init__(self, leaves: Sequence[bytes] = (), nbytes: int = 0, page: Any = _LEAF) -> None:
        self._leaves = list(leaves)  # of one page or of many each
        self._pages = sum(map(len, self._leaves)) // DIGEST
        self._bytes = nbytes
        self._open = page.copy()  # the page whose end was not met; of hashlib

    def update(self, part: Buffer, /) -> None:
        """Take in the bytes that come next."""
        view, at = memoryview(part).cast("B"), 0
        at = self._close(view, at)
        if at and page_hashing.AT_ONCE and len(view) - at >= WORTH:
            at = self._close_many(view, at)
        while at and (end := self._close(view, at)):
            at = end
        self._open.update(view[at:])
        self._bytes += len(view)

    def _close(self, view: memoryview, at: int) -> int:
        """End the page that goes on at view[at]; where it does so, 0 if that is not known yet.

        That is behind the first newline that stands before a later block.
        """
        found = _newline(view, max(at, (self._pages + 1) * PAGE - self._bytes - 1))
        if found is None:
            return 0
        end = found.end()
        self._open.update(view[at:end])
        empty = max((self._bytes + end) // PAGE - self._pages - 1, 0)
        self._enter(self._open.digest() + empty * _EMPTY)
        self._open = _LEAF.copy()
        return end

    def _close_many(self, view: memoryview, at: int) -> int:
        """End all pages that begin at view[at] or behind and are known to end; where they do."""
        found, end = page_hashing.hash_pages(view, at, self._bytes, self._pages, PAGE)
        self._enter(found)
        return end

    def _enter(self, leaves: bytes) -> None:
        self._leaves.append(leaves)
        self._pages += len(leaves) // DIGEST

    def _all(self) -> bytes:
        """The hashes of all pages, one behind the other."""
        count = -(-self._bytes // PAGE)
        found = b"".join(self._leaves)[: count * DIGEST]
        if len(found) < count * DIGEST:
            found += self._open.digest()
        return found + _EMPTY * (count - len(found) // DIGEST)

    def leaves(self) -> list[bytes]:
        """The hashes of all pages."""
        found = self._all()
        return [found[at : at + DIGEST] for at in range(0, len(found), DIGEST)]

    def digest(self) -> bytes:
        """The root over the pages."""
        if page_hashing.AT_ONCE and self._bytes > WORTH:
            return page_hashing.fold(self._all())
        return root(self.leaves())

    def copy(self) -> PageTree:
        """The same state, to go on from."""
        return PageTree(self._leaves, self._bytes, self._open)


def page_at(data: Buffer, number: int) -> tuple[int, int]:
    """Where a page of a whole batch begins and ends."""
    return _first_line(data, number * PAGE), _first_line(data, (number + 1) * PAGE)


def _first_line(data: Buffer, block: int) -> int:
    """Where the first line begins that does so at or behind a byte; the end without one."""
    found = _newline(data, block - 1) if block else None
    return 0 if not block else found.end() if found else len(memoryview(data))


def digests(
    form: Format, data: NDArray[np.uint8], starts: BatchEdges, stops: BatchEdges
) -> tuple[bytes, BatchEdges]:
    """The digests of whole batches, data[starts[k]:stops[k]] each, and their newlines."""
    if form.paged and page_hashing.AT_ONCE and (starts < stops).all():
        return page_hashing.hash_batches(data, starts, stops, PAGE)
    lines = np.empty(len(starts), np.int64)
    cpu.compiled(line_scan.count_lines)(data, starts, stops, lines)
    view, spans = data.data, zip(starts.tolist(), stops.tolist(), strict=True)
    return b"".join([batch_digest(form, [view[start:stop]]) for start, stop in spans]), lines
