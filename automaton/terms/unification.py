"""First-order unification of terms up to the names of their bound variables.

Must not know: notation, reduction, where the terms come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM

# A node of a first-order term: its label and its children's positions.
_Node: TypeAlias = tuple[str | tuple[str, int], tuple[int, ...]]

_METAVARIABLE: _Node = ("metavariable", ())


class _Graph:
    """Two terms as first-order nodes by position, and what is bound so far.

    A metavariable is the position of the leading lambda that binds it.
    """

    def __init__(self, a: Words, b: Words) -> None:
        self.nodes: list[_Node] = []
        self.escapes: list[bool] = []  # holds a variable of an inner lambda around it
        self.value: dict[int, int] = {}  # metavariable -> position
        self.roots = (self._add(a.tolist()), self._add(b.tolist()))

    def _add(self, words: list[int]) -> int:
        """Append a term's nodes; where its body begins."""
        base, size = len(self.nodes), len(words)
        leading = next(at for at, word in enumerate(words) if word != LAM)
        inner, reach = [0] * size, [0] * size
        for at in range(leading, size):  # how many inner lambdas stand around a word
            for child in _children(words, at):
                inner[child] = inner[at] + (words[at] == LAM)
        nodes, places = [_METAVARIABLE] * size, [base + at for at in range(size)]
        for at in range(size - 1, leading - 1, -1):
            below, index = _children(words, at), words[at] >> 2
            if below:
                reach[at] = max(0, max(reach[child] for child in below) - (words[at] == LAM))
                label = "lambda" if words[at] == LAM else "application"
                nodes[at] = (label, tuple(places[child] for child in below))
            elif index < inner[at]:
                reach[at] = index + 1
                nodes[at] = (("bound", index), ())
            elif (beyond := index - inner[at]) < leading:
                places[at] = base + leading - 1 - beyond
            else:
                nodes[at] = (("free", beyond - leading), ())
        self.nodes += nodes
        self.escapes += [lambdas > 0 for lambdas in reach]
        return places[leading]

    def resolved(self, at: int) -> int:
        """The end of the chain of bindings that begins at a position."""
        while at in self.value:
            at = self.value[at]
        return at

    def is_rigid(self, at: int) -> bool:
        """Whether a node is anything but a metavariable."""
        return self.nodes[at] is not _METAVARIABLE

    def acyclic(self) -> bool:
        """The occurs check, once for all bindings: no value contains itself."""
        on_path: dict[int, bool] = {}  # False once everything below has been looked at
        todo = [(self.resolved(self.roots[0]), False)]
        while todo:
            at, leaving = todo.pop()
            if leaving:
                on_path[at] = False
            elif on_path.get(at):
                return False
            elif at not in on_path:
                on_path[at] = True
                todo.append((at, True))
                todo += ((self.resolved(child), False) for child in self.nodes[at][1])
        return True


def _children(words: Sequence[int], at: int) -> tuple[int, ...]:
    """The positions of a word's immediate subterms."""
    tag = words[at] & 3
    if tag == LAM:
        return (at + 1,)
    return (at + 1, at + (words[at] >> 2)) if tag == APP else ()


def unifiable(a: Words, b: Words) -> bool:
    """Whether two terms unify first-order, their leading lambdas stripped.

    The variables of the leading lambdas are metavariables, renamed apart; inner
    lambdas are constructors and their variables constants that no metavariable
    may capture; free variables are constants. Each pair of positions is looked
    at once, so the work is bounded by the product of the sizes.
    """
    graph = _Graph(a, b)
    seen: set[tuple[int, int]] = set()
    todo = [graph.roots]
    while todo:
        left, right = sorted(map(graph.resolved, todo.pop()), key=graph.is_rigid)
        if left == right or (left, right) in seen:
            continue
        seen.add((left, right))
        (label, below), (other, below_other) = graph.nodes[left], graph.nodes[right]
        if not graph.is_rigid(left):
            if graph.escapes[right]:
                return False
            graph.value[left] = right
        elif label != other:
            return False
        else:
            todo += zip(below, below_other, strict=True)
    return graph.acyclic()
