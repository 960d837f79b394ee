"""A tick computed again to be looked at: its rounds, winners and why, and the machine's turn.

Reads an opened log and folds it up to the tick; keeps nothing, prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

from automaton.chemistry import ConditionAnswers, World
from automaton.errors import UsageError
from automaton.log import AuditedLog
from automaton.program import conditions, moves
from automaton.replay import batch_claims
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


class TickState(NamedTuple):
    """Where the machine and the population stood."""

    automaton: str  # the current one; "": there is no machine
    dimension: int
    live: int
    distinct: int  # different terms among the living


class TransitionTrial(NamedTuple):
    """A transition out of the current automaton, as the end of the tick found it."""

    id: str
    target: str
    condition: str  # as it was understood
    holds: bool
    found: list[str]  # what its counters stood at, what its questions were answered


class TickReport(NamedTuple):
    """A tick from its snapshot to the next one."""

    before: TickState
    after: TickState
    rounds: list[Round]
    tried: list[TransitionTrial]  # transitions whose condition was looked at, in their order
    fired: list[tuple[str, str]]  # transitions that acted: id and action, in their order
    upward: bool  # no transition led on, and a vertical edge was the way


def report_tick(
    log: AuditedLog, tick: int, progress: Callable[[int], object] = lambda _: None
) -> list[Round]:
    """All rounds of a tick, in order."""
    return examine_tick(log, tick, progress).rounds


def examine_tick(
    log: AuditedLog, tick: int, progress: Callable[[int], object] = lambda _: None
) -> TickReport:
    """A tick's rounds, which transitions fired, and where all stood before and after."""
    last = len(log.commits)
    if not 1 <= tick <= last:
        raise UsageError(f"--tick {tick}: the log has the ticks 1 to {last}")
    with closing(recomputer(log)) as again:
        again.run_to(tick - 1, progress)
        again.look_at(tick)
        told = {slot.number: slot for slot in again.slots()}
        before = _standing(again.world)
        rounds = [
            _round(again, tick, number, told.get(number)) for number in range(again.batch.slots)
        ]
        turn = _turn(again, tick)
        again.run_to(tick)
        return TickReport(before, _standing(again.world), rounds, *turn)


def _standing(world: World) -> TickState:
    population = world.population
    return TickState(world.current, world.dimension(), len(population), population.distinct())


def _turn(
    again: TickRecomputer, tick: int
) -> tuple[list[TransitionTrial], list[tuple[str, str]], bool]:
    """Which transitions fire at the end of a tick that has reacted; nothing is changed."""
    world = again.world
    if not world.current:
        return [], [], False
    known = iter(_facts(again, tick))
    answers = ConditionAnswers(world, again.batch, tick, again.reference, lambda: next(known, True))
    counters = world.state.counters
    numbers = {
        "line_number": counters["lines"],
        "step_count": tick - world.state.entered,
        "object_count": counters["objects"],
        "dimension": world.dimension(),
    }
    looked_at: list[tuple[bool, list[str]]] = []

    def holds(condition: conditions.Condition) -> bool:
        said: dict[str, bool] = {}

        def ask(name: str) -> bool:
            said[name] = answers(name)  # asked twice, it may be drawn twice
            return said[name]

        true = conditions.holds(condition, numbers, ask)
        looked_at.append((true, _found(condition, numbers, said)))
        return true

    locked = world.options.lock_dimension is not None
    going = moves(world.program, world.current, holds, locked=locked)
    meant = world.program.meant
    out = [t for t in world.program.transitions.values() if meant(t.source) == world.current]
    tried = [
        TransitionTrial(way.id, way.target, conditions.as_text(way.condition), *result)
        for way, result in zip(out, looked_at, strict=False)  # one that leads on ends the trying
    ]
    stays = all(meant(t.target) == world.current for t in going.performed)
    fired = [(transition.id, transition.action) for transition in going.performed]
    return tried, fired, stays and going.next != world.current and not _observes(fired)


def _found(
    condition: conditions.Condition, numbers: Mapping[str, int], said: Mapping[str, bool]
) -> list[str]:
    """What a condition's counters stood at and its questions were answered, as far as asked."""
    found = [f"{text} is no known condition" for text in conditions.unknowns(condition)]
    for atom in conditions.atoms(condition):
        if isinstance(atom, conditions.Ask):
            if atom.name in said:
                found.append(f"{atom.name} is {str(said[atom.name]).lower()}")
        else:
            found.append(f"{atom.field} is {numbers[atom.field]}")
    return list(dict.fromkeys(found))


def _observes(fired: list[tuple[str, str]]) -> bool:
    """Whether the machine went to the ground by `self-observe`, wherever its way led."""
    return any(action == "self-observe" for _, action in fired)


def _facts(again: TickRecomputer, tick: int) -> Iterator[bool]:
    """The answers of the disk that the log records of a tick."""
    with again.log.batch(tick) as raw:
        data, at = bytes(raw), 0
        while (at := data.find(b'"type":"fact"', at)) >= 0:
            found = list(
                batch_claims.facts(raw[data.rfind(b"\n", 0, at) + 1 :], again.world.format)
            )
            if found:
                yield from found
                return
            at += 1


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
    if slot.outcome == "normal" and (veto := batch.veto(number)):
        return f"vetoed by {list(again.world.program.vetoes)[veto - 1]}"
    if slot.outcome != "normal" or not batch.streams:
        return REASONS[slot.outcome]
    first = number - number % batch.streams
    others = batch.salience[first : first + batch.streams]
    if batch.won[number]:
        equal = int((others == slot.salience).sum()) > 1
        return "the greatest salience of its round" + (", by a draw" if equal else "")
    return f"another of its round is more salient ({int(others.max())})"
