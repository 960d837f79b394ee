"""A tick's rounds, computed again to be looked at: reactants, outcome, winner and why.

Reads an opened log and folds it up to the tick; keeps nothing, prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from automaton.again import Again, Slot
from automaton.audit import Audit
from automaton.device import Cpu
from automaton.errors import UsageError
from automaton.notation import format_term
from automaton.options import Options
from automaton.replay import replay
from automaton.restore import Malformed, beginning

#: Why a slot won its round, or why not.
REASONS = {
    "normal": "a normal form that is neither reactant; the only stream wins its round",
    "copy": "the normal form is one of the reactants",
    "steps": "no normal form within max_steps",
    "size": "the normal form is larger than max_size",
    "depth": "more pending arguments than max_depth",
    "input": "(op a) b is larger than max_input",
    "empty": "a selector matched nothing",
}


@dataclass(frozen=True)
class Round:
    """One round with one candidate."""

    round: int
    winner: str | None  # the modification's id
    outcome: str
    why: str
    parents: list[str]
    steps: int
    salience: int
    term: str | None

    def as_json(self) -> dict[str, Any]:
        """The round for programs."""
        return dict(vars(self))


def rounds(
    log: Audit, tick: int, progress: Callable[[int], object] = lambda _: None
) -> list[Round]:
    """All rounds of a tick, in order."""
    last = len(log.commits)
    if not 1 <= tick <= last:
        raise UsageError(f"--tick {tick}: the log has the ticks 1 to {last}")
    again = Again(log, beginning(log, Options(), Malformed()), Cpu)
    try:
        for earlier in range(1, tick):
            with log.batch(earlier) as raw:
                replay(again.world, raw, log.commit(earlier))
            progress(earlier)
        with log.batch(tick) as raw:
            again.begin(tick, again.claim(tick, raw, log.commit(tick)))
        again.react(tick)
        told = {slot.number: slot for slot in again.slots()}
        return [
            _round(again, tick, number, told.get(number)) for number in range(again.batch.slots)
        ]
    finally:
        again.close()


def _round(again: Again, tick: int, number: int, slot: Slot | None) -> Round:
    if slot is None:
        return Round(number, None, "empty", REASONS["empty"], [], 0, 0, None)
    population = again.world.population
    parents = [population.id_of(row).decode("utf-8", "replace") for row in slot.rows]
    won = slot.outcome == "normal"
    form = slot.normal_form
    return Round(
        number, f"{again.world.prefix}m{tick}.{number}" if won else None, slot.outcome,
        REASONS[slot.outcome], parents, slot.steps, slot.salience,
        None if form is None else format_term(form),
    )  # fmt: skip
