"""Terms as nested tuples, for proofs about single terms: reading, contracting, positions.

An int is a variable (its de Bruijn index), `(body,)` a lambda, `(function, argument)` an
application. A position is a node's number in preorder. Touches nothing outside; knows no
types and no budgets. Recurses on the depth of a term: for terms of some hundred nodes.
"""

from __future__ import annotations

from typing import TypeAlias

from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM

Tree: TypeAlias = "int | tuple[Tree] | tuple[Tree, Tree]"


def from_words(words: Words, at: int = 0) -> Tree:
    """The tree of a packed term."""
    word = int(words[at])
    if word & 3 == LAM:
        return (from_words(words, at + 1),)
    if word & 3 == APP:
        return (from_words(words, at + 1), from_words(words, at + (word >> 2)))
    return word >> 2


def to_blc(tree: Tree) -> str:
    """The term in binary lambda calculus."""
    if isinstance(tree, int):
        return "1" * (tree + 1) + "0"
    if len(tree) == 1:
        return "00" + to_blc(tree[0])
    return "01" + to_blc(tree[0]) + to_blc(tree[1])


def size(tree: Tree) -> int:
    """How many nodes a term has."""
    return 1 if isinstance(tree, int) else 1 + sum(map(size, tree))


def free_indices(tree: Tree) -> frozenset[int]:
    """The free indices of a term."""
    if isinstance(tree, int):
        return frozenset((tree,))
    if len(tree) == 1:
        return frozenset(index - 1 for index in free_indices(tree[0]) if index)
    return free_indices(tree[0]) | free_indices(tree[1])


def occurrences(tree: Tree, index: int) -> int:
    """How often a free index occurs."""
    if isinstance(tree, int):
        return int(tree == index)
    if len(tree) == 1:
        return occurrences(tree[0], index + 1)
    return occurrences(tree[0], index) + occurrences(tree[1], index)


def shifted(tree: Tree, by: int, depth: int = 0) -> Tree:
    """The term with its free indices from `depth` on raised."""
    if isinstance(tree, int):
        return tree + by if tree >= depth else tree
    if len(tree) == 1:
        return (shifted(tree[0], by, depth + 1),)
    return (shifted(tree[0], by, depth), shifted(tree[1], by, depth))


def contractum(body: Tree, argument: Tree, depth: int = 0) -> Tree:
    """What `(λ body) argument` contracts to."""
    if isinstance(body, int):
        if body == depth:
            return shifted(argument, depth)
        return body - 1 if body > depth else body
    if len(body) == 1:
        return (contractum(body[0], argument, depth + 1),)
    return (contractum(body[0], argument, depth), contractum(body[1], argument, depth))


def leftmost(tree: Tree) -> Tree | None:
    """The term after one leftmost-outermost step; None for a normal form."""
    if isinstance(tree, int):
        return None
    if len(tree) == 1:
        body = leftmost(tree[0])
        return None if body is None else (body,)
    function, argument = tree
    if isinstance(function, tuple) and len(function) == 1:
        return contractum(function[0], argument)
    reduced = leftmost(function)
    if reduced is not None:
        return (reduced, argument)
    reduced = leftmost(argument)
    return None if reduced is None else (function, reduced)


def shrunk(tree: Tree) -> tuple[Tree, list[int]]:
    """The term without redexes whose contraction makes it smaller, and where they stood.

    These are the redexes that copy nothing: the variable occurs at most once, or the
    argument is a variable. The first in preorder is contracted, until there is none.
    """
    positions: list[int] = []
    while True:
        found = _shrunk_once(tree, 0)
        if found is None:
            return tree, positions
        tree, position = found
        positions.append(position)


def _shrunk_once(tree: Tree, position: int) -> tuple[Tree, int] | None:
    """The term after the first contraction that copies nothing, and its position."""
    if isinstance(tree, int):
        return None
    if len(tree) == 1:
        found = _shrunk_once(tree[0], position + 1)
        return None if found is None else ((found[0],), found[1])
    function, argument = tree
    if (
        isinstance(function, tuple)
        and len(function) == 1
        and (isinstance(argument, int) or occurrences(function[0], 0) <= 1)
    ):
        return contractum(function[0], argument), position
    found = _shrunk_once(function, position + 1)
    if found is not None:
        return (found[0], argument), found[1]
    found = _shrunk_once(argument, position + 1 + size(function))
    return None if found is None else ((function, found[0]), found[1])
