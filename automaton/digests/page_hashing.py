"""Pages hashed many at a time, where this processor computes SHA-256 two messages at once.

Lives here: the calls of `kernels.hashing`, with their scratch. Where the processor has no
such instructions hashlib is as fast, page by page. Must not know: when a page ends,
files, who asks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kernels import cpu
from kernels.hashing import batch_pages, sha_instructions
from kernels.hashing.sha256 import DIGEST

MORE = False  # whether a page ends with the bytes that there are
RawBytes = NDArray[np.uint8]
BatchEdges = NDArray[np.int64]

#: Whether that is so; kernels that run as plain Python are no help either.
AT_ONCE = sha_instructions.PRESENT and not cpu.PLAIN


def _scratch() -> tuple[NDArray[np.uint32], NDArray[np.uint64], RawBytes]:
    """States, words and room of the kernels."""
    room = np.empty(batch_pages.ROOM, np.uint8)
    return np.empty((2, 8), np.uint32), np.empty(16, np.uint64), room


def _read_only(data: memoryview | RawBytes) -> RawBytes:
    """The bytes as an array of the one type that is compiled for."""
    found = np.frombuffer(data, np.uint8)
    found.flags.writeable = False
    return found


def hash_pages(data: memoryview, at: int, base: int, number: int, block: int) -> tuple[bytes, int]:
    """The hashes of the pages from `number` on that end in data, and where the last one does.

    data[at] begins that page of a batch, whose byte `base` is data[0].
    """
    found = _read_only(data)
    spans = np.empty((max((base + len(data)) // block - number, 0), 2), np.int64)
    count, end = cpu.compiled(batch_pages.page_spans)(
        found, at, len(data), base, number, MORE, block, spans, 0
    )
    return _leaves(found, spans, count)[0].tobytes(), end


def hash_batches(
    data: RawBytes, starts: BatchEdges, stops: BatchEdges, block: int
) -> tuple[bytes, BatchEdges]:
    """The roots over the pages of whole batches, data[starts[k]:stops[k]], and their newlines.

    None of them is empty.
    """
    found, sizes = _read_only(data), -(-(stops - starts) // block)
    spans = np.empty((int(sizes.sum()), 2), np.int64)
    count = cpu.compiled(batch_pages.batch_spans)(starts, stops, found, block, spans)
    return _roots(*_leaves(found, spans, count), sizes)


def fold(leaves: bytes) -> bytes:
    """The root over leaves that are hashed already, one behind the other, one at least."""
    count = len(leaves) // DIGEST
    none = np.zeros(count, np.int64)
    return _roots(np.frombuffer(leaves, np.uint8).copy(), none, np.full(1, count))[0]


def _leaves(data: RawBytes, spans: BatchEdges, count: int) -> tuple[RawBytes, BatchEdges]:
    found, lines = np.empty(count * DIGEST, np.uint8), np.empty(count, np.int64)
    sizes = spans[:count, 1] - spans[:count, 0]
    order = np.argsort(-((sizes + 256) >> 9), kind="stable")  # the longest first, else as they are
    cpu.compiled(batch_pages.hash_spans)(data, spans, order, found, lines, *_scratch())
    return found, lines


def _roots(leaves: RawBytes, lines: BatchEdges, sizes: BatchEdges) -> tuple[bytes, BatchEdges]:
    found, sums = np.empty(len(sizes) * DIGEST, np.uint8), np.empty(len(sizes), np.int64)
    cpu.compiled(batch_pages.fold_batches)(sizes, leaves, lines, found, sums, *_scratch())
    return found.tobytes(), sums
