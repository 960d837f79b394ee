"""What cycles come to, held as digests: a result is a function of snapshot, catalyst and seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from targets import plain

from automaton.cycles import load_population, replay_cycle, stages
from automaton.cycles.frozen_population import MEMORY, FrozenPopulation, PastCandidate, balanced
from automaton.cycles.results import to_text, to_values
from automaton.cycles.scratch import borrow
from automaton.run import Run
from automaton.terms.encodings import IDENTITY
from kernels import cpu

ROWS: list[dict[str, Any]] = [
    {"id": "op", "type": "automaton", "dimensionalLevel": 0, "term": "λλ1 0"},
    {"id": "add", "type": "automaton", "dimensionalLevel": 1, "a": "numeral",
     "term": "λλλλ3 1 (2 1 0)"},
    {"id": "I", "type": "term", "term": "λ0"},
    {"id": "K", "type": "term", "term": "λλ1"},
    {"id": "S", "type": "term", "term": "λλλ2 0 (1 0)"},
    {"id": "B", "type": "term", "term": "λλλ2 (1 0)"},
    {"id": "W", "type": "term", "term": "λλ1 0 0"},
    {"id": "two", "type": "term", "term": "λλ1 (1 0)"},
    {"id": "three", "type": "term", "term": "λλ1 (1 (1 0))"},
    {"id": "omega", "type": "term", "term": "λ0 0"},
]  # fmt: skip
CATALYSTS = ["any", "object:S", "pattern:λλ?x", "dimension:1", "term:λx.x x"]
#: SHA-256 of 8 cycles of each catalyst, in that order; depths aside, which are floats.
GOLDEN = [
    "b4b45227bd93f55043e262766e8e394f32b823df6b34ce02e468de03921f3dc0",
    "9b4e568c3130af3f459cfe8baed6318d95d79156f3c1a82dc952f17d33e8d378",
    "e092b59abf0f7cc2946f3106d09b32e889736c07fc1aca773028984e6af218d8",
    "6cfeda34099e9938841c8abe5d5a041c1e34c6ae5fb73387c0a39a1363e28791",
    "177188330f25e8477b28b4e4490a81f47fc6e34404f2b106ae736e7505deb80f",
]


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> FrozenPopulation:
    """A small log after some ticks with streams, so that there is an archive too."""
    path = tmp_path_factory.mktemp("golden") / "log.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS))
    with Run(path, {"parallel": 8, "streams": "all", "seed": 7}, durability="off") as run:
        run.go(ticks=5, interval_ms=0)
    return load_population(path)


def told(branch: FrozenPopulation, seed: int, catalyst: str) -> list[Any]:
    """A cycle's result without its float."""
    values = to_values(replay_cycle(branch, seed, catalyst))
    assert values[3].pop("depth") >= 0
    return values


def test_cycles_come_to_what_they_came_to_when_this_was_written(branch: FrozenPopulation) -> None:
    assert len(branch.memory_start) > 20
    found = []
    for catalyst in CATALYSTS:
        text = json.dumps([told(branch, seed, catalyst) for seed in range(8)])
        found.append(hashlib.sha256(text.encode()).hexdigest())
    assert found == GOLDEN


@pytest.mark.parametrize("catalyst", CATALYSTS)
def test_cycles_come_to_the_same_in_plain_python(
    branch: FrozenPopulation, catalyst: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"PARTNERS": 3, "PROBES": 3, "SCORED": 2, "RECOMPUTED": 2, "REACTIONS": 12}
    for name, value in sizes.items():
        monkeypatch.setattr(stages, name, value)

    def small() -> list[str]:
        return [to_text(replay_cycle(branch, seed, catalyst)) for seed in range(3)]

    def without_numba(body: Callable[..., Any]) -> Callable[..., Any]:
        return plain(body)

    compiled = small()
    monkeypatch.setattr(cpu, "compiled", without_numba)
    monkeypatch.setattr(cpu, "held", without_numba)
    assert small() == compiled


def test_scores_and_counts_are_what_counting_by_hand_comes_to(branch: FrozenPopulation) -> None:
    table = {name: branch.words(row).tolist() for row, name in enumerate(branch.names)}
    assert len(table) == len(branch)
    for seed in range(6):
        built = replay_cycle(branch, seed, None).built
        assert built.score == max((c.score for c in built.candidates), default=None)
        assert built.metrics["agreed"] == built.metrics["recomputed"]
        for one in built.candidates:
            assert 0 <= one.score <= stages.PROBES
            assert not (one.new and one.words.tolist() in table.values())


def test_a_bench_is_lent_to_one_at_a_time_and_given_back(branch: FrozenPopulation) -> None:
    before = len(branch.spare)
    with borrow(branch) as one, borrow(branch) as other:
        assert one is not other
        assert not np.shares_memory(one.machine[0], other.machine[0])
    assert len(branch.spare) == max(before, 2)


def test_a_mentor_recalls_some_that_won_and_some_that_lost(branch: FrozenPopulation) -> None:
    decisions = [
        one for seed in range(30) for one in replay_cycle(branch, seed, None).decisions
        if one["stage"] == "mentor"
    ]  # fmt: skip
    assert {one["recalled"] for one in decisions} == {stages.RECALLED}
    assert any(0 < one["won"] < stages.RECALLED for one in decisions)
    assert len({one["won"] for one in decisions}) > 1


def test_what_is_remembered_as_won_stands_in_the_log_and_the_rest_does_not(
    branch: FrozenPopulation,
) -> None:
    names = set(branch.names)
    won = [branch.recalled(k)[0] in names for k in range(len(branch.memory_won))]
    assert won == branch.memory_won.tolist()
    assert 0 < sum(won) < len(won)


@given(st.integers(0, 2 * MEMORY), st.integers(0, 2 * MEMORY))
def test_half_of_what_is_remembered_lost_where_there_is_enough_of_both(lost: int, won: int) -> None:
    both = [
        [PastCandidate(IDENTITY, tick, slot, 1, bool(slot)) for tick in range(count)]
        for slot, count in enumerate((lost, won))
    ]
    found = balanced(*both)
    half, kept = MEMORY // 2, sum(one.won for one in found)
    assert len(found) == min(MEMORY, lost + won)
    assert kept >= min(won, half)
    assert len(found) - kept >= min(lost, half)
    for k, count in enumerate((len(found) - kept, kept)):
        assert [one for one in found if one.won == bool(k)] == both[k][len(both[k]) - count :]
    assert found == sorted(found, key=lambda one: (one.tick, one.slot))
