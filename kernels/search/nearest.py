"""The k nearest integer vectors by dot product or cosine, exact: what faiss calls a flat index.

Every decision is one of integers, so that all targets agree: dot products are
exact, cosines are compared as dot*|dot|*(the other's norm) in 128 bits, and of
equals the lower row comes first. Floats only sift: a row they pass over is
further away by more than their error.

Ranges: int8 or int16 vectors of at most 4,096 dimensions, so a squared norm is
at most 2**42, and what is compared for cosines at most 2**126. A dot product lies
within the square root of the product of the squared norms (Cauchy-Schwarz);
where that is below 2**31 for a block of rows it is summed in 32 bits, which is
four times as fast, else in 64.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.typed import U

MOST_DIMENSIONS = 4096
MOST_K = 4096  # a row enters the best by moving those behind it
#: Rows that are scored before any is looked at: 32 KiB of 256 dimensions in int16,
#: which stay in the first-level cache while one query after another meets them.
BLOCK = 64

NARROW = 1 << 62  # product of squared norms under which a dot product fits 32 bits
_SLACK = np.float32(2.0**-20)  # the sieve's relative error is below 2**-22, twice
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def wide_product(a, b):  # type: ignore[no-untyped-def]
    """The 128-bit product of two uint64, as (high, low)."""
    a0, a1 = a & _LOW, a >> _HALF
    b0, b1 = b & _LOW, b >> _HALF
    low = a0 * b0
    middle = a1 * b0 + (low >> _HALF)
    other = a0 * b1 + (middle & _LOW)
    return a1 * b1 + (middle >> _HALF) + (other >> _HALF), (other << _HALF) | (low & _LOW)


def square_times(dot, norm):  # type: ignore[no-untyped-def]
    """dot**2 * norm as (high, low); below 2**128 for |dot|, norm <= 2**42."""
    size = np.uint64(abs(dot))
    high, low = wide_product(size, size)
    carried, last = wide_product(low, np.uint64(norm))
    return high * np.uint64(norm) + carried, last


def nearer(dot, norm, other, other_norm, by_cosine):  # type: ignore[no-untyped-def]
    """Whether a row comes strictly before another one, by dot products and squared norms."""
    if not by_cosine:
        return dot > other
    if dot <= 0 <= other or other <= 0 <= dot:
        return dot > other
    high, low = square_times(dot, other_norm)
    other_high, other_low = square_times(other, norm)
    greater = high > other_high or (high == other_high and low > other_low)
    equal = high == other_high and low == other_low
    return greater if dot > 0 else not (greater or equal)


def norms_of(vectors, lo, hi, norms, inverses):  # type: ignore[no-untyped-def]
    """Squared norms (int64) of the rows lo..hi-1, and float32 inverse norms (0 of a zero vector).

    One pass, 2 bytes a dimension (int16).
    """
    for i in range(lo, hi):
        total = np.int64(0)
        for j in range(vectors.shape[1]):
            v = np.int64(vectors[U(i), U(j)])
            total += v * v
        norms[U(i)] = total
        inverses[U(i)] = np.float32(1.0 / math.sqrt(np.float64(total))) if total > 0 else 0


def dots_narrow(vectors, lo, hi, query, scores):  # type: ignore[no-untyped-def]
    """Dot products of the rows lo..hi-1 that fit int32; scores[0:hi-lo] int64.

    Sums may leave 32 bits on the way: they come back, modulo 2**32.
    """
    for i in range(lo, hi):
        total = np.int32(0)
        for j in range(query.shape[0]):
            total = np.int32(total + np.int32(vectors[U(i), U(j)]) * np.int32(query[U(j)]))
        scores[U(i - lo)] = total


def dots_wide(vectors, lo, hi, query, scores):  # type: ignore[no-untyped-def]
    """Dot products of the rows lo..hi-1 in 64 bits; scores[0:hi-lo] int64."""
    for i in range(lo, hi):
        total = np.int64(0)
        for j in range(query.shape[0]):
            total += np.int64(vectors[U(i), U(j)]) * np.int64(query[U(j)])
        scores[U(i - lo)] = total


def some_pass(scores, inverses, lo, count, by_cosine, dot, inverse):  # type: ignore[no-untyped-def]
    """How many of a block's rows may come before one with this dot product; never too few."""
    passing = 0
    if by_cosine:
        bound = np.float32(dot) * inverse
        bound = np.float32(bound - abs(bound) * _SLACK)
        for r in range(count):
            passing += np.float32(scores[U(r)]) * inverses[U(lo + r)] > bound
    else:
        for r in range(count):
            passing += scores[U(r)] > dot
    return passing


def enter(dot, row, norms, by_cosine, best_dots, best_rows, filled):  # type: ignore[no-untyped-def]
    """Put a row in its place among the best, behind its equals; returns how many there are.

    best_dots, best_rows: int64[k], the first `filled` in order.
    """
    k = best_rows.shape[0]
    at = filled
    while at > 0 and nearer(
        dot, norms[U(row)], best_dots[U(at - 1)], norms[U(best_rows[U(at - 1)])], by_cosine
    ):
        at -= 1
    if at >= k:
        return filled
    last = filled if filled < k else k - 1
    for r in range(last, at, -1):
        best_dots[U(r)] = best_dots[U(r - 1)]
        best_rows[U(r)] = best_rows[U(r - 1)]
    best_dots[U(at)] = dot
    best_rows[U(at)] = row
    return last + 1


def nearest(  # type: ignore[no-untyped-def]
    vectors, norms, inverses, lo, hi, queries, query_norms, by_cosine,
    best_dots, best_rows, scores,
):  # fmt: skip
    """The k best of the rows lo..hi-1 (at least k of them) for every query.

    vectors int8 or int16 [N, D], queries the same [Q, D]; norms int64[N], inverses
    float32[N], query_norms int64[Q] as `norms_of` has them; best_dots, best_rows
    int64[Q, k]: the result, in order; scores int64[BLOCK]: scratch. The rows are
    read once: 2 bytes a dimension (int16) and 12 a row for all queries together.
    """
    k = best_rows.shape[1]
    for first in range(lo, hi, BLOCK):
        count = min(BLOCK, hi - first)
        largest = np.int64(1)
        for r in range(first, first + count):
            largest = max(largest, norms[U(r)])
        for q in range(queries.shape[0]):
            query = queries[q]
            if query_norms[U(q)] < NARROW // largest:
                dots_narrow(vectors, first, first + count, query, scores)
            else:
                dots_wide(vectors, first, first + count, query, scores)
            filled = min(first - lo, k)
            if filled == k:
                dot = best_dots[U(q), U(k - 1)]
                inverse = inverses[U(best_rows[U(q), U(k - 1)])]
                if some_pass(scores, inverses, first, count, by_cosine, dot, inverse) == 0:
                    continue
            dots, rows = best_dots[q], best_rows[q]
            for r in range(count):
                filled = enter(scores[U(r)], first + r, norms, by_cosine, dots, rows, filled)


def merge(norms, by_cosine, dots, rows, best_dots, best_rows):  # type: ignore[no-untyped-def]
    """The best of several lists of best rows, one behind the other, those of lower rows first.

    dots, rows int64[Q, all], best_dots, best_rows int64[Q, at most as many].
    """
    for q in range(best_rows.shape[0]):
        filled = 0
        for r in range(rows.shape[1]):
            filled = enter(
                dots[U(q), U(r)], rows[U(q), U(r)], norms, by_cosine,
                best_dots[q], best_rows[q], filled,
            )  # fmt: skip
