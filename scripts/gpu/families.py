"""The CUDA target's other families: answers equal to the CPU's, then kernels timed on the card.

Counts, vectors of terms, literals, the nearest vectors; each figure beside its limit
(a copy within the card, or a product of float32 matrices where a library for it is
installed). A part of scripts/gpu/check.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from automaton.compute import embeddings, selftest
from automaton.compute.matching import find
from kernels import cpu
from kernels.search.literal_tables import prepared
from kernels.terms import church, embed
from scripts.gpu.benchmark import Figures, Part, copies, median_seconds

#: What the kernels should reach: of the copy's bandwidth, bytes/s, of the product's rate.
GOAL_COPY, GOAL_LITERALS, GOAL_PRODUCT = 0.8, 100e9, 0.6
DIMENSIONS, QUERIES, K = 256, 256, 10
LINE = 300  # bytes


def families(wanted: argparse.Namespace, _left: float) -> tuple[list[Part], Figures]:
    """Every family in turn; sizes follow --rows."""
    _, figures = copies(min(1 << 26, 64 * wanted.rows))
    copied = figures["bytes_per_s_within_card"]
    parts = []
    for name, part in {"counts": counts, "numerals": numerals, "embed": embedded}.items():
        equal, moved, seconds = part(wanted.rows)
        share = moved / seconds / copied
        figures[name] = {"bytes_per_s_kernel": moved / seconds, "of_copy": share,
                         "equal": equal, "goal_met": share >= GOAL_COPY}  # fmt: skip
        text = f"{moved / seconds / 1e9:,.0f} GB/s, {share:.2f} of a copy within the card"
        parts.append(Part(name, text, ok=equal))
    for count in (1, 10, 100, 1000):
        part, figures[f"literals_{count}"] = literals(wanted.rows, count)
        parts.append(part)
    part, figures["nearest"] = nearest(wanted.rows)
    return [*parts, part], {"families": figures}


def on_card(name: str, threads: int, *arguments: Any) -> Callable[[], None]:
    """A launch that is waited for."""
    from kernels.cuda.loops import cuda, launch

    def task() -> None:
        launch(name, threads, 0, *arguments)
        cuda.synchronize()

    return task


def counts(rows: int) -> tuple[bool, float, float]:
    """Sums and products of counts: equal, bytes of both, seconds of both kernels."""
    from kernels.cuda import calls
    from kernels.cuda.memory import bus

    size = 16 * rows
    random = np.random.default_rng(1)
    ms, ns = random.integers(-5, 1 << 40, (2, size), dtype=np.int64)
    equal, seconds = True, 0.0
    for body, kernel in ((church.add_counts, "add_batch"), (church.mult_counts, "mult_batch")):
        known, found = ((np.empty(size, np.int64), np.empty(size, np.uint8)) for _ in range(2))
        cpu.compiled(body)(ms, ns, 0, size, *known)
        getattr(calls, body.__name__)(ms, ns, *found)
        equal &= all(map(np.array_equal, known, found))
        images = [bus().put(a) for a in (ms, ns, *found)]
        seconds += median_seconds(on_card(kernel, calls.threads_for(size), *images))
    return equal, 2 * 25 * size, seconds


def numerals(rows: int) -> tuple[bool, float, float]:
    """Numerals written and read back: equal, bytes, seconds of both kernels."""
    from kernels.cuda import calls
    from kernels.cuda.memory import bus

    ns = np.random.default_rng(2).integers(0, 60, rows, dtype=np.int64)
    sizes = 2 * ns + 3
    starts = np.cumsum(sizes) - sizes
    known, found = (np.zeros(int(sizes.sum()), np.int32) for _ in range(2))
    cpu.compiled(church.encode_numerals)(ns, starts, 0, rows, known)
    calls.encode_numerals(ns, starts, found)
    values, short = np.empty(rows, np.int64), sizes.astype(np.int32)
    calls.decode_numerals(found, starts, short, values)
    equal = np.array_equal(known, found) and np.array_equal(values, ns)
    threads = calls.threads_for(rows)
    given = [bus().put(a) for a in (ns, starts, found, short)]
    seconds = median_seconds(on_card("encode_batch", threads, *given[:3]))
    seconds += median_seconds(
        on_card("decode_batch", threads, given[2], given[1], given[3], given[0])
    )
    return equal, 2 * 4 * len(found) + 36 * rows, seconds


def embedded(rows: int) -> tuple[bool, float, float]:
    """Vectors of closed terms: equal, bytes in and out, seconds of the kernel."""
    from kernels.cuda import calls
    from kernels.cuda.loops import cuda
    from kernels.cuda.memory import bus

    some = selftest.terms(rows, bits=34)
    count, longest = len(some.starts), int(some.sizes.max())
    known, found = (np.empty((count, DIMENSIONS), np.int16) for _ in range(2))
    scratch = np.empty(embed.SHAPES * longest, np.uint64), np.empty(DIMENSIONS, np.int32)
    cpu.compiled(embed.embed_terms)(*some, 0, count, *scratch, known)
    calls.embed_terms(*some, found)
    threads = calls.threads_for(count, 32 * longest + 4 * DIMENSIONS)
    room = (cuda.device_array((embed.SHAPES * longest, threads), np.uint64),
            cuda.device_array((DIMENSIONS, threads), np.int32))  # fmt: skip
    images = [bus().put(a) for a in some]
    task = on_card("embed_batch", threads, *images, *room, bus().put(found))
    moved = 4 * len(some.code) + 12 * count + 2 * DIMENSIONS * count
    return np.array_equal(known, found), moved, median_seconds(task)


def text_of(rows: int) -> tuple[Any, Any]:
    """Lines of random letters, `rows` of them."""
    random = np.random.default_rng(3)
    return random.integers(97, 123, LINE * rows, dtype=np.uint8), np.arange(rows + 1) * LINE


def literals(rows: int, count: int) -> tuple[Part, Figures]:
    """So many patterns of 8 to 20 bytes: whose lines hold which, and bytes of text a second."""
    from kernels.cuda import search_calls
    from kernels.cuda.loops import cuda
    from kernels.cuda.memory import bus

    buffer, offsets = text_of(rows)
    places = np.random.default_rng(count).integers(0, len(buffer) - 20, count)
    tables = prepared([buffer[a : a + 8 + a % 13].tobytes() for a in places], buffer)
    known = find(tables, buffer, offsets)
    bits, held = np.empty_like(known.bits), np.empty_like(known.counts)
    search_calls.find_literals(tables, buffer, offsets, bits, held)
    equal = np.array_equal(bits, known.bits) and np.array_equal(held, known.counts)
    text, edges, image, counted = (bus().put(a) for a in (buffer, offsets, bits, held))
    patterns = bus().put(tables.needles), bus().put(tables.starts)
    groups = [search_calls.table_of(group) for group in tables.groups]

    def task() -> None:
        search_calls.start_scan(0, groups, patterns, text, edges, image, counted)
        cuda.synchronize()

    rate = len(buffer) / median_seconds(task)
    whole = len(buffer) / median_seconds(
        lambda: search_calls.find_literals(tables, buffer, offsets, bits, held)
    )
    said = f"{rate / 1e9:,.0f} GB/s kernels, {whole / 1e9:,.1f} GB/s with transfers"
    return Part(f"{count} literals", said, ok=equal), {
        "bytes_per_s_kernel": rate, "bytes_per_s_whole": whole, "equal": equal,
        "goal_met": rate >= GOAL_LITERALS,
    }  # fmt: skip


def nearest(rows: int) -> tuple[Part, Figures]:
    """The 10 nearest of `rows` vectors to 256 queries: equal, and products a second."""
    from kernels.cuda import search_calls

    random = np.random.default_rng(4)
    stored = embeddings.NearestIndex(random.integers(-9, 10, (rows, DIMENSIONS), dtype=np.int16))
    queries = random.integers(-9, 10, (QUERIES, DIMENSIONS), dtype=np.int16)
    norms = (queries.astype(np.int64) ** 2).sum(axis=1)
    searcher = search_calls.Searcher(stored.vectors, stored.norms)
    known = stored.nearest(queries[:16], K)
    parts = searcher.nearest(queries[:16], norms[:16], K, by_cosine=True)
    whole = stored._answer(parts, (16, min(K, rows)), norms[:16], by_cosine=True)  # noqa: SLF001
    equal = np.array_equal(whole.rows, known.rows) and np.array_equal(whole.dots, known.dots)
    seconds = median_seconds(lambda: searcher.nearest(queries, norms, K, by_cosine=True))
    rate, limit = rows * QUERIES * DIMENSIONS / seconds, product_rate(rows)
    share = rate / limit if limit else None
    said = "no library for products here" if share is None else f"{share:.2f} of a float32 product"
    return Part("nearest", f"{rate / 1e9:,.0f} G products/s, {said}", ok=equal), {
        "products_per_s": rate, "float32_products_per_s": limit, "of_product": share,
        "equal": equal, "goal_met": share is not None and share >= GOAL_PRODUCT,
    }  # fmt: skip


def product_rate(rows: int) -> float | None:
    """Products a second of float32 matrices of the same shapes, by torch or CuPy if installed."""
    try:
        import torch
    except ImportError:
        return _by_cupy(rows)
    torch.backends.cuda.matmul.allow_tf32 = False
    left = torch.ones((rows, DIMENSIONS), device="cuda")
    right = torch.ones((DIMENSIONS, QUERIES), device="cuda")

    def task() -> None:
        left @ right
        torch.cuda.synchronize()

    return float(rows * QUERIES * DIMENSIONS / median_seconds(task))


def _by_cupy(rows: int) -> float | None:
    try:
        import cupy
    except ImportError:
        return None
    left = cupy.ones((rows, DIMENSIONS), cupy.float32)
    right = cupy.ones((DIMENSIONS, QUERIES), cupy.float32)

    def task() -> None:
        left @ right
        cupy.cuda.Stream.null.synchronize()

    return float(rows * QUERIES * DIMENSIONS / median_seconds(task))
