"""Permutation entropy against the published example, and ties against hand counts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automaton.analysis import measures
from automaton.complexity.ordinal_patterns import TIES, Ties, ordinal_entropy

PUBLISHED = [4, 7, 9, 10, 6, 11, 3]  # Bandt and Pompe 2002


@pytest.mark.parametrize(("order", "bits"), [(2, 0.918), (3, 1.522)])
def test_the_published_series_has_the_published_entropy(order: int, bits: float) -> None:
    assert ordinal_entropy(PUBLISHED, order).bits == pytest.approx(bits, abs=5e-4)


@pytest.mark.parametrize(
    ("ties", "patterns", "bits", "kinds"),
    [("position", 4, 0, 2), ("skip", 2, 0, 2), ("equal", 4, 1, 3)],
)
def test_ties_of_two_values_are_treated_as_said(
    ties: Ties, patterns: int, bits: float, kinds: int
) -> None:
    found = ordinal_entropy([1, 1, 2, 2, 3], 2, ties=ties)
    assert found == (patterns, bits, bits / math.log2(kinds))


def test_every_ranking_of_three_values_with_ties_is_a_pattern_of_its_own() -> None:
    rankings = [(a, b, c) for a in range(3) for b in range(3) for c in range(3)]
    series = [value for ranking in rankings for value in ranking]
    found = ordinal_entropy(series, 3, ties="equal")
    assert found.bits > math.log2(6)  # more than permutations alone could have
    assert found.normalised == found.bits / math.log2(13)


def test_a_delay_compares_values_further_apart() -> None:
    series = [0, 9, 1, 8, 2, 7]
    assert ordinal_entropy(series, 2, 2) == ordinal_entropy([0, 1, 0, 1, 0], 2)
    assert ordinal_entropy(series, 3, 2).patterns == 2


@given(st.lists(st.integers(0, 5), max_size=60))
def test_order_three_without_delay_is_what_observe_shows(series: list[int]) -> None:
    assert ordinal_entropy(series).bits == pytest.approx(
        float(measures.permutation_entropy(series))
    )


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(2, 5))
def test_without_ties_the_three_treatments_agree(series: list[int], order: int) -> None:
    apart = [value + place / 100 for place, value in enumerate(series)]
    first, second, third = (ordinal_entropy(apart, order, 1, ties) for ties in TIES)
    assert first == second
    assert third[:2] == first[:2]


@pytest.mark.parametrize(("order", "delay"), [(1, 1), (8, 1), (3, 0)])
def test_orders_and_delays_that_cannot_be_are_refused(order: int, delay: int) -> None:
    with pytest.raises(ValueError, match="values"):
        ordinal_entropy(PUBLISHED, order, delay)
