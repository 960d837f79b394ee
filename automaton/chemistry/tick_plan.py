"""Who may react in a tick: its operator, its reactants, what rules and streams propose.

Reads a snapshot and changes nothing of it but operators that rules make anew every
tick. Must not know: what came of the reactions.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from automaton.chemistry import rewriting
from automaton.chemistry.streams import Streams
from automaton.chemistry.world import World
from automaton.errors import NothingToRunError, UsageError
from automaton.population import Reactants, selection
from automaton.program.definitions import Automaton
from automaton.program.selectors import Selector, asks_others
from automaton.terms.arrays import Places
from kernels import philox


def plan_tick(world: World, tick: int) -> Reactants:
    """The operator and the reactants that a tick may draw."""
    automaton, row, level = _operating(world, tick)
    if world.options.updating == "sequential":
        _refuse_selection(world, automaton)
    a, b = _reactants(world, automaton)
    operator_of = _operator_of(world)
    if world.streams is None:
        return Reactants(automaton, level, row, a, b, operator_of)
    allowed = partial(_allowed, world, None if automaton is None else automaton.a)
    rewrites = _rewriting(world, world.streams, tick)
    weights = world.state.weights
    proposals = world.streams.proposals(tick, allowed, operator_of, weights, rewrites)
    return Reactants(automaton, level, row, a, b, operator_of, proposals)


def _refuse_selection(world: World, automaton: Automaton | None) -> None:
    """One after another every live term may react: selectors and rules look at a snapshot."""
    if automaton is not None and (automaton.a or automaton.b):
        what = f"the automaton {automaton.id} has a selector"
    elif world.program.rules:
        what = f"the log holds the rule {next(iter(world.program.rules))}"
    elif asking := [name for name, veto in world.program.vetoes.items() if asks_others(veto)]:
        raise UsageError(
            f"the veto {asking[0]} asks for `duplicate`, which no soup in order knows: whether "
            "a term has entered before; say in its match what a term must not be, or run with "
            "--streams and --updating synchronous"
        )
    else:
        return
    message = (
        f"{what}, which looks at the snapshot that a tick begins with; --updating sequential "
        "has none: give --operator TERM, or --updating synchronous --parallel 1"
    )
    raise UsageError(message)


def plan_trial(world: World, automaton: Automaton, row: int) -> Reactants:
    """What a trial of another operator for an automaton draws; rules do not apply."""
    a, b = _reactants(world, automaton)
    return Reactants(automaton, automaton.level, row, a, b, np.empty(0, dtype=np.int32))


def _operating(world: World, tick: int) -> tuple[Automaton | None, int, int]:
    """The automaton whose operator works this tick, its row and dimension."""
    options, program = world.options, world.program
    if options.operator is not None:
        return None, world.rows[""], 0
    if not world.current:
        message = (
            "nothing to step: input has left the log without an automaton object; "
            "`--operator TERM` runs its terms without a machine"
        )
        raise NothingToRunError(message)
    automaton = program.automata[world.current]
    if options.focus_probability:
        word = philox.words(options.seed, tick, 0, philox.FOCUS)[0]
        if int(word) < options.focus_probability:
            automaton = program.at_level(options.focus_dimension or 0) or automaton
    return automaton, world.rows[automaton.id], automaton.level


def _reactants(world: World, automaton: Automaton | None) -> tuple[Places, Places]:
    every = world.population.choices()
    if automaton is None:
        return every, every
    return _select_or(world, automaton.a, every), _select_or(world, automaton.b, every)


def _select_or(world: World, selector: Selector | None, every: Places) -> Places:
    """The places a selector matches; every place where there is none."""
    if selector is None:
        return every
    return world.selections.select(selector, world.matcher)


def _operator_of(world: World) -> Places:
    """By place: the row of the operator that the first matching rule puts there, or -1."""
    rules = world.program.rules.values()
    if not rules:
        return np.empty(0, dtype=np.int32)
    table = [(rule.match, world.rows[rule.id]) for rule in rules]
    return world.selections.first_match(table, world.matcher)


def _allowed(world: World, selector: Selector | None, rows: Places) -> Places:
    """Those of some rows that a selector allows."""
    return selection.chosen(world.population, rows, selector, world.matcher)


def _rewriting(world: World, streams: Streams, tick: int) -> tuple[Places, Places]:
    """What rules with a replacement offer this tick; see `rewriting.write_operators`."""
    rules = world.program.rewritings if streams.reasons else {}
    seed, size = world.options.seed, world.options.max_size
    drawn = rewriting.draw_rewrites(world.population, rules, seed, tick, world.matcher)
    return rewriting.write_operators(world.population, streams.rewriting, drawn, size)
