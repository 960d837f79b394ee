"""Random closed terms as algorithmic chemistry draws them, beside those of `random_terms`.

Trees: the binary search tree of a random permutation, whose leaves are variables, whose
nodes with one child are lambdas, with two applications. Variables are bound by depth (one
of the lambdas above), or some stay free and are bound by a prefix of lambdas (Mathis,
Patel, Weimer and Forrest, Self-organization in computation and chemistry: return to
AlChemy, Chaos 34, 2024). Binary lambda calculus: each closed term of so many bits is as
likely (Tromp; Grygiel and Lescanne 2015). Must not know where the draws come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

from automaton.terms.arrays import Words
from automaton.terms.packed import apply, lam, var

#: Gives a whole number from 0 to bound - 1.
Below = Callable[[int], int]
#: Most nodes of a tree, and bits of a term.
MOST_TREE, MOST_BITS = 400, 300
_PERCENT = 100
_VARIABLE, _LAMBDA = -2, -1
_LEAST = 2  # bits of a term
#: Of 100 leaves of a tree, those that stay free, and how many different ones there are.
FREE, PALETTE = 20, 6


def tree(nodes: int, below: Below, free: int = FREE, palette: int = PALETTE) -> Words:
    """A term of a tree of so many nodes, closed by a prefix of lambdas.

    free: percent of the leaves under lambdas that are free variables; of those under
    none, all are. palette: how many different free variables there are.
    """
    children = _search_tree(_permutation(nodes, below))

    def term(node: int, depth: int) -> tuple[Words, int]:
        """The term, and how many lambdas must stand before it to close it."""
        left, right = children[node]
        if left is None and right is None:
            loose = depth == 0 or below(_PERCENT) < free
            index = depth + below(palette) if loose else below(depth)
            return var(index), max(0, index + 1 - depth)
        if left is None or right is None:
            only = right if left is None else left
            assert only is not None
            body, missing = term(only, depth + 1)
            return lam(body), missing
        function, first = term(left, depth)
        argument, second = term(right, depth)
        return apply(function, argument), max(first, second)

    words, missing = term(0, 0)
    for _ in range(missing):
        words = lam(words)
    return np.asarray(words, dtype=np.int32)


def bound_tree(nodes: int, below: Below) -> Words:
    """The same with each variable bound by one of the lambdas above it.

    A leaf under none is bound by one lambda before the term.
    """
    return tree(nodes, below, free=0, palette=1)


def _permutation(count: int, below: Below) -> list[int]:
    """The numbers 0 to count - 1 in an order drawn evenly (Fisher and Yates)."""
    order = list(range(count))
    for k in range(count - 1, 0, -1):
        other = below(k + 1)
        order[k], order[other] = order[other], order[k]
    return order


def _search_tree(order: list[int]) -> list[tuple[int | None, int | None]]:
    """The children, left and right, of each node in the order in which they came."""
    left: list[int | None] = [None] * len(order)
    right: list[int | None] = [None] * len(order)
    for node in range(1, len(order)):
        at = 0
        while True:
            side = left if order[node] <= order[at] else right
            child = side[at]
            if child is None:
                side[at] = node
                break
            at = child
    return list(zip(left, right, strict=True))


def binary_term(bits: int, below: Below) -> Words | None:
    """A closed term of so many bits in binary lambda calculus; None where there is none."""
    count = _binary_count(bits, 0)
    return np.asarray(_binary(bits, 0, below(count)), dtype=np.int32) if count else None


@cache
def _binary_count(bits: int, depth: int) -> int:
    """Terms of so many bits under so many lambdas."""
    return sum(count for _, count in _binary_ways(bits, depth))


def _binary_ways(bits: int, depth: int) -> Iterator[tuple[int, int]]:
    """Terms by shape: a variable, a lambda, else an application by its function's bits.

    A variable of index i takes i + 2 bits, a lambda and an application 2.
    """
    yield _VARIABLE, int(_LEAST <= bits <= depth + 1)
    if bits >= 2 * _LEAST:
        yield _LAMBDA, _binary_count(bits - 2, depth + 1)
        for first in range(2, bits - 3):
            ways = _binary_count(first, depth)
            yield first, ways * _binary_count(bits - 2 - first, depth) if ways else 0


def _binary(bits: int, depth: int, number: int) -> Words:
    """The term of a number among those of so many bits."""
    ways = list(_binary_ways(bits, depth))
    place = 0
    while number >= ways[place][1]:
        number -= ways[place][1]
        place += 1
    shape = ways[place][0]
    if shape == _VARIABLE:
        return var(bits - 2)
    if shape == _LAMBDA:
        return lam(_binary(bits - 2, depth + 1, number))
    rest = bits - 2 - shape
    first, second = divmod(number, _binary_count(rest, depth))
    return apply(_binary(shape, depth, first), _binary(rest, depth, second))
