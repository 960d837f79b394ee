"""What the log of a merged soup says of the two parts that its genesis names.

Reads an opened log. Must not know: where the parts came from, the terminal.
"""

from __future__ import annotations

from automaton.chemistry import World
from automaton.log import LogReader
from automaton.replay import MalformedLines, genesis_objects
from automaton.soups.living_terms import living_terms
from automaton.soups.merger import BETWEEN, LEFT, RIGHT, Merger, merger
from automaton.terms.notation import parse


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
