"""Terms that benchmarks compute with: all closed ones of a size."""

from __future__ import annotations

from itertools import product

from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM, linked


def closed_terms(bits: int) -> list[Words]:
    """All closed terms of so many bits in binary lambda calculus."""
    known: dict[tuple[int, int], list[list[int]]] = {}

    def bodies(size: int, depth: int) -> list[list[int]]:
        if size < 2:
            return []
        if (size, depth) not in known:
            found = [[(size - 2) << 2]] if size - 2 < depth else []
            found += [[LAM, *body] for body in bodies(size - 2, depth + 1)]
            for left in range(2, size - 3):
                pairs = product(bodies(left, depth), bodies(size - 2 - left, depth))
                found += [[APP, *f, *a] for f, a in pairs]
            known[size, depth] = found
        return known[size, depth]

    return [linked(words) for words in bodies(bits, 0)]
