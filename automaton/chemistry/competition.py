"""What became of a batch's candidates: who was vetoed, who won, who is archived.

Every slot ends in exactly one place. Functions of a batch's columns and of the
snapshot; how a candidate is weighed is the kernels' business.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from automaton.backends import CpuBackend
from automaton.backends.batch import (
    NO_VETOES,
    BatchJob,
    CandidateBatch,
    LineBuffer,
    WinnerTemplate,
)
from automaton.chemistry.inflow import battery
from automaton.chemistry.streams import RememberedCandidate
from automaton.chemistry.vetoes import MOST_VETOES, Candidates, compiled_vetoes
from automaton.chemistry.world import World
from automaton.population import Entrants, Reactants
from automaton.terms.arrays import Slots
from kernels import philox
from kernels.terms import reduce

_BUDGET = (reduce.STEPS, reduce.SIZE, reduce.DEPTH, reduce.INPUT)


def compute(  # noqa: PLR0913, PLR0917 - a tick is made of these
    device: CpuBackend,
    world: World,
    batch: CandidateBatch,
    tick: int,
    choice: Reactants,
    buffer: LineBuffer,
) -> None:
    """A tick's candidates, who of them wins, and the winners' lines."""
    in_order = world.options.updating == "sequential"
    vetoes = compiled_vetoes(world.program.vetoes, choice.level) if in_order else NO_VETOES
    job = BatchJob(world.population, choice, tick, philox.REACTANTS, battery(world), vetoes)
    fragments = WinnerTemplate.of(
        world.prefix, tick, choice.level, world.stream_names, world.format
    )
    if choice.proposals is None:
        if in_order:
            device.react_in_order(job, batch)
        else:
            device.react(job, batch)
        device.write(job, batch, fragments, buffer)
        return
    device.propose(job, batch)
    batch.vetoed[:] = 0
    if world.program.vetoes:
        device.complete(batch)
        rows = np.flatnonzero(batch.outcomes == reduce.NORMAL)
        candidates = Candidates(
            batch.out, batch.results[rows], batch.sizes[rows], batch.steps[rows], choice.level,
            world.population.seen,
        )  # fmt: skip
        batch.vetoed[rows] = candidates.vetoed(world.program.vetoes)
    device.judge(job, batch, fragments, buffer)


def entering(batch: CandidateBatch, winners: Slots) -> Entrants:
    """The winners of a batch, on their way into the population."""
    return Entrants(
        winners, winners, batch.out, batch.results, batch.sizes, batch.steps, batch.words[winners],
        batch.salience, batch.places_a, batch.places_b, batch.placed[winners] if batch.in_order
        else batch.placed,
    )  # fmt: skip


def losers_to_remember(
    device: CpuBackend, world: World, tick: int, batch: CandidateBatch
) -> list[RememberedCandidate]:
    """The candidates that lost and enter the window of the archive."""
    if world.streams is None:
        return []
    drawn = world.streams.drawn(world.options.seed, tick, world.options.parallel)
    device.bring(batch, drawn)
    return [
        RememberedCandidate(slot, batch.word_span(slot).copy(), int(batch.steps[slot]))
        for slot in drawn
        if batch.outcomes[slot] == reduce.NORMAL and not batch.won[slot] | batch.vetoed[slot]
    ]


def slot_fates(world: World, batch: CandidateBatch) -> dict[str, Any] | None:
    """Where the slots of a batch ended: the numbers add up to the number of slots.

    `won` by stream, `vetoed` by rule (`copy`: equal to a reactant), then the sums of
    those that lost, that were out of budget and that drew nothing.
    """
    if world.streams is None:
        return None
    normal = batch.outcomes == reduce.NORMAL
    wins = batch.won.reshape(-1, batch.streams).sum(axis=0, dtype=np.int64)
    counts, vetoed = batch.counts(), _by_rule(world, batch)
    lost = int(np.count_nonzero(normal)) - sum(vetoed.values()) - int(wins.sum())
    if counts[reduce.COPY]:  # counted with those of a rule that somebody called so
        vetoed = {"copy": 0, **vetoed}
        vetoed["copy"] += counts[reduce.COPY]
    return {
        "won": {name: int(n) for name, n in zip(world.stream_names, wins, strict=True)},
        "archived": lost,
        "vetoed": vetoed,
        "budget": sum(counts[k] for k in _BUDGET),
        "empty": counts[reduce.EMPTY],
    }


def vetoed_in_order(world: World, batch: CandidateBatch) -> dict[str, int] | None:
    """How many products of a soup in order each rule forbade; None: there are no rules."""
    if world.options.updating != "sequential" or not world.program.vetoes:
        return None
    return _by_rule(world, batch)


def _by_rule(world: World, batch: CandidateBatch) -> dict[str, int]:
    """How many normal forms each veto forbade, those that forbade any."""
    vetoes = list(world.program.vetoes)[:MOST_VETOES]
    normal = batch.outcomes == reduce.NORMAL
    counts = np.bincount(batch.vetoed[normal], minlength=len(vetoes) + 1)[1:]
    return {name: int(n) for name, n in zip(vetoes, counts, strict=True) if n}
