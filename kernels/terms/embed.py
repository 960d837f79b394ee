"""Vectors of terms: signed counts of their subterms' shapes, no model, no floats.

Weisfeiler-Lehman subtree features (Shervashidze et al., Weisfeiler-Lehman graph
kernels, JMLR 2011) put into D counts by signed feature hashing (Weinberger et
al., Feature hashing for large scale multitask learning, ICML 2009). All
arithmetic is modulo 2**64:

  label(s)    the word of a variable, the tag of a lambda or an application
  shape0(s)   = mix(label(s))
  shape<d>(s) = mix(label(s) + d*2**32 + FIRST*shape<d-1>(s's function or body)
                                       + SECOND*shape<d-1>(s's argument))
  mix(x)      : x *= FIRST; x ^= x >> 32; x *= SECOND; x ^= x >> 32

for d = 1, 2, 3; a child that is not there counts 0. Every subterm s of a term
gives two features, shape1(s) and shape3(s), and the whole term one more, its
`packed.term_hash`. (The labels alone, shape0, would make all terms alike.) A
feature h adds 1 - 2*(h & 1) to the count at ((h >> 32) * D) >> 32. At last
counts are cut to -32767..32767.

No vector is zero: a term of n nodes has 2n + 1 features, an odd number, and
each changes the sum of the counts by one up or down; so the sum is odd, some
count is not 0, and cutting keeps it so. Terms that share most of their small
shapes share most of their features, hence are near.
"""

from __future__ import annotations

import math

import numpy as np

from kernels.typed import U, signed

from .packed import APP, VAR, term_hash

DIMENSIONS = 256
SHAPES = 4  # depths 0 to 3
LARGEST_COUNT = 32767

_FIRST = signed(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd
_SECOND = signed(0xD6E8FEB86659FD93)  # from Pelle Evensen's rrmxmx family
_HALF = np.uint64(32)
_ONE = np.uint64(1)


def mix(x):  # type: ignore[no-untyped-def]
    """A 64-bit hash of a 64-bit word."""
    x = x * np.uint64(_FIRST)
    x = (x ^ (x >> _HALF)) * np.uint64(_SECOND)
    return x ^ (x >> _HALF)


def count_feature(h, sums):  # type: ignore[no-untyped-def]
    """Add a feature's sign to its count; sums int32[D]."""
    at = ((h >> _HALF) * np.uint64(sums.shape[0])) >> _HALF
    sums[U(at)] += 1 - 2 * np.int32(h & _ONE)


def count_shapes(words, start, size, shapes, sums):  # type: ignore[no-untyped-def]
    """Add the features of the linked term at words[start] to sums (int32[D]).

    From the last word to the first, so that children come before their parent;
    shapes: uint64[4 * size], scratch, the shapes of word i from 4*i on.
    """
    for i in range(size - 1, -1, -1):
        word = words[U(start + i)]
        tag = word & 3
        label = np.uint64(word if tag == VAR else tag)
        shapes[U(SHAPES * i)] = mix(label)
        for d in range(1, SHAPES):
            x = label + (np.uint64(d) << _HALF)
            if tag != VAR:
                x += np.uint64(_FIRST) * shapes[U(SHAPES * (i + 1) + d - 1)]
            if tag == APP:
                x += np.uint64(_SECOND) * shapes[U(SHAPES * (i + (word >> 2)) + d - 1)]
            h = mix(x)
            shapes[U(SHAPES * i + d)] = h
            if d & 1:
                count_feature(h, sums)
    count_feature(term_hash(words, start, size), sums)


def embed_terms(code, starts, sizes, lo, hi, shapes, sums, vectors):  # type: ignore[no-untyped-def]
    """The vectors of the terms lo..hi-1; vectors int16 [n, D].

    code int32, starts int64[n], sizes int32[n] or int64[n]; shapes uint64[4 * the
    largest size], sums int32[D]: scratch. 4 bytes a node in, 2 a dimension out.
    """
    for j in range(sums.shape[0]):
        sums[U(j)] = 0
    for i in range(lo, hi):
        count_shapes(code, starts[U(i)], sizes[U(i)], shapes, sums)
        for j in range(sums.shape[0]):
            count = min(max(sums[U(j)], -LARGEST_COUNT), LARGEST_COUNT)
            vectors[U(i), U(j)] = count
            sums[U(j)] = 0


def unit_rows(vectors, lo, hi, units):  # type: ignore[no-untyped-def]
    """The rows lo..hi-1 scaled to length 1, for stores; units float32 [n, D].

    1/sqrt in float64, one product, one rounding: the same on every target.
    2 bytes a dimension in, 4 out.
    """
    for i in range(lo, hi):
        total = np.int64(0)
        for j in range(vectors.shape[1]):
            v = np.int64(vectors[U(i), U(j)])
            total += v * v
        inverse = 1.0 / math.sqrt(np.float64(total)) if total > 0 else 0.0
        for j in range(vectors.shape[1]):
            units[U(i), U(j)] = np.float32(np.float64(vectors[U(i), U(j)]) * inverse)
