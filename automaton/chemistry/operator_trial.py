"""Another operator tried on a snapshot, and terms made by actions normalised."""

from __future__ import annotations

from automaton.backends import Workspace
from automaton.backends.batch import BatchJob
from automaton.chemistry.tick_plan import plan_trial
from automaton.chemistry.world import World
from automaton.compute import draws
from automaton.compute.reduction import reduce_batch
from automaton.format.options import Options
from automaton.program import NamedTerm
from automaton.program.definitions import Automaton
from automaton.terms.arrays import Words


def count_candidates(
    world: World, space: Workspace, tick: int, target: Automaton, words: Words
) -> int:
    """How many of a trial's reactions with this operator are candidates."""
    world.population.set_operator(world.trial_row, NamedTerm(b"trial", words, "trial"))
    choice = plan_trial(world, target, world.trial_row)
    space.device.react(BatchJob(world.population, choice, tick, draws.TRIAL), space.trials)
    return space.trials.counts()[0]


def normal_form(options: Options, words: Words) -> tuple[Words | None, int]:
    """A term's normal form under a run's budgets (None: it has none), and its beta steps."""
    if len(words) > options.input_limit:
        return None, 0
    reduced = reduce_batch([words], options.max_steps, options.max_size, options.max_depth)
    return reduced.words(0), int(reduced.steps[0])
