"""Random terms as algorithmic chemistry draws them: closed, of the size asked for, evenly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from automaton.terms.generators import binary_term, bound_tree, tree
from automaton.terms.notation import format_term, parse


def test_a_tree_is_closed_by_a_prefix_of_lambdas() -> None:
    below = Random(1).randrange
    for nodes in (9, 20):
        for _ in range(50):
            words = tree(nodes, below)
            assert nodes <= len(words) <= nodes + 6
            assert (parse(format_term(words)) == words).all()


def test_variables_of_a_bound_tree_are_of_the_lambdas_above_them() -> None:
    below = Random(2).randrange
    for _ in range(200):
        words = bound_tree(12, below)
        assert 12 <= len(words) <= 13
        parse(format_term(words))  # closed, or an error


#: Closed terms of n bits in binary lambda calculus: OEIS A114852.
CLOSED = {4: 1, 5: 0, 6: 1, 7: 1, 8: 2, 9: 1, 10: 6, 11: 5, 12: 13, 13: 14, 14: 37}


def always(k: int) -> Callable[[int], int]:
    return lambda _bound: k


@pytest.mark.parametrize("bits", CLOSED)
def test_all_closed_terms_of_so_many_bits_are_drawn(bits: int) -> None:
    terms = {str(binary_term(bits, always(k))) for k in range(CLOSED[bits])}
    assert len(terms - {"None"}) == CLOSED[bits]
    bounds: list[int] = []

    def first(bound: int) -> int:
        bounds.append(bound)
        return 0

    binary_term(bits, first)
    assert bounds == ([CLOSED[bits]] if CLOSED[bits] else [])


def test_terms_of_equal_bits_are_as_likely() -> None:
    below = Random(3).randrange
    seen = Counter(
        format_term(term) for _ in range(600) if (term := binary_term(10, below)) is not None
    )
    assert len(seen) == 6
    assert min(seen.values()) > 60
