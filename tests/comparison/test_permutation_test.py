"""The permutation test, held against its definition written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from automaton.comparison.permutation_test import Stratum, compare, holm
from automaton.terms.arrays import Floats


def drawn(seed: int, first: int, second: int, shift: float = 0.0) -> Stratum:
    """Points on a line, the second group moved by a shift."""
    values = np.random.default_rng(seed).normal(size=first + second)
    values[first:] += shift
    return Stratum(np.abs(values[:, None] - values[None]), first)


def written_out(d: Floats, first: list[int], second: list[int]) -> float:
    """The mean distance between groups less the mean of those within."""

    def mean(pairs: list[tuple[int, int]]) -> float:
        return float(sum(d[a, b] for a, b in pairs)) / len(pairs)

    between = mean(list(itertools.product(first, second)))
    within = [mean(list(itertools.combinations(group, 2))) for group in (first, second)]
    return between - sum(within) / 2


def test_the_statistic_and_its_chance_are_those_of_all_permutations() -> None:
    strata = [drawn(1, 3, 3, 0.5), drawn(2, 3, 4, 0.5)]
    own, null = [], []
    for d, first in strata:
        runs = range(len(d))
        own.append(written_out(d, list(runs[:first]), list(runs[first:])))
        null.append(
            [
                written_out(d, list(some), [k for k in runs if k not in some])
                for some in itertools.combinations(runs, first)
            ]
        )
    found = compare(strata, 20_000, 5)
    assert found.excess == pytest.approx(sum(own) / 2)
    whole = [sum(pair) / 2 for pair in itertools.product(*null)]
    exact = sum(value >= found.excess - 1e-12 for value in whole) / len(whole)
    assert found.p == pytest.approx(exact, abs=0.02)


def test_the_interval_is_that_of_the_jackknife() -> None:
    d, first = drawn(3, 4, 5, 1.0)
    variance = 0.0
    for group in (range(first), range(first, len(d))):
        left = []
        for run in group:
            kept = [k for k in range(len(d)) if k != run]
            left.append(
                written_out(d, [k for k in kept if k < first], [k for k in kept if k >= first])
            )
        spread = sum((value - sum(left) / len(left)) ** 2 for value in left)
        variance += (len(left) - 1) / len(left) * spread
    found = compare([Stratum(d, first)], 99, 0)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * variance**0.5, rel=1e-4)


def test_groups_that_lie_apart_are_told_apart_and_equal_ones_as_often_as_is_said() -> None:
    assert compare([drawn(4, 10, 10, 5.0)], 999, 0).p == 1 / 1000
    chances = [compare([drawn(seed, 6, 6)], 199, seed).p for seed in range(300)]
    assert sum(p <= 0.1 for p in chances) / 300 == pytest.approx(0.1, abs=0.06)
    excess = [compare([drawn(seed, 6, 6)], 9, seed).excess for seed in range(300)]
    assert np.mean(excess) == pytest.approx(0.0, abs=0.02)


def test_the_same_seed_gives_the_same_chance() -> None:
    one = drawn(6, 5, 5)
    assert compare([one], 99, 7) == compare([one], 99, 7)


def test_chances_are_adjusted_as_holm_has_it() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
