"""Evolutionary activity and its neutral shadow, on histories that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from automaton.complexity.activity import Activity, activity, adaptive_level, new_activity
from automaton.complexity.neutral_shadow import neutral_shadow
from automaton.complexity.species_history import SpeciesHistory, history_of

A, B, C = range(3)
HISTORY = history_of([{A: 2, B: 1}, {A: 1, C: 2}, {A: 1, B: 1, C: 1}])


def counts(history: SpeciesHistory) -> list[dict[int, int]]:
    """Individuals by species, a row a snapshot."""
    pairs = (history.at(k) for k in range(len(history)))
    return [dict(zip(s.tolist(), n.tolist(), strict=True)) for s, n in pairs]


def reached(*values: int) -> Activity:
    """Components that came so far."""
    none = np.zeros(0, np.int64)
    return Activity(none, none, none, np.array(values, np.int64))


def test_activity_counts_the_snapshots_that_had_what_is_there() -> None:
    found = activity(HISTORY)
    assert found.diversity.tolist() == [2, 2, 3]
    assert found.cumulative.tolist() == [1 + 1, 2 + 1, 3 + 2 + 2]
    assert found.mean().tolist() == [1, 3 / 2, 7 / 3]


def test_new_activity_counts_a_component_where_it_comes_to_the_level() -> None:
    found = activity(HISTORY)
    assert new_activity(HISTORY, found, 1).tolist() == [2 / 2, 1 / 2, 0]
    assert new_activity(HISTORY, found, 2).tolist() == [0, 2 / 2, 4 / 3]


def test_at_most_the_neutral_share_of_the_shadow_reaches_the_level() -> None:
    assert adaptive_level(reached(*range(1, 21))) == 20
    assert adaptive_level(reached(*range(1, 20))) == 20  # of 19 not even one
    assert adaptive_level(reached(*[3] * 40)) == 4
    assert adaptive_level(reached(*[3] * 38, 9, 9)) == 4
    assert adaptive_level(reached()) == 1


def test_an_empty_history_has_no_activity() -> None:
    empty = history_of([])
    assert activity(empty).cumulative.tolist() == []
    assert len(neutral_shadow(empty, 1)) == 0


@pytest.mark.parametrize(
    ("before", "after", "shadow"),
    [
        ({A: 3}, {A: 5}, {A: 5}),
        ({A: 2}, {B: 2}, {B: 2}),  # all die; the second is a copy of the first that arose
        ({A: 2}, {A: 1, B: 1, C: 1}, {A: 1, B: 1, C: 1}),
        ({A: 4}, {}, {}),
    ],
)
def test_where_nothing_is_left_to_chance_the_shadow_is_known(
    before: dict[int, int], after: dict[int, int], shadow: dict[int, int]
) -> None:
    assert counts(neutral_shadow(history_of([before, after]), 7)) == [before, shadow]


def test_the_shadow_has_as_many_individuals_and_each_species_arises_when_it_did() -> None:
    history = history_of([{0: 9, 1: 3}, {0: 12, 2: 2}, {0: 1, 3: 10}, {4: 5, 0: 6, 2: 1}])
    shadow = neutral_shadow(history, 3)
    assert [sum(row.values()) for row in counts(shadow)] == [12, 14, 11, 12]
    assert shadow.first_snapshots().tolist() == history.first_snapshots().tolist()


def test_the_seed_decides_the_shadow() -> None:
    history = history_of([{0: 50, 1: 50}, {0: 80, 1: 20}, {0: 100}])
    first, again, other = (counts(neutral_shadow(history, seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_in_the_shadow_no_species_is_favoured() -> None:
    history = history_of([{0: 50, 1: 50}, {0: 100}])
    found = [counts(neutral_shadow(history, seed))[1].get(0, 0) for seed in range(200)]
    assert abs(np.mean(found) - 50) < 4 * np.std(found) / np.sqrt(200)
    assert np.std(found) > 1
