"""All closed terms of so many bits, reduced one after the other: which are left, which grew most.

A term is made from its number, reduced by the machine of `kernels.terms.reduce` within budgets,
and forgotten. Kept are the numbers of the terms without a normal form within them.
"""

from __future__ import annotations

from kernels.terms.enumerate_closed import write_term
from kernels.terms.packed import VAR, link
from kernels.terms.reduce import NORMAL, normalise
from kernels.typed import U


def bits_of(words, start, size):  # type: ignore[no-untyped-def]
    """The size of a packed term in binary lambda calculus: 2 a node, and a variable's index."""
    bits = 2 * size
    for i in range(start, start + size):
        word = words[U(i)]
        if word & 3 == VAR:
            bits += word >> 2
    return bits


def normalise_closed(  # type: ignore[no-untyped-def]
    counts, bits, first, last, max_steps, max_size, max_depth,
    code, stack, linking, out, left, largest,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Reduce the closed terms first..last-1 of so many bits; returns how many are left.

    counts: of `enumerate_closed.counted`. code, linking: int32[bits], stack int64[bits, 3]:
    scratch of one term; out int32[max_size]: scratch of its normal form. left: int64, one more
    than there may be terms: the numbers of those without a normal form within the budgets,
    ascending. largest: int64[2], the bits of the largest normal form and its term's number,
    the first of several; put in is what was largest before. The seven arrays at the end: as of
    `normalise`. Nothing leaves the processor's cache but `left`.
    """
    found = 0
    for rank in range(first, last):
        size = write_term(counts, bits, rank, code, 0, stack)
        link(code, 0, size, linking)
        outcome, _, nodes = normalise(
            code, 0, max_steps, max_size, max_depth, out, 0, 0, 0, -1, 0, -1, 0,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        )  # fmt: skip
        if outcome == NORMAL:
            grown = bits_of(out, 0, nodes)
            if grown > largest[0]:
                largest[0] = grown
                largest[1] = rank
        else:
            left[U(found)] = rank
            found += 1
    return found
