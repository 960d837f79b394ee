"""The state machine's next move: which transition fires, and where it leads.

Pure: conditions are answered by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from automaton.program import conditions
from automaton.program.definitions import Program, Transition


@dataclass(frozen=True)
class Moves:
    """What the machine does at the end of a tick."""

    performed: tuple[Transition, ...]
    next: str
    fired: bool


def moves(
    program: Program, current: str, holds: Callable[[conditions.Condition], bool], *, locked: bool
) -> Moves:
    """Which transitions act, and where the machine goes.

    Transitions out of the current automaton are tried in order; one that leads
    elsewhere ends the trying, a self-loop does not; if none leads on, a vertical
    edge does. Locked, every transition is a self-loop and edges lead nowhere.
    """
    performed: list[Transition] = []
    for transition in program.transitions.values():
        if program.meant(transition.source) != current or not holds(transition.condition):
            continue
        performed.append(transition)
        target = destination(program, transition)
        if not locked and target != current:
            return Moves(tuple(performed), target, fired=True)
    upward = None if locked else program.upward(current)
    return Moves(tuple(performed), upward or current, fired=bool(performed or upward))


def destination(program: Program, transition: Transition) -> str:
    """Where a transition leads: `to`, or dimension 0 for `self-observe`; else nowhere."""
    if transition.action == "self-observe":
        ground = program.at_level(0) or program.lowest()
        return ground.id
    target = program.meant(transition.target)
    return target if target in program.automata else program.meant(transition.source)
