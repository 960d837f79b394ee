"""A process that makes merged soups for its parent, and says what became of their parts.

Must not know: other runs, what the figures are for.
"""

from __future__ import annotations

from typing import Any

from automaton.chemistry import World
from automaton.log import Log, LogReader
from automaton.replay import MalformedLines, genesis_objects, restore
from automaton.soups import campaign_worker, sweep_worker
from automaton.soups.living_terms import living_terms
from automaton.soups.merger import BETWEEN, LEFT, RIGHT, Merger, merger
from automaton.terms.notation import parse
from automaton.workers.spawn import Channel


def handle(channel: Channel) -> None:
    """Make the soups that are asked for, one at a time, and say what each came to."""
    campaign_worker.answer(channel, made)


def made(path: str, options: dict[str, Any], ticks: int) -> dict[str, Any]:
    """Have a log so many ticks; its head, figures, and what became of its parts."""
    found = sweep_worker.made(path, options, ticks, {})
    with Log.open(path, write=False) as log:
        merged = merger_of(log, restore.world_at(log, ticks))
    assert merged is not None  # the genesis has two parts
    return {**found, "merger": merged.as_json()}


def merger_of(log: LogReader, world: World) -> Merger | None:
    """What became of the two parts of a merged soup; None: its genesis names none."""
    parts: dict[str, set[bytes]] = {LEFT: set(), RIGHT: set(), BETWEEN: set()}
    for found in genesis_objects(log, MalformedLines()):
        kind, term = found.members.get("type"), found.members.get("term")
        if kind in parts and isinstance(term, str):
            parts[kind].add(parse(term).tobytes())
    if not parts[LEFT] or not parts[RIGHT]:
        return None
    left, right, between = (frozenset(terms) for terms in parts.values())
    return merger(left, right, between, living_terms(world).as_set())
