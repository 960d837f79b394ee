"""The card's searches, called like the CPU's: literals in strings, the nearest vectors.

Host arrays in, host arrays out; callers check them first. Texts cross the bus in
pieces of whole strings on two lanes: while the card scans one, the host takes the
results of the one before and brings the next. Vectors stay on the card as long as
their `Searcher`. `MemoryError` says that the card has not the room.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.checks import Array
from kernels.search.literal_tables import Grams, Literals, Triples
from kernels.search.nearest import NARROW

from . import search_loops
from .calls import threads_for
from .compiler import cuda
from .loops import BLOCK, BLOCKS, launch
from .memory import bus, card_errors, free_bytes, multiprocessors
from .plan import SHARE

#: Bytes of text with its offsets and bits that are worth a piece of their own.
TEXT = 1 << 26
#: Queries at a time, dot products at a time (8 bytes each), and lists that one thread merges.
QUERIES, SCORES, LISTS = 1 << 10, 1 << 26, 32
#: Rows that are worth a thread of `best_of_rows`.
SEGMENT = 64

Numbers: TypeAlias = npt.NDArray[np.int64]
#: A group's kernel, the bytes from place to place, its arguments on the card.
Table: TypeAlias = tuple[str, int, tuple[Any, ...]]


# -- literals ------------------------------------------------------------------------


class Lane:
    """Room for one piece of text: its bytes, where its strings begin, its result."""

    def __init__(self, size: int, rows: int, words: int) -> None:
        self.stream = cuda.stream()
        self.text = cuda.device_array(max(1, size), np.uint8)
        self.offsets = cuda.device_array(rows + 1, np.int64)
        self.bits = cuda.device_array(rows * words, np.uint64)


def find_literals(
    patterns: Literals, buffer: Array, offsets: Numbers, bits: Array, counts: Numbers
) -> None:
    """`scan_triples` and `scan_grams` of all groups; bits uint64 [N, words], counts are set."""
    words = bits.shape[1]
    with card_errors():
        tables = [table_of(group) for group in patterns.groups]
        needles, starts = bus().put(patterns.needles), bus().put(patterns.starts)
        counted = bus().put(np.zeros(patterns.total, np.int64))
        parts = pieces(offsets, words, free_bytes() * SHARE / 2)
        size = max((int(offsets[high] - offsets[low]) for low, high in parts), default=0)
        rows = max((high - low for low, high in parts), default=0)
        lanes = [Lane(size, rows, words) for _ in parts[:2]]
        waiting: tuple[Lane, int, int] | None = None
        for n, (low, high) in enumerate(parts):
            lane = lanes[n % 2]
            _scan(lane, tables, (needles, starts), buffer, offsets[low : high + 1], words, counted)
            if waiting:
                _take(*waiting, bits)
            waiting = lane, low, high
        if waiting:
            _take(*waiting, bits)
        counted.copy_to_host(counts)


def pieces(offsets: Numbers, words: int, room: float) -> list[tuple[int, int]]:
    """Ranges of strings whose bytes, offsets and bits fit into the room, TEXT bytes at most."""
    rows = len(offsets) - 1
    cost = offsets - offsets[0] + np.arange(rows + 1) * 8 * (1 + words)
    most = int(min(TEXT, room))
    edges = [0]
    while edges[-1] < rows:
        low = edges[-1]
        high = int(np.searchsorted(cost, cost[low] + most, "right")) - 1
        if high <= low and cost[low + 1] - cost[low] > room:
            raise MemoryError("a string does not fit into the GPU's memory")
        edges.append(max(high, low + 1))
    return list(pairwise(edges))


def table_of(group: Triples | Grams) -> Table:
    """A group's kernel, the bytes from place to place, and its arguments on the card."""
    given = tuple(bus().put(a) if isinstance(a, np.ndarray) else a for a in group)
    if isinstance(group, Triples):
        return "find_triples", 1, given
    return "find_grams", int(group.stride), given


def _scan(
    lane: Lane, tables: list[Table], patterns: tuple[Any, Any],
    buffer: Array, offsets: Numbers, words: int, counted: Any,
) -> None:  # fmt: skip
    """Bring a piece of text to the card and start scanning it."""
    begin, end = int(offsets[0]), int(offsets[-1])
    rows = len(offsets) - 1
    lane.stream.synchronize()
    text = bus().put(buffer[begin:end], lane.text)
    edges = bus().put(offsets - begin, lane.offsets)
    held = lane.bits[: rows * words].reshape(rows, words)
    start_scan(lane.stream, tables, patterns, text, edges, held, counted)


def start_scan(
    stream: Any, tables: list[Table], patterns: tuple[Any, Any],
    text: Any, edges: Any, bits: Any, counted: Any,
) -> None:  # fmt: skip
    """Scan a text that is on the card; bits are cleared first, counts are added to."""
    launch("clear", threads_for(bits.size), stream, bits.reshape(bits.size))
    size = text.size
    for name, stride, given in tables if size else []:
        threads = threads_for(-(-size // stride))
        launch(name, threads, stream, size, text, edges, *patterns, *given, bits, counted)


def _take(lane: Lane, low: int, high: int, bits: Array) -> None:
    """Bring the result of a piece to its rows."""
    lane.stream.synchronize()
    bus().get(lane.bits[: (high - low) * bits.shape[1]], bits[low:high])


# -- the nearest vectors -------------------------------------------------------------


class Searcher:
    """Integer vectors on the card, with their squared norms; int8 become int16 there."""

    def __init__(self, vectors: Array, norms: Numbers) -> None:
        with card_errors():
            self._vectors = bus().put(vectors.astype(np.int16, copy=False))
            self._norms = bus().put(norms)
        self._largest = int(norms.max(initial=1))
        self._room = 0

    def nearest(
        self, queries: Array, query_norms: Numbers, k: int, by_cosine: bool
    ) -> list[tuple[Numbers, Numbers]]:
        """Dot products and rows of the k best of each range of rows, int64 [Q, at most k].

        The ranges ascend, so `topk.merge` of what stands here one behind the other is the answer.
        """
        wanted = queries.astype(np.int16, copy=False)
        with card_errors():
            ranges = self._ranges(k, min(len(queries), QUERIES))
            found: list[list[tuple[Numbers, Numbers]]] = [[] for _ in ranges]
            for at in range(0, len(queries), QUERIES):
                some = bus().put(wanted[at : at + QUERIES])
                largest = int(query_norms[at : at + QUERIES].max())
                name = "dot_tiles" if largest < NARROW // max(1, self._largest) else "dot_rows"
                for part, (low, high) in zip(found, ranges, strict=True):
                    part.append(self._best(name, some, low, high, k, by_cosine))
        return [
            (np.concatenate([dots for dots, _ in part]), np.concatenate([rows for _, rows in part]))
            for part in found
        ]

    def _ranges(self, k: int, queries: int) -> list[tuple[int, int]]:
        """Ranges of rows whose products, and lists of best rows, fit into the memory."""
        count = self._vectors.shape[0]
        most = int(min(SCORES, free_bytes() * SHARE / 48)) // queries
        if most < min(k, count):
            raise MemoryError("the dot products do not fit into the GPU's memory")
        edges = [*range(0, count, most), count]
        return list(pairwise(edges))

    def _best(
        self, name: str, queries: Any, low: int, high: int, k: int, by_cosine: bool
    ) -> tuple[Numbers, Numbers]:
        """The best of the rows low..high-1 for some queries."""
        count, across = high - low, queries.shape[0]
        full = multiprocessors() * BLOCK * BLOCKS
        scores = cuda.device_array((count, across), np.int64)
        tiles = -(-count // search_loops.ROWS) * -(-across // search_loops.QUERIES)
        threads = BLOCK * min(tiles, full // BLOCK) if name == "dot_tiles" else threads_for(
            count * across
        )  # fmt: skip
        launch(name, threads, 0, self._vectors, low, queries, scores)
        width = min(k, count)
        lists = max(1, min(count // max(width, SEGMENT), 1 + full // across))
        dots, rows = (cuda.device_array((across, lists, width), np.int64) for _ in range(2))
        launch("best_of_rows", threads_for(lists * across), 0, scores, low, self._norms, by_cosine,
               dots, rows)  # fmt: skip
        while lists > 1:
            given = [image.reshape(across, lists * width) for image in (dots, rows)]
            lists = -(-lists // LISTS)
            dots, rows = (cuda.device_array((across, lists, width), np.int64) for _ in range(2))
            launch("merge_best", threads_for(lists * across), 0, self._norms, by_cosine, *given,
                   dots, rows)  # fmt: skip
        return tuple(image.reshape(across, width).copy_to_host() for image in (dots, rows))  # type: ignore[return-value]
