"""The probabilistic grammar: its distribution at one level by all its draws, and its shape."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction

import pytest

from automaton.compute import draws
from automaton.errors import UsageError
from automaton.terms.notation import format_term
from automaton.terms.packed import is_closed
from automaton.terms.probabilistic_grammar import grammar_term
from automaton.terms.random_terms import generated
from automaton.terms.reference import reduce


class _TooManyDrawsError(Exception):
    pass


def test_one_level_has_the_distribution_that_follows_by_hand() -> None:
    """Every way of drawing, weighed; a closed term is drawn again, which ends the way here.

    A variable (.2) becomes the identity. An abstraction (.3) of another letter (5/6)
    becomes the constant function. An application (.5) is of one letter (1/6) or of two.
    """
    weights: Counter[str] = Counter()
    for coin, first, second in itertools.product(range(10), range(6), range(6)):
        answers = iter((coin, first, second))

        def below(bound: int, answers: itertools.chain[int] = answers) -> int:  # type: ignore[assignment]
            value = next(answers, None)
            if value is None:
                raise _TooManyDrawsError
            assert value < bound
            return value

        try:
            weights[format_term(grammar_term(1, below))] += 1
        except _TooManyDrawsError:
            weights["again"] += 1
    assert {text: Fraction(count, 360) for text, count in weights.items()} == {
        "λ0": Fraction(2, 10),
        "λλ1": Fraction(3, 10) * Fraction(5, 6),
        "λ0 0": Fraction(5, 10) * Fraction(1, 6),
        "λλ0 1": Fraction(5, 10) * Fraction(5, 6),
        "again": Fraction(3, 10) * Fraction(1, 6),
    }


@pytest.mark.parametrize("depth", [1, 4, 7])
def test_its_terms_are_closed_and_in_normal_form(depth: int) -> None:
    made = set()
    for number in range(150):
        drawn = draws.DrawnWords((5, number, 0), draws.SOUP)
        words = generated("grammar", (depth,), drawn.below)
        assert is_closed(words)
        assert reduce(words, 0, 1 << 12, 1 << 12).words is not None
        made.add(format_term(words))
    assert len(made) > 3


def test_of_20_000_terms_of_the_public_engine_a_share_of_4812_is_the_identity() -> None:
    """A binomial interval of six standard errors of both samples together."""
    n = 1500
    drawn = (draws.DrawnWords((1, k, 0), draws.SOUP) for k in range(n))
    identities = sum(format_term(generated("grammar", (4,), d.below)) == "λ0" for d in drawn)
    assert abs(identities / n - 4812 / 20_000) < 6 * (0.24 * 0.76 / n) ** 0.5


def test_where_draws_are_no_draws_there_is_a_term() -> None:
    assert format_term(grammar_term(5, lambda _bound: 0)) == "λ0"


@pytest.mark.parametrize("levels", [0, 13])
def test_other_depths_are_refused(levels: int) -> None:
    with pytest.raises(UsageError, match="from 1 to 12 levels"):
        generated("grammar", (levels,), lambda _bound: 0)
