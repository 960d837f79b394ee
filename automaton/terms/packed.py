"""The shape of lambda terms: packed words, and trees for tests.

The packed array is the term: preorder, de Bruijn, one int32 a node (docs/format.md;
`kernels.terms.packed` sees the same). Trees exist for the textbook reducer
and for tests only. Nothing here knows what a term means or how it is written,
and nothing recurses on its depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from automaton.terms.arrays import Words

VAR = 0  # payload: de Bruijn index, from 0
LAM = 1  # payload: 0
APP = 2  # payload: offset from this word to the argument's first word
META = 3  # patterns only; payload: the metavariable's number


def apply(function: Words, argument: Words) -> Words:
    """The application of two terms: one word and two copies."""
    offset = (1 + len(function)) << 2 | APP
    return np.concatenate((np.array([offset], np.int32), function, argument))


def lam(body: Words) -> Words:
    """The abstraction of a body whose index 0 it binds."""
    return np.concatenate((np.array([LAM], np.int32), body))


def var(index: int) -> Words:
    """The variable bound by the `index`-th lambda around it, from 0."""
    return np.array([index << 2 | VAR], np.int32)


def linked(words: Sequence[int]) -> Words:
    """Preorder words whose applications lack their offsets, with them filled in.

    Right to left, with a stack of the starts of complete subterms.
    """
    result = np.array(words, np.int32)
    starts: list[int] = []
    for at in range(len(words) - 1, -1, -1):
        tag = words[at] & 3
        if tag == APP:
            starts.pop()
            result[at] = (starts.pop() - at) << 2 | APP
        elif tag == LAM:
            starts.pop()
        starts.append(at)
    return result


def from_postorder(words: Sequence[int]) -> Words:
    """The packed words of a term written function, argument, application.

    The argument stands before the function where the application has a payload.
    """
    left: list[int] = []  # sizes of the applications' functions, in postorder
    sizes: list[int] = []
    for word in words:
        tag = word & 3
        if tag == APP:
            second = sizes.pop()
            left.append(second if word >> 2 else sizes[-1])
            sizes[-1] += second + 1
        elif tag == LAM:
            sizes[-1] += 1
        else:
            sizes.append(1)
    result = np.empty(len(words), np.int32)
    places = [0]  # where the subterms still to come begin, the next one last
    for word in reversed(words):
        at = places.pop()
        tag = word & 3
        if tag == APP:
            offset = 1 + left.pop()
            places += (at + offset, at + 1) if word >> 2 else (at + 1, at + offset)
            result[at] = offset << 2 | APP
            continue
        if tag == LAM:
            places.append(at + 1)
        result[at] = word
    return result


def free_variables(words: Words) -> int:
    """One more than the largest free index, 0 for a closed term."""
    reach: list[int] = []
    for word in reversed(words.tolist()):
        tag = word & 3
        if tag == LAM:
            reach.append(max(0, reach.pop() - 1))
        elif tag == APP:
            reach.append(max(reach.pop(), reach.pop()))
        else:
            reach.append((word >> 2) + 1 if tag == VAR else 0)
    return reach[0]


def is_closed(words: Words) -> bool:
    """Whether every variable of the term is bound in it."""
    return free_variables(words) == 0


class _Tree:
    """Equality and hash by the packed form: comparing fields would recurse."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Var, Lam, App)):
            return NotImplemented
        return np.array_equal(pack(self), pack(other))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return hash(pack(self).tobytes())  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"unpack({pack(self).tolist()})"  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Var(_Tree):
    """A variable by its de Bruijn index."""

    index: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Lam(_Tree):
    """An abstraction."""

    body: Tree


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class App(_Tree):
    """An application."""

    function: Tree
    argument: Tree


Tree: TypeAlias = Var | Lam | App


def pack(tree: Tree) -> Words:
    """The packed words of a tree."""
    words: list[int] = []
    todo: list[Tree] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, Var):
            words.append(node.index << 2 | VAR)
        elif isinstance(node, Lam):
            words.append(LAM)
            todo.append(node.body)
        else:
            words.append(APP)
            todo += (node.argument, node.function)
    return linked(words)


def unpack(words: Words) -> Tree:
    """The tree of packed words; a pattern (with metavariables) has none."""
    done: list[Tree] = []
    for word in reversed(words.tolist()):
        tag = word & 3
        if tag == APP:
            done.append(App(done.pop(), done.pop()))
        elif tag == LAM:
            done.append(Lam(done.pop()))
        elif tag == VAR:
            done.append(Var(word >> 2))
        else:
            raise ValueError("a pattern with metavariables has no tree")
    return done[0]
