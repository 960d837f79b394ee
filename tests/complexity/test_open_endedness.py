"""The four hallmarks on a history that is counted by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automaton.complexity.open_endedness import hallmarks
from automaton.complexity.species_history import history_of

A, B, C, D = range(4)
SIZES = np.array([5, 3, 9, 99])


def test_the_hallmarks_of_what_persists_are_those_counted_by_hand() -> None:
    history = history_of(
        [
            {A: 2, B: 2, D: 7},
            {A: 3, B: 1},
            {A: 1, C: 1},
            {A: 1, B: 1, C: 3},
            {A: 1, B: 2, C: 2},
        ],
        ticks=[0, 10, 20, 30, 40],
    )
    rows = list(hallmarks(history, SIZES))
    assert [row.tick for row in rows] == [0, 10, 20, 30]
    assert [row.persistent for row in rows] == [2, 1, 2, 3]
    assert [row.change for row in rows] == [None, 0, 1, 1]
    assert [row.novelty for row in rows] == [None, 0, 1, 0]  # B persisted once before
    assert [row.complexity for row in rows] == [5, 5, 9, 9]  # D never persists
    assert [row.ecology for row in rows] == pytest.approx([1, 0, 1, 1.370951], abs=1e-6)


def test_where_nothing_persists_every_hallmark_is_nought() -> None:
    row = list(hallmarks(history_of([{A: 1}, {A: 1, B: 1}, {C: 1}]), SIZES))[-1]
    assert (row.persistent, row.change, row.novelty, row.complexity, row.ecology) == (0,) * 5


def test_one_snapshot_says_nothing_of_persistence() -> None:
    assert list(hallmarks(history_of([{A: 1}]), SIZES)) == []


@given(st.lists(st.dictionaries(st.integers(0, 3), st.integers(1, 5)), min_size=2, max_size=7))
def test_what_passed_the_filter_is_measured_as_the_public_tracker_does(
    snapshots: list[dict[int, int]],
) -> None:
    """Its rules, in sets.

    The counts are those of the earlier snapshot, and what was ever seen is kept. At first
    all that persists is change and novelty; here is nothing.
    """
    history = history_of(snapshots)
    seen: set[int] = set()
    before: set[int] = set()
    rows = list(hallmarks(history, SIZES))
    assert len(rows) == len(snapshots) - 1
    for k, row in enumerate(rows):
        kept = {kind: n for kind, n in snapshots[k].items() if kind in snapshots[k + 1]}
        change, novelty = len(kept.keys() - before), len(kept.keys() - seen)
        assert (row.change, row.novelty) == ((None, None) if k == 0 else (change, novelty))
        assert row.complexity == max((SIZES[kind] for kind in kept), default=0)
        total = sum(kept.values())
        entropy = -sum(n / total * log2(n / total) for n in kept.values())
        assert row.ecology == pytest.approx(entropy, abs=1e-12)
        seen |= kept.keys()
        before = set(kept)
