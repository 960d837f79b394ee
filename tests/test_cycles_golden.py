"""What cycles come to, held as digests: a result is a function of snapshot, catalyst and seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from targets import plain

from automaton import stages
from automaton.branch import Branch
from automaton.branching import branched
from automaton.cycles import to_text, to_values
from automaton.engine import replayed
from automaton.runner import Run
from automaton.workbench import lent
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
    "7bf6ca99a996556f5a05a6ffe144d2b0c360b0b9682f35a0b6f96423e6d8977d",
    "5d1656b937db4b2c0aa39334a795738b1cd4aaa2051b45b39a8e30d887284833",
    "afe4bc63dc61299e267d8a7bd23d9880fe4a19aadb11eac5a2dfd6e488633bae",
    "a4a1c9eec4151600c471fbf78ad33d79e9eed2a6b5d3c9a03b9580f0d4f618e8",
    "cf235952ff1b5a87bd5e9e32a85bc105a6203f73c49edcdf0ab8277c1a480102",
]


@pytest.fixture(scope="module")
def branch(tmp_path_factory: pytest.TempPathFactory) -> Branch:
    """A small log after some ticks with streams, so that there is an archive too."""
    path = tmp_path_factory.mktemp("golden") / "log.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS))
    with Run(path, {"parallel": 8, "streams": "all", "seed": 7}, durability="off") as run:
        run.go(ticks=5, interval_ms=0)
    return branched(path)


def told(branch: Branch, seed: int, catalyst: str) -> list[Any]:
    """A cycle's result without its float."""
    values = to_values(replayed(branch, seed, catalyst))
    assert values[3].pop("depth") >= 0
    return values


def test_cycles_come_to_what_they_came_to_when_this_was_written(branch: Branch) -> None:
    assert len(branch.memory_start) > 20
    found = []
    for catalyst in CATALYSTS:
        text = json.dumps([told(branch, seed, catalyst) for seed in range(8)])
        found.append(hashlib.sha256(text.encode()).hexdigest())
    assert found == GOLDEN


@pytest.mark.parametrize("catalyst", CATALYSTS)
def test_cycles_come_to_the_same_in_plain_python(
    branch: Branch, catalyst: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"PARTNERS": 3, "PROBES": 3, "SCORED": 2, "RECOMPUTED": 2, "REACTIONS": 12}
    for name, value in sizes.items():
        monkeypatch.setattr(stages, name, value)

    def small() -> list[str]:
        return [to_text(replayed(branch, seed, catalyst)) for seed in range(3)]

    def without_numba(body: Callable[..., Any]) -> Callable[..., Any]:
        return plain(body)

    compiled = small()
    monkeypatch.setattr(cpu, "compiled", without_numba)
    monkeypatch.setattr(cpu, "held", without_numba)
    assert small() == compiled


def test_scores_and_counts_are_what_counting_by_hand_comes_to(branch: Branch) -> None:
    table = {name: branch.words(row).tolist() for row, name in enumerate(branch.names)}
    assert len(table) == len(branch)
    for seed in range(6):
        built = replayed(branch, seed, None).built
        assert built.score == max((c.score for c in built.candidates), default=None)
        assert built.metrics["agreed"] == built.metrics["recomputed"]
        for one in built.candidates:
            assert 0 <= one.score <= stages.PROBES
            assert not (one.new and one.words.tolist() in table.values())


def test_a_bench_is_lent_to_one_at_a_time_and_given_back(branch: Branch) -> None:
    before = len(branch.spare)
    with lent(branch) as one, lent(branch) as other:
        assert one is not other
        assert not np.shares_memory(one.machine[0], other.machine[0])
    assert len(branch.spare) == max(before, 2)
