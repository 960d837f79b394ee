"""The snapshot of a log after one of its ticks: the terms that live, and what a fork keeps.

Reads an opened log; writes nothing. Must not know: new files, the terminal, what
population figures mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.analysis.current_objects import CurrentObject, current_objects
from automaton.analysis.principal_plane import (
    principal_plane as principal_plane,  # noqa: PLC0414  # what this module gives
)
from automaton.chemistry import World as World  # noqa: PLC0414  # what this module gives
from automaton.compute import embeddings
from automaton.errors import TermError, UsageError
from automaton.format.json_edit import quote
from automaton.format.objects import Object, parse_line, term_sources
from automaton.log import Log, LogReader
from automaton.replay import restore
from automaton.terms.arrays import Places, Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import is_closed

Progress = Callable[[int], None]
_SHOWN_IDS = 3  # ids of a species that are named
#: Types that define the machine or what may happen; a fork keeps them, living or not.
_DEFINING = frozenset({"automaton", "transition", "vertical", "rule", "veto"})


@dataclass(frozen=True)
class Species:
    """The living objects that carry one term."""

    term: str  # canonical de Bruijn notation
    readable: str  # with names, as in λx.x
    count: int
    share: float  # of the living objects
    size: int  # nodes
    first_tick: int  # of the oldest living one; 0: it stood in the log, or came as input
    ids: list[str]  # the oldest ones, at most three
    makers: list[str]  # operator, a and b of the oldest one; none where it was not made

    def as_json(self) -> dict[str, Any]:
        """The species for programs."""
        return dict(vars(self))


class Survivors(NamedTuple):
    """Who lives after a tick."""

    tick: int
    live: int  # objects
    distinct: int  # different terms among them
    species: list[Species]  # the most frequent first, as many as were asked for


class ForkLine(NamedTuple):
    """A line that a fork takes over, or an object that it leaves out."""

    line: bytes | None  # None: its term no longer lives
    identity: str


class PlaceMap(NamedTuple):
    """What stands in the places of a population: one entry a live place, ascending."""

    places: list[int]
    names: list[str]  # ids of the objects
    species: list[int]  # which term: a number from 0, the most frequent first; equal ones by age
    terms: list[str]  # by species, with names as in λx.x
    counts: list[int]  # by species


def world_at(log: LogReader, tick: int, progress: Progress = lambda _tick: None) -> World:
    """The snapshot after a tick; 0 is the genesis. A tick that is not there: `UsageError`."""
    last = len(log.commits)
    if not 0 <= tick <= last:
        raise UsageError(f"{log.path}: there is no tick {tick}; the last is {last}")
    return restore.world_at(log, tick, progress=progress)


def survivors(log: LogReader, world: World, tick: int, top: int | None = None) -> Survivors:
    """The species alive after a tick, the most frequent first; equal ones by age."""
    rows = world.population.choices()
    groups = _groups(world, rows)
    chosen = groups if top is None else groups[:top]
    return Survivors(
        tick, len(rows), len(groups), [_species(log, world, group, len(rows)) for group in chosen]
    )


def _groups(world: World, rows: Places) -> list[list[int]]:
    """The rows that hold the same term, told apart by content; the oldest row first.

    The largest group comes first, of equal ones the oldest.
    """
    by_term: dict[bytes, list[int]] = {}
    for row in rows.tolist():
        by_term.setdefault(world.population.words(row).tobytes(), []).append(row)
    groups = [sorted(group, key=lambda row: _age(world, row)) for group in by_term.values()]
    return sorted(groups, key=lambda group: (-len(group), *_age(world, group[0])))


def place_map(world: World, most: int) -> PlaceMap:
    """Who lives where, of at most so many places, the first ones."""
    population = world.population
    groups = _groups(world, population.choices()[:most])
    species = {row: number for number, group in enumerate(groups) for row in group}
    places = sorted(species)
    return PlaceMap(
        places,
        [population.id_of(row).decode("utf-8", "replace") for row in places],
        [species[row] for row in places],
        [format_term(population.words(group[0]), "lambda") for group in groups],
        [len(group) for group in groups],
    )


def closed_term(text: str) -> Words:
    """A closed term in any notation; only binary consists of nothing but 0 and 1."""
    words = parse(text, "blc" if text and not text.strip("01") else "lambda")
    if not is_closed(words):
        raise TermError(f"TERM: {text!r} has free variables; bind them (λx. ...)")
    return words


def readable(text: str) -> str:
    """A term as it stands in a line, with names as in λx.x; what is no term stays as it is."""
    try:
        return format_term(parse(text, "lambda"), "lambda")
    except TermError:
        return text


class SpeciesVectors(NamedTuple):
    """The living terms, each once, and what `recall` compares of them."""

    names: list[str]  # of the oldest object that carries the term
    terms: list[str]
    counts: list[int]  # objects
    vectors: npt.NDArray[np.int16]  # shapes counted, [terms, 256]


def term_counts(world: World, most: int) -> SpeciesVectors:
    """The most frequent living terms, at most so many, and their vectors."""
    population = world.population
    groups = _groups(world, population.choices())[:most]
    words = [population.words(group[0]) for group in groups]
    sizes = np.array([len(term) for term in words], dtype=np.int64)
    code = np.concatenate([np.empty(0, np.int32), *words])
    return SpeciesVectors(
        [population.id_of(group[0]).decode("utf-8", "replace") for group in groups],
        [format_term(term, "lambda") for term in words],
        [len(group) for group in groups],
        embeddings.embed(code, np.cumsum(sizes) - sizes, sizes),
    )


def _age(world: World, row: int) -> tuple[int, int]:
    """Sorts rows by when they came."""
    column = world.population.column
    return int(column["born_tick"][row]), int(column["born_slot"][row])


def _species(log: LogReader, world: World, group: list[int], live: int) -> Species:
    population, oldest = world.population, group[0]
    words = population.words(oldest)
    names = [population.id_of(row).decode("utf-8", "replace") for row in group[:_SHOWN_IDS]]
    born = int(population.column["born_tick"][oldest])
    makers = _makers(log, names[0]) if born else []
    return Species(
        format_term(words), format_term(words, "lambda"), len(group), len(group) / live, len(words),
        born, names, makers,
    )  # fmt: skip


def _makers(log: LogReader, name: str) -> list[str]:
    """Operator, a and b of a winner; of a composition the two automata."""
    raw = log.current(name)
    parsed = parse_line(raw) if raw is not None else None
    parents = parsed.members.get("parents") if isinstance(parsed, Object) else None
    return [str(parent) for parent in parents] if isinstance(parents, list) else []


# -- what a fork keeps --------------------------------------------------------


def fork_lines(log: Log, world: World, tick: int) -> Iterator[ForkLine]:
    """The lines of a new log that begins where this one stood after a tick.

    The genesis as it is for tick 0. Else every object once, in its version of that
    tick, in order of first appearance, those whose terms all died left out and named;
    then the living winners, the oldest first. Records of ours are not taken over.
    """
    if not tick:
        for number, raw in log.genesis_lines():
            yield ForkLine(raw, f"line:{number}")
        return
    living = _living_names(world)
    for found in current_objects(log, tick):
        yield ForkLine(found.raw if _stays(found, world, living) else None, found.name)
    column = world.population.column
    rows = world.population.choices()
    made = rows[column["born_tick"][rows] > 0]
    for row in sorted(made.tolist(), key=lambda row: _age(world, row)):
        name = world.population.id_of(row).decode()
        yield ForkLine(log.current(name), name)


def _living_names(world: World) -> set[bytes]:
    """The names, escaped, of the living terms that were not made here."""
    population = world.population
    rows = population.choices()
    named = rows[population.column["born_tick"][rows] == 0]
    return {population.id_of(row) for row in named.tolist()}


def _stays(found: CurrentObject, world: World, living: set[bytes]) -> bool:
    """Whether an object is more than terms that have died."""
    members = found.members
    if members is None or members.get("type") in _DEFINING:
        return True
    kind = term_sources(members).kind
    name = quote(found.name)[1:-1]
    if kind == "term":
        return name in living
    last = world.spans.get(found.name, 0)
    return not last or any(name + b"#%d" % number in living for number in range(1, last + 1))


def reads_inbox(log: LogReader) -> bool:
    """Whether a transition of the program, as it stands, takes in lines of the inbox."""
    return any(
        found.members is not None
        and found.members.get("type") == "transition"
        and found.members.get("action") == "self-io"
        for found in current_objects(log, len(log.commits))
    )
