"""The loops of `cuda` for searching: literals in strings, the nearest of integer vectors.

Literals: a thread a place of the text. The bodies say where a pattern stands; a bit
and a count are set by atomic instructions, whose order changes no result. Top-k: dot
products by tiles that a block holds in shared memory, modulo 2**32 as in
`topk.dots_narrow`, so their order does not matter either; then the best of
segments of rows, and of segments of these. Buffers and transfers are `search_calls`'.
"""

from __future__ import annotations

import numpy as np

from kernels.search.grams import begin_of, entries_at
from kernels.search.literals import string_with
from kernels.search.nearest import dots_wide, enter
from kernels.typed import U

from .compiler import cuda, types
from .loops import BLOCK, register

#: A tile of dot products: rows, queries, and dimensions that are in shared memory at
#: a time. Each thread of a block has 4 x 4 of them: two loads for four products.
ROWS, QUERIES, DEEP = 64, 32, 16
assert ROWS * QUERIES == 16 * BLOCK
_LEFT, _RIGHT = (DEEP, ROWS + 1), (DEEP, QUERIES + 1)  # one more: columns in other banks

_ONE, _LAST = np.uint64(1), np.uint64(63)


def set_bit(row, k, bits, counts):  # type: ignore[no-untyped-def]
    """Enter that the string `row` holds pattern k, once, whoever else finds it."""
    word = k >> 6
    bit = _ONE << (np.uint64(k) & _LAST)
    if bits[row, word] & bit == 0 and cuda.atomic.or_(bits, (row, word), bit) & bit == 0:
        cuda.atomic.add(counts, k, 1)


def clear(words):  # type: ignore[no-untyped-def]
    """Zero uint64 words."""
    for i in range(cuda.grid(1), words.shape[0], cuda.gridsize(1)):
        words[U(i)] = np.uint64(0)


def find_triples(  # type: ignore[no-untyped-def]
    stop, buffer, offsets, needles, starts, second, third, one, two, three, number, place,
    bits, counts,
):  # fmt: skip
    """`literals.scan_triples` of the text buffer[0:stop]: each place against all triples."""
    for at in range(cuda.grid(1), stop - third, cuda.gridsize(1)):
        a, b, c = buffer[U(at)], buffer[U(at + second)], buffer[U(at + third)]
        for j in range(number.shape[0]):
            if a == one[U(j)] and b == two[U(j)] and c == three[U(j)]:
                k = np.int64(number[U(j)])
                row = string_with(buffer, at - place[U(j)], k, stop, offsets, needles, starts)
                if row >= 0:
                    set_bit(row, k, bits, counts)


def find_grams(  # type: ignore[no-untyped-def]
    stop, buffer, offsets, needles, starts, stride, first, shift, table, coarse, second,
    fine_shift, fine, bucket_shift, bucket, window, back, number, place, width, bits, counts,
):  # fmt: skip
    """`grams.scan_grams` of the text buffer[0:stop]: a sampled place a thread."""
    thread = cuda.grid(1)
    for near in range(thread * stride, stop, cuda.gridsize(1) * stride):
        entry, behind = entries_at(
            buffer, near, stop, first, shift, table, coarse, second, fine_shift, fine,
            bucket_shift, bucket,
        )  # fmt: skip
        for e in range(entry, behind):
            at = begin_of(buffer, near, stop, e, window, back, number, place, width)
            if at >= 0:
                k = np.int64(number[U(e)])
                row = string_with(buffer, at, k, stop, offsets, needles, starts)
                if row >= 0:
                    set_bit(row, k, bits, counts)


def dot_tiles(vectors, lo, queries, scores):  # type: ignore[no-untyped-def]
    """Dot products of the rows from lo on with all queries, modulo 2**32 as int32.

    vectors, queries int16 [N, D] and [Q, D]; scores int64 [rows, Q]. Whole blocks only.
    A tile reads 2 bytes a dimension of its rows and queries, and writes 8 a product.
    """
    left = cuda.shared.array(_LEFT, types.int32)
    right = cuda.shared.array(_RIGHT, types.int32)
    part = cuda.local.array((4, 4), types.int32)
    thread = cuda.threadIdx.x
    across = (scores.shape[1] + QUERIES - 1) // QUERIES
    tiles = (scores.shape[0] + ROWS - 1) // ROWS * across
    r0, q0 = thread // (QUERIES // 4), thread % (QUERIES // 4)
    for tile in range(cuda.blockIdx.x, tiles, cuda.gridDim.x):
        row, query = tile // across * ROWS, tile % across * QUERIES
        for i in range(4):
            for j in range(4):
                part[i, j] = 0
        for deep in range(0, vectors.shape[1], DEEP):
            for k in range(thread, ROWS * DEEP, BLOCK):
                r, d = k // DEEP, k % DEEP
                there = row + r < scores.shape[0] and deep + d < vectors.shape[1]
                left[d, r] = vectors[U(lo + row + r), U(deep + d)] if there else 0
            for k in range(thread, QUERIES * DEEP, BLOCK):
                r, d = k // DEEP, k % DEEP
                there = query + r < scores.shape[1] and deep + d < vectors.shape[1]
                right[d, r] = queries[U(query + r), U(deep + d)] if there else 0
            cuda.syncthreads()
            for d in range(DEEP):
                for i in range(4):
                    for j in range(4):
                        more = left[d, r0 + 16 * i] * right[d, q0 + 8 * j]
                        part[i, j] = np.int32(part[i, j] + more)
            cuda.syncthreads()
        for i in range(4):
            for j in range(4):
                r, q = row + r0 + 16 * i, query + q0 + 8 * j
                if r < scores.shape[0] and q < scores.shape[1]:
                    scores[U(r), U(q)] = part[i, j]


def dot_rows(vectors, lo, queries, scores):  # type: ignore[no-untyped-def]
    """`topk.dots_wide`: the same in 64 bits, a product a thread, for vectors of great length."""
    across = scores.shape[1]
    for k in range(cuda.grid(1), scores.shape[0] * across, cuda.gridsize(1)):
        r, q = k // across, k % across
        row = lo + r
        dots_wide(vectors, row, row + 1, queries[U(q)], scores[U(r), q : q + 1])


def best_of_rows(scores, lo, norms, by_cosine, dots, rows):  # type: ignore[no-untyped-def]
    """The k best of each of S segments of rows, by `topk.enter`; dots, rows int64 [Q, S, k].

    scores int64 [rows, Q], at least k rows a segment; row r of scores is row lo + r.
    """
    across = scores.shape[1]
    segments = rows.shape[1]
    for t in range(cuda.grid(1), segments * across, cuda.gridsize(1)):
        s, q = t // across, t % across
        filled = 0
        for r in range(s * scores.shape[0] // segments, (s + 1) * scores.shape[0] // segments):
            filled = enter(
                scores[U(r), U(q)], lo + r, norms, by_cosine,
                dots[U(q), U(s)], rows[U(q), U(s)], filled,
            )  # fmt: skip


def merge_best(norms, by_cosine, dots, rows, best_dots, best_rows):  # type: ignore[no-untyped-def]
    """`topk.merge` of neighbouring lists; int64 [Q, lists * k] to [Q, fewer lists, k]."""
    groups, k = best_rows.shape[1], best_rows.shape[2]
    lists = rows.shape[1] // k
    for t in range(cuda.grid(1), rows.shape[0] * groups, cuda.gridsize(1)):
        q, g = t // groups, t % groups
        filled = 0
        for r in range(g * lists // groups * k, (g + 1) * lists // groups * k):
            filled = enter(
                dots[U(q), U(r)], rows[U(q), U(r)], norms, by_cosine,
                best_dots[U(q), U(g)], best_rows[U(q), U(g)], filled,
            )  # fmt: skip


register(clear, "u8")
register(find_triples, "int u1 i8 u1 i8 int int u1 u1 u1 i4 i8 u8x2 i8")
register(
    find_grams,
    "int u1 i8 u1 i8 int word word u1 u8 word word u8 word i4 u8 i8 i4 i8 word u8x2 i8",
)
register(dot_tiles, "i2x2 int i2x2 i8x2", 4)  # 128 registers: 16 sums and what they are made of
register(dot_rows, "i2x2 int i2x2 i8x2")
register(best_of_rows, "i8x2 int i8 bool i8x3 i8x3")
register(merge_best, "i8 bool i8x2 i8x2 i8x3 i8x3")
