"""Normal forms over constants, by number: what a search in order of size goes through.

As `census`, but only terms without a redex outside the constants: a head (a variable,
a constant, or a head with an argument) or a lambda. Sizes are bits of binary lambda
calculus, where a variable of index i takes i + 2 bits, a lambda and an application 2
and what is inside; a constant takes `price` bits, whatever stands in its place.
The counting is that of K. Grygiel and P. Lescanne, Counting and generating terms in
the binary lambda calculus (2015), cut down to heads. The term of any number is written
without those before it. Bodies and their tables only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kernels.typed import U

from .packed import APP, LAM, VAR

Counts = npt.NDArray[np.int64]

#: Larger counts are held to be this: a product of two still fits an int64, and no
#: search comes so far.
MOST = (1 << 31) - 1
#: What is wanted: any form; a head; a head whose own head is one of some variables.
FORM, HEAD, LED = 0, 1, 2


def counted(bits: int, depth: int, constants: int = 0, price: int = 0) -> tuple[Counts, Counts]:
    """heads[n, m], forms[n, m]: those of n bits whose free indices are below m.

    int64 [bits + 1, depth + bits // 2 + 2]; at least as deep as a term of so many bits
    under `depth` lambdas can be.
    """
    deepest = depth + bits // 2 + 1
    heads = np.zeros((bits + 1, deepest + 1), dtype=np.int64)
    forms = np.zeros((bits + 1, deepest + 1), dtype=np.int64)
    for n in range(2, bits + 1):
        for m in range(deepest + 1):
            total = int(n - 2 < m) + (constants if n == price else 0)
            total += _pairs(heads[:, m], forms[:, m], n)
            heads[n, m] = min(total, MOST)
            inside = int(forms[n - 2, m + 1]) if n > 3 and m < deepest else 0
            forms[n, m] = min(total + inside, MOST)
    return heads, forms


def led(forms: Counts, depth: int, low: int, high: int) -> Counts:
    """led[n]: heads of n bits under `depth` lambdas that begin with a variable low..high-1."""
    counts = np.zeros(len(forms), dtype=np.int64)
    for n in range(2, len(forms)):
        total = int(low <= n - 2 < high) + _pairs(counts, forms[:, depth], n)
        counts[n] = min(total, MOST)
    return counts


def _pairs(left: Counts, right: Counts, n: int) -> int:
    """The applications of n bits."""
    if n < 6:
        return 0
    products = left[2 : n - 3].astype(object) * right[n - 4 : 1 : -1].astype(object)
    return int(products.sum())


def write_form(  # type: ignore[no-untyped-def]
    heads, forms, leading, low, high, price, places, sizes, words,
    kind, bits, depth, rank, code, at, stack,
):  # fmt: skip
    """Write the form number `rank` of a kind, so many bits and free indices to code[at:].

    heads, forms: of `counted`; leading: of `led` with these low and high (LED
    alone). places int64[constants], sizes int32[constants]: where the constants stand in
    `words`. stack int64 [bits + 2, 4]: scratch, (kind, bits, depth, rank) of the subterms
    still to be written. Offsets are left to `link`. Returns the words written; about 4
    bytes a node.
    """
    stack[0, 0] = kind
    stack[0, 1] = bits
    stack[0, 2] = depth
    stack[0, 3] = rank
    top = 1
    size = 0
    while top > 0:
        top -= 1
        kind = stack[U(top), 0]
        n = stack[U(top), 1]
        m = stack[U(top), 2]
        r = stack[U(top), 3]
        if n - 2 < (high if kind == LED else m) and (kind != LED or n - 2 >= low):
            if r == 0:
                code[U(at + size)] = (n - 2) << 2 | VAR
                size += 1
                continue
            r -= 1
        if kind != LED and n == price:
            if r < places.shape[0]:
                for k in range(sizes[U(r)]):
                    code[U(at + size + k)] = words[U(places[U(r)] + k)]
                size += sizes[U(r)]
                continue
            r -= places.shape[0]
        if kind == FORM and n > 3:
            inside = forms[U(n - 2), U(m + 1)]
            if r < inside:
                code[U(at + size)] = LAM
                size += 1
                stack[U(top), 0] = FORM
                stack[U(top), 1] = n - 2
                stack[U(top), 2] = m + 1
                stack[U(top), 3] = r
                top += 1
                continue
            r -= inside
        left = 2
        while True:
            count = leading[U(left)] if kind == LED else heads[U(left), U(m)]
            right = forms[U(n - 2 - left), U(m)]
            if r < count * right:
                break
            r -= count * right
            left += 1
        code[U(at + size)] = APP
        size += 1
        stack[U(top), 0] = FORM
        stack[U(top), 1] = n - 2 - left
        stack[U(top), 2] = m
        stack[U(top), 3] = r % right
        stack[U(top + 1), 0] = LED if kind == LED else HEAD
        stack[U(top + 1), 1] = left
        stack[U(top + 1), 2] = m
        stack[U(top + 1), 3] = r // right
        top += 2
    return size
