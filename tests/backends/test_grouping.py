"""Equal reactions made once come to what each comes to by itself, whatever the hashes are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import automaton, rich, rule, term, world_of, written
from strategies import closed_terms

from automaton.backends import CpuBackend, cpu
from automaton.backends.batch import BatchJob, CandidateBatch
from automaton.backends.grouping import ALL_BITS, MOST_PASSED, Grouping
from automaton.chemistry import World
from automaton.chemistry.tick_plan import plan_tick
from automaton.run import Run
from automaton.terms.notation import format_term
from automaton.workers.autoscale_policy import ScalingOptions
from kernels import philox

TWO_BITS = np.uint64(3)
COLUMNS = (
    "outcomes", "steps", "sizes", "salience", "places_a", "places_b", "operators",
)  # fmt: skip


def batch_of(world: World, grouping: Grouping, tick: int = 1) -> CandidateBatch:
    """A tick's reactions, made with a grouping."""
    device = CpuBackend(world.options, threads=1)
    device.grouping = grouping
    batch = device.batch(world.slots)
    device.react(BatchJob(world.population, plan_tick(world, tick), tick, philox.REACTANTS), batch)
    device.close()
    return batch


@settings(max_examples=25, deadline=None)
@given(
    terms=st.lists(closed_terms(12), min_size=1, max_size=5),
    copies=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    mask=st.sampled_from([ALL_BITS, TWO_BITS, np.uint64(0)]),
)
def test_grouped_candidates_are_those_that_are_made_one_by_one(
    terms: list[Any], copies: int, seed: int, mask: np.uint64
) -> None:
    texts = [format_term(words) for words in terms] * copies
    objects = [automaton("op", term="λa.λb.a b", b="size < 9")]
    objects += [rule("r", "term ~ 'λx.?f'", "λa.λb.b a")]
    objects += [term(f"t{k}", text) for k, text in enumerate(texts)]
    world = world_of(objects, parallel=60, seed=seed, max_steps=40, max_size=30, max_depth=9)
    alone = batch_of(world, Grouping(forced=False))
    shared = batch_of(world, Grouping(forced=True, mask=mask))
    assert (alone.shared, shared.shared) == (False, True)
    for name in COLUMNS:
        assert np.array_equal(getattr(alone, name), getattr(shared, name)), name
    for slot in np.flatnonzero(alone.outcomes == 0):
        assert np.array_equal(alone.word_span(int(slot)), shared.word_span(int(slot)))
    kinds = {
        tuple(world.population.words(int(row)).tobytes() for row in rows)
        for rows in zip(shared.operators, shared.places_a, shared.places_b, strict=True)
        if rows[1] >= 0
    }
    assert len(np.unique(shared.first[shared.first >= 0])) == len(kinds)


GROUPINGS: dict[str, Any] = {
    "never": lambda: Grouping(forced=False),
    "always": lambda: Grouping(forced=True),
    "colliding": lambda: Grouping(forced=True, mask=TWO_BITS),
    "as seen": Grouping,
}


def bytes_of_run(path: Path, engine: Any, **options: Any) -> bytes:
    """The log of some ticks."""
    log = written(path, rich())
    scaling = ScalingOptions(engine, 2, auto_scale=False, execution_batch_size=13)
    with Run(log, options, durability="off", scaling=scaling) as run:
        run.go(ticks=14, interval_ms=0)
    return log.read_bytes()


@pytest.mark.parametrize("streams", ["none", "all"])
@pytest.mark.parametrize("engine", ["serial", "thread", "process"])
def test_bytes_are_equal_whether_equal_reactions_are_looked_for_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, streams: str
) -> None:
    found = {}
    for name, made in GROUPINGS.items():
        with monkeypatch.context() as patched:
            patched.setattr(cpu, "Grouping", made)
            log = tmp_path / f"{name}.jsonl"
            found[name] = bytes_of_run(log, engine, parallel=40, streams=streams, max_objects=60)
    assert len(set(found.values())) == 1, {name: len(data) for name, data in found.items()}


def test_diverse_batches_are_passed_over_ever_longer_and_others_never() -> None:
    grouping = Grouping()
    objects = [automaton("op", term="λa.λb.a b")]
    objects += [term(f"t{k}", "λx." * (k + 1) + "x") for k in range(400)]
    world = world_of(objects, parallel=8, max_size=500, max_objects=600, max_input=2000)
    device = CpuBackend(world.options, threads=1)
    device.grouping = grouping
    batch = device.batch(world.slots)
    looked = []
    for tick in range(1, 140):
        job = BatchJob(world.population, plan_tick(world, tick), tick, philox.REACTANTS)
        if grouping.wanted(job.choice.operator):
            looked.append(tick)
            device.draw(job, batch)
            assert grouping.find(world.population, batch, job.choice.operator) < 0
    device.close()
    gaps = np.diff(looked).tolist()
    assert gaps == sorted(gaps)
    assert gaps[:3] == [2, 4, 8]
    assert max(gaps) <= MOST_PASSED + 1
