"""Strength of remembered items: fixed point, exact, the same whenever it is computed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automaton.errors import UsageError
from automaton.vector_store import DecayRule
from automaton.vector_store.decay import ONE

RULES = st.builds(DecayRule, st.integers(1, 10**6), st.integers(1, ONE), st.integers(1, ONE))


def numbers(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


@given(RULES, st.integers(0, 2 * ONE))
def test_an_item_used_k_times_in_a_period_has_strength_of_the_least_of_1_and_k_delta(
    rule: DecayRule, k: int
) -> None:
    assert rule.used(numbers(0), numbers(0), numbers(k), 1) == [min(ONE, k * rule.delta)]


@given(RULES, st.integers(1, 300))
def test_an_item_used_in_every_period_never_decays(rule: DecayRule, k: int) -> None:
    strength = numbers(0)
    for period in range(1, k + 1):
        strength = rule.used(strength, numbers(period - 1), numbers(1), period)
    assert strength == [min(ONE, k * rule.delta)]


@given(RULES, st.integers(0, ONE), st.integers(0, 10**6), st.integers(0, 10**6))
def test_unused_periods_take_the_same_at_once_and_one_by_one(
    rule: DecayRule, strength: int, first: int, then: int
) -> None:
    at_once = rule.left(numbers(strength), numbers(first + then))
    assert rule.left(rule.left(numbers(strength), numbers(first)), numbers(then)) == at_once


@given(RULES, st.integers(1, ONE), st.integers(0, 10**6))
def test_nothing_is_left_from_until_on_and_something_is_before(
    rule: DecayRule, strength: int, since: int
) -> None:
    [until] = rule.until(numbers(strength), numbers(since)).tolist()
    assert rule.left(numbers(strength), numbers(until - since)) == [0]
    assert rule.left(numbers(strength), numbers(until - since - 1)) > [0]


@given(RULES, st.integers(0, ONE), st.integers(0, 100), st.integers(0, 2**62), st.integers(0, 100))
def test_a_strength_stays_between_0_and_1_however_often_it_is_used(
    rule: DecayRule, strength: int, since: int, uses: int, later: int
) -> None:
    [new] = rule.used(numbers(strength), numbers(since), numbers(uses), since + later).tolist()
    assert 0 <= new <= ONE


@given(RULES, st.integers(0, 2**62))
def test_a_period_begins_at_each_multiple_of_its_ticks(rule: DecayRule, tick: int) -> None:
    assert rule.period(tick) == tick // rule.every


@pytest.mark.parametrize("wrong", [{"every": 0}, {"delta": ONE + 1}, {"decay": 0}])
def test_a_rule_that_cannot_be_meant_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        DecayRule(**wrong)
