"""The machine's turn at the end of a tick: conditions, actions, moves, and what is counted.

A function of the snapshot, the batch's answers and effects; a run and whoever
checks it take the same turn. Nothing here knows a file, a clock or a log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from automaton.chemistry.actions import ACTIONS, ActionContext, fact_line
from automaton.chemistry.condition_answers import ConditionAnswers
from automaton.chemistry.effects import Effects
from automaton.chemistry.world import ActionLine, World
from automaton.program import conditions, moves


@dataclass(frozen=True)
class MachineStep:
    """What came of it: the lines made, whether anything fired, conditions not known."""

    made: list[ActionLine]
    fired: bool
    unknown: list[str]


def step_machine(
    world: World, answers: ConditionAnswers, tick: int, effects: Effects
) -> MachineStep:
    """Evaluate the conditions, perform the actions, move; changes the snapshot's state alone."""
    state, current = world.state, world.current
    if not current:
        return MachineStep([], fired=True, unknown=[])
    locked = world.options.lock_dimension is not None
    unknown: list[str] = []
    going = moves(world.program, current, _holds(world, answers, tick, unknown), locked=locked)
    automaton = world.program.automata[current]
    scene = ActionContext(world, answers, tick, world.slots, effects, automaton, automaton)
    scene.made += [fact_line(scene, name, answer=answer) for name, answer in answers.facts]
    for transition in going.performed:
        if not locked:
            target = world.program.meant(transition.target)
            scene.target = world.program.automata.get(target, automaton)
        if transition.action in ACTIONS:
            ACTIONS[transition.action](scene)
            state.actions[transition.action] += 1
    state.counters["stayed"] += not going.fired
    if going.next != current:
        state.automaton, state.entered = going.next, tick + 1
    return MachineStep(scene.made, going.fired, unknown)


def _holds(
    world: World, answers: ConditionAnswers, tick: int, unknown: list[str]
) -> Callable[[conditions.Condition], bool]:
    """How this tick evaluates a condition."""
    state = world.state
    numbers = {
        "line_number": state.counters["lines"],
        "step_count": tick - state.entered,
        "object_count": state.counters["objects"],
        "dimension": world.dimension(),
    }

    def holds(condition: conditions.Condition) -> bool:
        named = conditions.unknowns(condition)
        state.counters["unknown"] += len(named)
        unknown.extend(named)
        return conditions.holds(condition, numbers, answers)

    return holds


def count(  # noqa: PLR0913 - what a batch is counted by
    world: World, made: Sequence[ActionLine], winners: int, accepted: int, new: int, *, run: bool
) -> None:
    """Count a batch: `accepted` lines of input, `new` of their ids, and a run record or none."""
    counters = world.state.counters
    renewed = sum(line.found is not None for line in made)
    counters["modifications"] += winners
    counters["objects"] += winners + new + len(made) - renewed
    counters["lines"] += int(run) + accepted + winners + len(made) + 1
