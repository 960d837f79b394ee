"""Pairs: sign flips are counted right, chance is not called a difference, a difference is."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from automaton.comparison.paired_test import EXACT, compare_pairs, least_chance

#: Additional hours of sleep under one drug less those under another (Student 1908; the data
#: of Cushny and Peebles): mean 1.58, 95 percent interval 0.70 to 2.46.
SLEEP = (1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4)


def test_students_sleepers_have_the_published_interval() -> None:
    effect = compare_pairs(SLEEP)
    assert effect.difference == pytest.approx(1.58)
    assert effect.low == pytest.approx(0.70, abs=0.005)
    assert effect.high == pytest.approx(2.46, abs=0.005)
    assert effect.standardised == pytest.approx(1.58 / 1.229995, abs=1e-5)
    assert effect.p == 4 / 1024  # all are on one side; the sign of the 0 counts for nothing


@pytest.mark.parametrize("seed", range(8))
def test_every_sign_pattern_is_counted_once(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.4, 1, 3 + seed)
    sums = [abs(sum(np.multiply(signs, values))) for signs in product((1, -1), repeat=len(values))]
    reached = sum(total >= abs(values.sum()) - 1e-9 for total in sums)
    assert compare_pairs(values.tolist()).p == reached / len(sums)


@pytest.mark.parametrize("pairs", [10, EXACT + 6])
def test_chance_alone_is_called_a_difference_as_rarely_as_said(pairs: int) -> None:
    draws = np.random.default_rng(pairs)
    chances = np.array(
        [compare_pairs(draws.laplace(0, 1, pairs).tolist(), k).p for k in range(400)]
    )
    for level in (0.05, 0.2):  # within four standard deviations of a binomial's share
        assert (chances < level).mean() <= level + 4 * np.sqrt(level * (1 - level) / 400)
    assert 0.4 < chances.mean() < 0.6


@pytest.mark.parametrize("pairs", [6, EXACT + 2])
def test_a_clear_difference_has_the_smallest_chance_there_is(pairs: int) -> None:
    values = [5 + (k % 3) for k in range(pairs)]
    assert compare_pairs(values).p == pytest.approx(least_chance(pairs), abs=2 / 2**pairs)
    mirrored = compare_pairs([-v for v in values])
    assert mirrored.p == compare_pairs(values).p
    assert mirrored.difference == -compare_pairs(values).difference


def test_pairs_that_never_differ_have_no_effect_and_chance_one() -> None:
    assert compare_pairs([0.0] * 5) == (0.0, 0.0, 0.0, 0.0, 1.0)
    assert compare_pairs([2.0] * 5).standardised is None
