"""A soup in order as its definition has it: slow, in plain Python, one collision after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from automaton.compute.reduction import reduce_batch
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term
from automaton.terms.packed import apply, lam, var
from kernels import philox

Tree = int | tuple["Tree"] | tuple["Tree", "Tree"]  # variable, lambda, application


def tree_of(words: Words, at: int = 0) -> Tree:
    """A packed term as a tree."""
    tag, payload = int(words[at]) & 3, int(words[at]) >> 2
    if tag == 0:
        return payload
    if tag == 1:
        return (tree_of(words, at + 1),)
    return tree_of(words, at + 1), tree_of(words, at + payload)


def words_of(tree: Tree) -> Words:
    """A tree as a packed term."""
    if isinstance(tree, int):
        return var(tree)
    parts = [words_of(part) for part in tree]
    return np.asarray(lam(*parts) if len(parts) == 1 else apply(*parts), dtype=np.int32)


def nodes(tree: Tree) -> int:
    """How many nodes a tree has."""
    return 1 if isinstance(tree, int) else 1 + sum(map(nodes, tree))


def substituted(tree: Tree, argument: Tree, depth: int = 0) -> Tree:
    """A lambda's body with its variable replaced."""
    if isinstance(tree, int):
        return raised(argument, depth) if tree == depth else tree - (tree > depth)
    if len(tree) == 1:
        return (substituted(tree[0], argument, depth + 1),)
    return substituted(tree[0], argument, depth), substituted(tree[1], argument, depth)


def raised(tree: Tree, by: int, depth: int = 0) -> Tree:
    """A tree whose free variables are raised."""
    if isinstance(tree, int):
        return tree + by if tree >= depth else tree
    if len(tree) == 1:
        return (raised(tree[0], by, depth + 1),)
    return raised(tree[0], by, depth), raised(tree[1], by, depth)


def step(tree: Tree, *, hybrid: bool = True) -> Tree | None:
    """One step of hybrid applicative order, its redex looked for from the root; None: none."""
    if isinstance(tree, int):
        return None
    if len(tree) == 1:
        body = step(tree[0]) if hybrid else None
        return None if body is None else (body,)
    function, argument = tree
    made = step(function, hybrid=False)
    if made is not None:
        return made, argument
    made = step(argument, hybrid=hybrid)
    if made is not None:
        return function, made
    if isinstance(function, tuple) and len(function) == 1:
        return substituted(function[0], argument)
    made = step(function) if hybrid else None
    return None if made is None else (made, argument)


def evaluated(tree: Tree, steps: int, size: int) -> tuple[str, int, Tree]:
    """Outcome, steps and the last term under the two limits."""
    for made in range(steps + 1):
        following = step(tree)
        if following is None:
            return "normal", made, tree
        if made == steps:
            return "steps", made, tree
        tree = following
        if nodes(tree) > size:
            return "size", made + 1, tree
    raise AssertionError


def in_normal_order(tree: Tree, steps: int, size: int) -> tuple[str, int, Tree]:
    """The same leftmost-outermost, by the machine; `size` limits the result."""
    found = reduce_batch([words_of(tree)], steps, size, 256)
    words = found.words(0)
    return found.outcome(0), int(found.steps[0]), tree if words is None else tree_of(words)


Evaluate = Callable[[Tree, int, int], tuple[str, int, Tree]]


class Law(NamedTuple):
    """Budgets of a collision, budgets of a test, copies for a success."""

    steps: int
    size: int
    test_steps: int
    test_size: int
    copies: int


def takes_two(tree: Tree) -> bool:
    """Whether a term is λx.λy.t that uses both, and no lambdas before a variable."""

    def uses(part: Tree, index: int) -> bool:
        if isinstance(part, int):
            return part == index
        return any(uses(child, index + (len(part) == 1)) for child in part)

    body = tree
    for _ in range(2):
        if isinstance(body, int) or len(body) != 1:
            return False
        body = body[0]
    inner = body
    while isinstance(inner, tuple) and len(inner) == 1:
        inner = inner[0]
    return not isinstance(inner, int) and uses(body, 0) and uses(body, 1)


class SoupOracle:
    """Places with terms; `tick` collides and enters as `docs/format.md` says."""

    def __init__(
        self, seed: int, places: list[Tree], tests: dict[Tree, Tree], law: Law,
        evaluate: Evaluate = evaluated,
    ) -> None:  # fmt: skip
        self.seed, self.places, self.tests, self.law = seed, places, tests, law
        self.evaluate = evaluate
        self.operator: Tree = ((((1, 0)),),)

    def tick(self, tick: int, collisions: int) -> list[tuple[int, str, int]]:
        """Winners of a tick: slot, term, copies."""
        won = []
        for slot in range(collisions):
            drawn = philox.words(self.seed, tick, slot, philox.REACTANTS)
            a, b = (self.places[philox.index_of(w, len(self.places))] for w in drawn[:2])
            made = self.made(a, b)
            if made is None:
                continue
            term, copies = made
            for copy in range(copies):
                purpose = philox.PLACE if not copy else philox.COPY + np.uint64(copy << 8)
                self.put(term, philox.words(self.seed, tick, slot, purpose)[0])
            won.append((slot, format_term(words_of(term)), copies))
        return won

    def put(self, term: Tree, word: np.uint64) -> None:
        """A term takes the place of a word."""
        self.places[philox.index_of(word, len(self.places))] = term

    def made(self, a: Tree, b: Tree) -> tuple[Tree, int] | None:
        """What two terms make, and how often."""
        if a not in self.tests:
            if b in self.tests:
                return None
            outcome, _, term = self.evaluate(((self.operator, a), b), self.law.steps, self.law.size)
            return (term, 1) if outcome == "normal" else None
        if b in self.tests or not takes_two(b):
            return None
        outcome, _, term = self.evaluate((a, b), self.law.test_steps, self.law.test_size)
        if outcome == "size":
            return None
        return (b, self.law.copies) if term == self.tests[a] else (a, 1)
