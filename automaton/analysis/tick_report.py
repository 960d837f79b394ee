"""A tick's rounds, computed again to be looked at: reactants, outcome, winner and why.

Reads an opened log and folds it up to the tick; keeps nothing, prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from automaton.errors import UsageError
from automaton.log import AuditedLog
from automaton.replay.recompute import Slot, TickRecomputer
from automaton.replay.restore import recomputer
from automaton.terms.notation import format_term

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
    """One candidate of a round; where streams compete, a round has as many as there are."""

    round: int
    slot: int
    stream: str | None  # who proposed it, where streams compete
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


def report_tick(
    log: AuditedLog, tick: int, progress: Callable[[int], object] = lambda _: None
) -> list[Round]:
    """All rounds of a tick, in order."""
    last = len(log.commits)
    if not 1 <= tick <= last:
        raise UsageError(f"--tick {tick}: the log has the ticks 1 to {last}")
    with closing(recomputer(log)) as again:
        again.run_to(tick - 1, progress)
        again.look_at(tick)
        told = {slot.number: slot for slot in again.slots()}
        return [
            _round(again, tick, number, told.get(number)) for number in range(again.batch.slots)
        ]


def _round(again: TickRecomputer, tick: int, number: int, slot: Slot | None) -> Round:
    world, streams = again.world, max(1, again.batch.streams)
    stream = world.stream_names[number % streams] if again.batch.streams else None
    place = (number // streams, number, stream)
    if slot is None:
        why = "the stream has nothing to propose" if stream else REASONS["empty"]
        return Round(*place, None, "empty", why, [], 0, 0, None)
    parents = [world.population.id_of(row).decode("utf-8", "replace") for row in slot.rows]
    form = slot.normal_form
    return Round(
        *place, f"{world.prefix}m{tick}.{number}" if again.batch.won[number] else None,
        slot.outcome, _why(again, number, slot), parents, slot.steps, slot.salience,
        None if form is None else format_term(form),
    )  # fmt: skip


def _why(again: TickRecomputer, number: int, slot: Slot) -> str:
    """Why a slot won its round, or why not."""
    batch = again.batch
    if slot.outcome != "normal" or not batch.streams:
        return REASONS[slot.outcome]
    if batch.vetoed[number]:
        return f"vetoed by {list(again.world.program.vetoes)[batch.vetoed[number] - 1]}"
    first = number - number % batch.streams
    others = batch.salience[first : first + batch.streams]
    if batch.won[number]:
        equal = int((others == slot.salience).sum()) > 1
        return "the greatest salience of its round" + (", by a draw" if equal else "")
    return f"another of its round is more salient ({int(others.max())})"
