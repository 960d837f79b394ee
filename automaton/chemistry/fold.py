"""The fold: the lines of a batch enter the snapshot, which then is the next one.

A run and whoever reads its lines back fold the same values in the same order, so
both come to the same snapshot. Pure: lines arrive as values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from automaton.chemistry.streams import RememberedCandidate
from automaton.chemistry.world import ActionLine, World
from automaton.format import json_edit
from automaton.format.objects import NamedObject
from automaton.population import MODIFICATION, Entrants, place_draws
from automaton.program.term_extraction import WATCHED_SPANS
from kernels import philox


@dataclass(frozen=True)
class BatchContent:
    """What a batch brings into the snapshot, in the order in which its lines stand."""

    accepted: Sequence[NamedObject]
    winners: Entrants
    level: int  # dimension of the winners
    made: Sequence[ActionLine]
    lost: Sequence[
        RememberedCandidate
    ] = ()  # what enters the archive's window, where streams compete


def fold_batch(world: World, tick: int, batch: BatchContent) -> None:
    """The content of a batch enters: accepted input, winners, lines made by actions."""
    winners, number = batch.winners, 0
    if world.streams is not None:
        world.streams.credit(tick, winners.index, winners.places_a, winners.places_b)
    for found in batch.accepted:
        number = _renew(world, found, tick, number)
    if len(winners.slots):
        world.population.enter(tick, winners, batch.level, MODIFICATION)
    if len(winners.slots) and world.streams is not None:
        world.streams.entered(tick, winners)
    for entering, lines in groupby(batch.made, _enters_as):
        if entering is not None:
            _enter_made(world, tick, list(lines))
            continue
        for found in (line.found for line in lines if line.found is not None):
            number = _renew(world, found, tick, number)
    if world.streams is not None:
        world.streams.remember(tick, batch.lost)
    if batch.accepted or any(line.found for line in batch.made):
        world.sync_operators()


def _enters_as(line: ActionLine) -> tuple[str, int] | None:
    """Type and dimension of a line whose term enters; None: it is another."""
    return None if line.words is None else (line.kind, line.level)


def _enter_made(world: World, tick: int, lines: Sequence[ActionLine]) -> None:
    """Terms of lines of one kind enter, each like a winner of its slot."""
    slots = np.array([line.slot for line in lines], dtype=np.int64)
    terms = [line.words for line in lines if line.words is not None]
    sizes = np.array([len(words) for words in terms], dtype=np.int32)
    steps = np.array([line.steps for line in lines], dtype=np.int32)
    starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    draws = place_draws(world.options.seed, tick, philox.PLACE, slots)
    entering = Entrants(
        slots, np.arange(len(terms)), np.concatenate(terms), starts, sizes, steps, draws
    )
    kind = world.population.kind(lines[0].kind)
    world.population.enter(tick, entering, lines[0].level, kind)
    if world.streams is not None:
        for place in world.population.entered[1]:
            world.streams.sense(tick, int(place))


def _renew(world: World, found: NamedObject, tick: int, number: int) -> int:
    """A named object's new version replaces the old; returns the next draw's number."""
    world.program.learn(found.id, found.members)
    last = world.spans.pop(found.id, 0)
    fresh = world.terms_of(found)
    world.population.drop(_names_but(found.id, last, fresh.numbers))
    for count, term in enumerate(fresh, 1):
        if count % WATCHED_SPANS == 0:
            world.reader.watch()
        seed = world.options.seed
        place = world.population.add_named(term, seed, tick, number, philox.ACCEPTED)
        if world.streams is not None and place >= 0:
            world.streams.sense(tick, place)
        number += 1
    return number


def _names_but(object_id: str, last: int, numbers: Sequence[int]) -> Iterable[bytes]:
    """The names that an object's terms may have, up to a span's number, but for some.

    `numbers` ascend; 0, the object's own term, is then the only one.
    """
    name = json_edit.quote(object_id)[1:-1]
    if not numbers or numbers[0]:
        yield name
    at = 0
    for number in range(1, last + 1):
        while at < len(numbers) and numbers[at] < number:
            at += 1
        if at == len(numbers) or numbers[at] != number:
            yield name + b"#%d" % number
