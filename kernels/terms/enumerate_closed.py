"""The closed terms of so many bits of binary lambda calculus, by number: inputs for tests.

A variable with index i takes i + 2 bits, a lambda and an application 2 and what
is inside. `counts` (OEIS A114852 is its first column) says how many terms lie in
each branch, so the term of any number is found without those before it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kernels.typed import U

from .packed import APP, LAM, VAR, link


def counted(bits: int) -> npt.NDArray[np.int64]:
    """counts[n, m]: the terms of n bits whose free indices are below m; int64 [bits+1, bits+2]."""
    counts = np.zeros((bits + 1, bits + 2), dtype=np.int64)
    for n in range(2, bits + 1):
        for m in range(bits - n + 2):
            pairs = (counts[k, m] * counts[n - 2 - k, m] for k in range(2, n - 3))
            counts[n, m] = int(n - 2 < m) + (counts[n - 2, m + 1] if n > 3 else 0) + sum(pairs)
    return counts


def write_term(counts, bits, rank, code, at, stack):  # type: ignore[no-untyped-def]
    """Write the closed term number `rank` of so many bits to code[at:]; returns its size.

    counts: of `counted`; stack int64 [bits, 3]: scratch, (bits, depth, rank) of the
    subterms still to be written.
    """
    stack[0, 0] = bits
    stack[0, 1] = 0
    stack[0, 2] = rank
    top = 1
    size = 0
    while top > 0:
        top -= 1
        n = stack[U(top), 0]
        m = stack[U(top), 1]
        r = stack[U(top), 2]
        if n - 2 < m:
            if r == 0:
                code[U(at + size)] = (n - 2) << 2 | VAR
                size += 1
                continue
            r -= 1
        inside = counts[U(n - 2), U(m + 1)]
        if r < inside:
            code[U(at + size)] = LAM
            size += 1
            stack[U(top), 0] = n - 2
            stack[U(top), 1] = m + 1
            stack[U(top), 2] = r
            top += 1
            continue
        r -= inside
        left = 2
        pairs = counts[U(left), U(m)] * counts[U(n - 2 - left), U(m)]
        while r >= pairs:
            r -= pairs
            left += 1
            pairs = counts[U(left), U(m)] * counts[U(n - 2 - left), U(m)]
        code[U(at + size)] = APP
        size += 1
        right = counts[U(n - 2 - left), U(m)]
        stack[U(top), 0] = n - 2 - left
        stack[U(top), 1] = m
        stack[U(top), 2] = r % right
        stack[U(top + 1), 0] = left
        stack[U(top + 1), 1] = m
        stack[U(top + 1), 2] = r // right
        top += 2
    return size


def write_terms(counts, bits, first, starts, sizes, code, stack, linking):  # type: ignore[no-untyped-def]
    """Write the terms first, first+1, ...: starts int64[n], sizes int32[n], code int32[n * bits].

    linking int32[bits]: scratch. Returns the number of words. 4 bytes a node out.
    """
    at = 0
    for i in range(starts.shape[0]):
        size = write_term(counts, bits, first + i, code, at, stack)
        link(code, at, size, linking)
        starts[U(i)] = at
        sizes[U(i)] = size
        at += size
    return at
