"""The steps of a reduction one by one, each term with the redex that is next.

Literal substitution, leftmost-outermost, for people who learn or look for a
mistake: slow, and bounded in steps and nodes. Knows no kernels and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from automaton.terms.arrays import Words
from automaton.terms.notation import format_term
from automaton.terms.packed import APP, LAM, VAR, linked

#: Nodes of a term on the way, beyond which a trace ends.
MOST_NODES = 4_096


def trace(words: Words, notation: str, names: Sequence[str], steps: int) -> Iterator[str]:
    """The terms of at most so many steps, the next redex in brackets; a last line says why it ends.

    The last line is empty where the normal form was reached.
    """
    for _ in range(steps):
        at = redex(words)
        yield format_term(words, notation, names, marked=at)
        if at < 0:
            yield ""
            return
        words = contracted(words, at)
        if len(words) > MOST_NODES:
            yield f"the next term has {len(words):,} nodes, which is more than a trace shows"
            return
    at = redex(words)
    yield format_term(words, notation, names, marked=at)
    yield f"{steps:,} steps were shown" if at >= 0 else ""


def redex(words: Words) -> int:
    """Where the leftmost-outermost redex begins: the first in preorder; -1 in a normal form."""
    tags = words & 3
    (found,) = np.nonzero((tags[:-1] == APP) & (tags[1:] == LAM))
    return int(found[0]) if len(found) else -1


def contracted(words: Words, at: int) -> Words:
    """The term with the redex at words[at] contracted."""
    begin = at + (int(words[at]) >> 2)
    end = begin + _size(words, begin)
    argument = words[begin:end].tolist()
    body: list[int] = []
    for word, depth in _with_depth(words[at + 2 : begin].tolist()):
        index = word >> 2
        if word & 3 != VAR or index < depth:
            body.append(word & 3 if word & 3 == APP else word)
        elif index > depth:
            body.append((index - 1) << 2)
        else:
            body += _lifted(argument, depth)
    rest = (*words[:at].tolist(), *body, *words[end:].tolist())
    return linked([APP if word & 3 == APP else word for word in rest])


def _size(words: Words, at: int) -> int:
    """Nodes of the subterm at words[at]."""
    size, open_ = 0, 1
    while open_:
        tag = int(words[at + size]) & 3
        open_ += {APP: 1, LAM: 0}.get(tag, -1)
        size += 1
    return size


def _with_depth(words: list[int]) -> Iterator[tuple[int, int]]:
    """The words of a term, each with the lambdas around it."""
    depths = [0]
    for word in words:
        depth = depths.pop()
        yield word, depth
        if word & 3 == APP:
            depths += (depth, depth)
        elif word & 3 == LAM:
            depths.append(depth + 1)


def _lifted(words: list[int], by: int) -> Iterator[int]:
    """The words of a term moved under `by` further lambdas."""
    for word, depth in _with_depth(words):
        free = word & 3 == VAR and word >> 2 >= depth
        yield word + (by << 2) if free else word
