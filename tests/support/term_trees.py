"""Closed terms as nested tuples, for properties."""

from __future__ import annotations

from hypothesis import strategies as st

from automaton.normalisation.term_tree import Tree


def trees(depth: int = 0, nodes: int = 12) -> st.SearchStrategy[Tree]:
    """Closed terms of a few nodes."""
    choices: list[st.SearchStrategy[Tree]] = []
    if depth:
        choices.append(st.integers(0, depth - 1))
    if nodes > 1 or not depth:
        choices.append(st.deferred(lambda: trees(depth + 1, nodes - 1)).map(lambda body: (body,)))
    if nodes > 2:
        half = st.deferred(lambda: trees(depth, nodes // 2))
        choices.append(st.tuples(half, half))
    return st.one_of(choices)
