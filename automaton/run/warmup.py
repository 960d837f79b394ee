"""Has every kernel of a tick compiled, or read from its cache, before the clock starts.

The first run on a machine compiles for some seconds; a run that is bounded by
time should not spend it so, and statistics should not show it. One tiny tick
on a snapshot of its own, thrown away.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from automaton.backends import CpuBackend, attach
from automaton.backends.batch import BatchJob, CandidateBatch, LineBuffer, WinnerTemplate
from automaton.chemistry import ConditionAnswers, World, competition
from automaton.chemistry.fold import BatchContent, fold_batch
from automaton.chemistry.streams import RememberedCandidate
from automaton.chemistry.tick import compute_tick
from automaton.chemistry.tick_plan import plan_tick
from automaton.compute import draws
from automaton.compute.reduction import SubstitutionReducer, application, reduce_batch
from automaton.format.objects import NamedObject
from automaton.format.options import Options
from automaton.log import integrity
from automaton.log.prefix_hash import HashedPrefix
from automaton.population import MODIFICATION, Entrants, place_draws
from automaton.program import selectors
from automaton.terms import encodings
from kernels import cpu

_SMALL = Options(
    parallel=1, max_objects=2, max_size=16, max_steps=16, max_depth=16, operator="λλ1 0"
)


def is_compiled(kernel: str) -> bool:
    """Whether this machine has a kernel compiled already, such as `trials.try_terms`."""
    return cpu.PLAIN or any(cpu.cache_folder().rglob(f"{kernel}-*.nbi"))


def warm_up(options: Options = _SMALL) -> None:
    """Compute one tick of one round, and one with streams where these options have some."""
    _warm_up()
    if options.streams != "none":
        _compete()


def _compete() -> None:
    """One round of every stream."""
    world = World(replace(_SMALL, streams="all"))
    term = {"term": "λλ1 0"}
    rule = {"type": "rule", "pattern": "?x", "replacement": "?x"}
    veto = {"type": "veto", "match": "duplicate"}
    world.found([NamedObject("a", term), NamedObject("b", veto), NamedObject("r", rule)], 1)
    device = CpuBackend(world.options, threads=1)
    space = attach(device, world)
    for device.grouping.forced in (True, False):  # equal reactions once, and one by one
        compute_tick(world, space, 1)
    batch = space.batch
    space.device.archive(batch, space.device.buffer())
    lost = [RememberedCandidate(0, encodings.IDENTITY, 1)]
    entering = competition.entering(batch, np.flatnonzero(batch.won))
    fold_batch(world, 1, BatchContent([NamedObject("c", term)], entering, 0, [], lost))
    plan_tick(world, 2)
    space.device.close()


def _warm_up() -> None:
    options = _SMALL
    world = World(options)
    world.found([NamedObject("a", {"term": "λ0"}), NamedObject("b", {"term": "λλ1"})], 1)
    device, batch = CpuBackend(options, threads=1), CandidateBatch(1, options.max_size)
    job = BatchJob(world.population, plan_tick(world, 1), 1, draws.REACTANTS)
    for device.grouping.forced in (True, False):  # equal reactions once, and one by one
        device.react(job, batch)
    device.write(job, batch, WinnerTemplate.of("", 1, 0), LineBuffer())
    answers = ConditionAnswers(world, batch, 1, SubstitutionReducer(), lambda: True)
    for question in ("unifiable", "numeric"):
        answers(question)
    identity = encodings.IDENTITY
    SubstitutionReducer().normal_form(application(identity, identity, identity), 1)
    reduce_batch([identity], 16, 16, 16)
    chosen = selectors.parse_checked("numeral or term ~ '?x'")
    world.selections.select(chosen)
    winners = np.arange(1)
    batch.words[:] = place_draws(0, 1, draws.PLACE, winners)
    batch.results[:], batch.sizes[:], batch.out[:1] = 0, 1, 0
    world.population.enter(
        1,
        Entrants(winners, winners, batch.out, batch.results, batch.sizes, batch.steps, batch.words),
        0,
        MODIFICATION,
    )
    world.population.reserve(len(world.population.code))
    world.population.distinct()
    world.selections.select(chosen)  # again, where the population changed
    integrity.warm_up()
    HashedPrefix.of([bytearray(b"\n")])  # as a tick's lines, which may be written
    HashedPrefix.of([b"\n"])  # counts lines too
    device.close()
