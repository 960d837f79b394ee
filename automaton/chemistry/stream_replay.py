"""What streams did in a tick whose lines are read back: proposals, and whom they remember.

A log holds winners. Whose reactants they were, and which few of the losers entered
the archive's window, is computed again from the snapshot; nothing else is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from automaton.chemistry.streams import RememberedCandidate, Streams
from automaton.chemistry.vetoes import Candidates
from automaton.chemistry.world import World
from automaton.compute.budgets import Budgets, MachineScratch
from automaton.population import Entrants, Reactants
from automaton.terms.arrays import Places, Slots, Words
from kernels import cpu
from kernels.chemistry import react
from kernels.chemistry import streams as kernel
from kernels.terms import reduce


def reactants(world: World, choice: Reactants, tick: int, slots: Slots) -> tuple[Places, ...]:
    """The rows of a, of b and of the operator that these slots proposed."""
    a, b, operators = np.empty((3, len(slots)), dtype=np.int32)
    cpu.compiled(kernel.propose_some)(
        np.uint64(world.options.seed), np.uint64(tick), slots, *choice.proposing(),
        a, b, operators,
    )  # fmt: skip
    return a, b, operators


def credited(world: World, choice: Reactants, tick: int, winners: Entrants) -> Entrants:
    """The winners, with their reactants."""
    a, b, _ = reactants(world, choice, tick, winners.slots)
    return replace(winners, places_a=a, places_b=b)


def remembered(
    world: World, streams: Streams, choice: Reactants, tick: int, won: Slots
) -> list[RememberedCandidate]:
    """The candidates that lost and enter the window; `won`: the winners' slots."""
    o = world.options
    drawn = np.array(streams.drawn(o.seed, tick, o.parallel), dtype=np.int64)
    slots = np.setdiff1d(drawn, won)
    a, b, operators = reactants(world, choice, tick, slots)
    outcomes = np.empty(len(slots), dtype=np.uint8)
    steps, sizes = np.empty((2, len(slots)), dtype=np.int32)
    results = np.empty(len(slots), dtype=np.int64)
    out: Words = np.empty(len(slots) * o.max_size, dtype=np.int32)
    machine = MachineScratch.of(Budgets(o.max_steps, o.max_size, o.max_depth))
    population = world.population
    facts = (population.column[name] for name in ("start", "size", "normal", "value", "form"))
    cpu.compiled(react.react_proposed)(
        0, len(slots), population.code, *facts,
        o.copies, o.max_steps, o.max_size, o.max_depth, o.input_limit,
        outcomes, steps, sizes, a, b, operators, results, out, 0, *machine,
    )  # fmt: skip
    rows = np.flatnonzero(outcomes == reduce.NORMAL)
    lost = Candidates(out, results[rows], sizes[rows], steps[rows], choice.level, population.seen)
    rows = rows[lost.vetoed(world.program.vetoes) == 0]
    return [
        RememberedCandidate(
            int(slots[k]), out[results[k] : results[k] + sizes[k]].copy(), int(steps[k])
        )
        for k in rows
    ]
