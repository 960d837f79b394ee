"""Closed lambda terms of so many nodes, counted and numbered, so that one can be drawn evenly.

A variable, a lambda and an application are a node each. The number of terms with n nodes
whose free variables are among m follows from the three shapes a term may have; the term of
a number is found by going down the branch in which the number lies (Grygiel and Lescanne,
Counting and generating lambda terms, Journal of Functional Programming 23, 2013; recursive
method of Nijenhuis and Wilf). `depth` bounds how many lambdas may stand around a node.
Whoever draws the number draws the term. The other generators are those of `generators`. Pure.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from automaton.errors import UsageError
from automaton.terms.arrays import Words
from automaton.terms.generators import MOST_BITS as MOST_BITS  # noqa: PLC0414 - of the face
from automaton.terms.generators import MOST_TREE as MOST_TREE  # noqa: PLC0414 - of the face
from automaton.terms.generators import Below
from automaton.terms.generators import binary_term as binary_term  # noqa: PLC0414 - of the face
from automaton.terms.generators import bound_tree as bound_tree  # noqa: PLC0414 - of the face
from automaton.terms.generators import tree as tree  # noqa: PLC0414 - of the face
from automaton.terms.packed import apply, lam, var
from automaton.terms.probabilistic_grammar import MOST_LEVELS, grammar_term

#: Most nodes of a term: the table has size x depth whole numbers of up to size x 2 bits.
MOST_NODES = 200


class TermCounts:
    """How many terms there are by nodes and by lambdas around them, up to some size."""

    def __init__(self, size: int, depth: int) -> None:
        self.size, self.depth = size, min(depth, size)
        #: count[n][m]: terms of n nodes under m lambdas; no more than `depth` of these.
        self.count = [[0] * (self.depth + 2) for _ in range(size + 1)]
        for n in range(1, size + 1):
            for m in range(self.depth + 1):
                self.count[n][m] = sum(self._ways(n, m))

    def closed(self, nodes: int) -> int:
        """How many closed terms have so many nodes."""
        return self.count[nodes][0]

    def term(self, nodes: int, number: int) -> Words:
        """The closed term of a number from 0; a number that is too large is an error."""
        if not 0 <= number < self.closed(nodes):
            raise UsageError(f"there are {self.closed(nodes)} closed terms of {nodes} nodes")
        return np.asarray(self._built(nodes, 0, number), dtype=np.int32)

    def _ways(self, n: int, m: int) -> list[int]:
        """Terms by shape: a variable, a lambda, an application by the nodes of its function."""
        count = self.count
        lambdas = count[n - 1][m + 1] if m < self.depth else 0
        pairs = [count[k][m] * count[n - 1 - k][m] for k in range(1, n - 1)]
        return [m if n == 1 else 0, lambdas, *pairs]

    def _built(self, n: int, m: int, number: int) -> Words:
        shape, ways = 0, self._ways(n, m)
        while number >= ways[shape]:
            number -= ways[shape]
            shape += 1
        if shape == 0:
            return var(number)
        if shape == 1:
            return lam(self._built(n - 1, m + 1, number))
        nodes = shape - 1  # of the function
        first, second = divmod(number, self.count[n - 1 - nodes][m])
        return apply(self._built(nodes, m, first), self._built(n - 1 - nodes, m, second))


def generated(kind: str, numbers: tuple[int, ...], below: Below) -> Words:
    """A random term of a generator (`tree:20`); one that has none to give is a `UsageError`."""
    if kind in {"tree", "depth"}:
        nodes = numbers[0]
        if not 1 <= nodes <= MOST_TREE:
            raise UsageError(f"{kind}:{nodes}: from 1 to {MOST_TREE} nodes")
        return bound_tree(nodes, below) if kind == "depth" else tree(nodes, below, *numbers[1:])
    if kind == "blc":
        words = binary_term(numbers[0], below) if numbers[0] <= MOST_BITS else None
        if words is None:
            raise UsageError(f"blc:{numbers[0]}: there is no such closed term of 4 to 300 bits")
        return words
    if kind == "grammar":
        if not 1 <= numbers[0] <= MOST_LEVELS:
            raise UsageError(f"grammar:{numbers[0]}: from 1 to {MOST_LEVELS} levels")
        return grammar_term(numbers[0], below)
    low, high, depth = numbers
    if high > MOST_NODES:
        raise UsageError(f"uniform:{low}-{high}: at most {MOST_NODES} nodes")
    counts = _counts(high, depth)
    sizes = [n for n in range(max(2, low), high + 1) if counts.closed(n)]
    if not sizes:
        raise UsageError(f"uniform:{low}-{high}:{depth}: there is no such closed term")
    nodes = sizes[below(len(sizes))]
    return counts.term(nodes, below(counts.closed(nodes)))


@cache
def _counts(largest: int, depth: int) -> TermCounts:
    return TermCounts(largest, depth)
