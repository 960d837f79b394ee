"""Closed terms by number: all of them, each once, none else."""

from __future__ import annotations

import pytest

from automaton.errors import UsageError
from automaton.terms.notation import format_term, parse
from automaton.terms.random_terms import TermCounts


def closed(nodes: int, free: int, depth: int, under: int = 0) -> set[str]:
    """The same terms, made by hand: every shape of so many nodes."""
    found = {str(index) for index in range(under)} if nodes == 1 else set()
    if nodes > 1 and under < depth:
        found |= {f"λ({body})" for body in closed(nodes - 1, free, depth, under + 1)}
    for first in range(1, nodes - 1):
        functions = closed(first, free, depth, under)
        arguments = closed(nodes - 1 - first, free, depth, under)
        found |= {f"({f}) ({x})" for f in functions for x in arguments}
    return found


@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize("nodes", range(2, 8))
def test_the_numbers_name_every_closed_term_once(nodes: int, depth: int) -> None:
    counts = TermCounts(nodes, depth)
    terms = [counts.term(nodes, number) for number in range(counts.closed(nodes))]
    wanted = {format_term(parse(text)) for text in closed(nodes, 0, depth)}
    assert {format_term(term) for term in terms} == wanted
    assert len(terms) == len(wanted)
    assert all(len(term) == nodes for term in terms)


def test_a_number_beyond_the_last_is_refused() -> None:
    counts = TermCounts(5, 5)
    with pytest.raises(UsageError):
        counts.term(5, counts.closed(5))


def test_terms_of_the_greatest_size_are_built() -> None:
    counts = TermCounts(200, 30)
    assert len(counts.term(200, counts.closed(200) - 1)) == 200
