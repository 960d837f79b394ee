"""What cycles need beside reactions: draws, terms gathered, hashes, what is most alike.

A cycle looks at some hundred terms of a snapshot; gathered together they are small
enough for the nearest cache, and nothing of the snapshot is written. Bodies only.
"""

from __future__ import annotations

import numpy as np

from kernels.philox import CYCLE, below, draw
from kernels.terms.embed import count_shapes
from kernels.terms.packed import term_hash
from kernels.typed import U

#: Dimensions of what is compared; counts are cut to -LARGEST..LARGEST.
DIMENSIONS = 64
LARGEST = 1023


def gather(code, start, size, rows, into, begins, sizes):  # type: ignore[no-untyped-def]
    """Copy the terms of some rows (int32[n]), one behind the other; returns their words.

    code int32 with start int64, size int32 by row; into int32, begins int64[n] and
    sizes int32[n] are the result. 8 bytes a node moved.
    """
    at = 0
    for k in range(rows.shape[0]):
        row = rows[U(k)]
        begins[U(k)] = at
        sizes[U(k)] = size[U(row)]
        begin = start[U(row)]
        for i in range(size[U(row)]):
            into[U(at + i)] = code[U(begin + i)]
        at += size[U(row)]
    return at


def hashes(code, begins, sizes, found):  # type: ignore[no-untyped-def]
    """The hash of each term, uint64[n]; one that begins at -1 is none and gets 0.

    code int32, begins int64[n], sizes int32[n].
    """
    for k in range(begins.shape[0]):
        found[U(k)] = np.uint64(0)
        if begins[U(k)] >= 0:
            found[U(k)] = term_hash(code, begins[U(k)], sizes[U(k)])


def is_known(h, known):  # type: ignore[no-untyped-def]
    """Whether a hash stands in known (uint64, ascending)."""
    low = 0
    high = known.shape[0]
    while low < high:
        middle = (low + high) >> 1
        if known[U(middle)] < h:
            low = middle + 1
        else:
            high = middle
    return low < known.shape[0] and known[U(low)] == h


def cut(vectors, norms):  # type: ignore[no-untyped-def]
    """Cut the counts of vectors (int16 [n, D]); their squared lengths into norms (int64[n])."""
    for k in range(vectors.shape[0]):
        norm = np.int64(0)
        for j in range(vectors.shape[1]):
            count = min(max(vectors[U(k), U(j)], -LARGEST), LARGEST)
            vectors[U(k), U(j)] = count
            norm += np.int64(count) * np.int64(count)
        norms[U(k)] = norm


def drawn(seed, stage, bound, found):  # type: ignore[no-untyped-def]
    """Draws of a stage, each below `bound`, into found (int64[n]); the others uint64."""
    for k in range(found.shape[0]):
        found[U(k)] = np.int64(below(draw(seed, stage, np.uint64(k), CYCLE)[0], bound))


def recall(words, shapes, sums, vectors, norms, best, likeness):  # type: ignore[no-untyped-def]
    """The numbers of the vectors that are most like a term's, ties as they come; how many.

    words int32[n]; vectors int16 [m, D] with norms int64[m] of `cycles.cut`; best and
    likeness int64[K] are the result: the squared cosine times the term's squared length
    and 2**10, 0 for an obtuse angle; squared products are below 2**52, so nothing
    overflows. shapes uint64[4 * n], sums int32[D]: scratch.
    """
    for j in range(sums.shape[0]):
        sums[U(j)] = 0
    count_shapes(words, 0, words.shape[0], shapes, sums)
    for j in range(sums.shape[0]):
        sums[U(j)] = min(max(sums[U(j)], -LARGEST), LARGEST)
    kept = 0
    for k in range(norms.shape[0]):
        product = np.int64(0)
        for j in range(sums.shape[0]):
            product += np.int64(sums[U(j)]) * np.int64(vectors[U(k), U(j)])
        like = np.int64(0)
        if product > 0:
            like = ((product * product) << 10) // norms[U(k)]
        at = kept
        while at > 0 and likeness[U(at - 1)] < like:
            if at < best.shape[0]:
                best[U(at)] = best[U(at - 1)]
                likeness[U(at)] = likeness[U(at - 1)]
            at -= 1
        if at < best.shape[0]:
            best[U(at)] = k
            likeness[U(at)] = like
            kept = min(kept + 1, best.shape[0])
    return kept
