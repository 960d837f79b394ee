"""The snapshot of a log after one of its ticks: the terms that live, and what a fork keeps.

Reads an opened log; writes nothing. Must not know: new files, the terminal, what
population figures mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
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
NOTHING_TAKEN: Mapping[int, int] = MappingProxyType({})
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
    first_tick: int  # since when the oldest living one has it; 0: the log, or input, held it
    ids: list[str]  # the oldest ones, at most three
    makers: list[str]  # operator, a and b of the oldest one; none where it was not made
    winner: str | None  # the oldest one that won

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
    taken = _taken(log, world, rows, tick)
    groups = _groups(world, rows, taken)
    chosen = groups if top is None else groups[:top]
    found = [_species(log, world, group, len(rows), taken) for group in chosen]
    return Survivors(tick, len(rows), len(groups), found)


def winners_like(world: World, name: str, most: int = _SHOWN_IDS) -> list[str]:
    """The oldest living winners that carry the term of a living object."""
    population, rows = world.population, world.population.choices().tolist()
    own = next((row for row in rows if population.id_of(row) == quote(name)[1:-1]), None)
    if own is None:
        return []
    term = population.words(own).tobytes()
    like = [row for row in rows if population.words(row).tobytes() == term]
    made = sorted((row for row in like if _won(world, row)), key=lambda row: _age(world, row))
    return [population.id_of(row).decode("utf-8", "replace") for row in made[:most]]


def _won(world: World, row: int) -> bool:
    return int(world.population.column["born_tick"][row]) > 0


def _taken(log: LogReader, world: World, rows: Places, tick: int) -> dict[int, int]:
    """By row, the tick in which an automaton took the operator that it has; at first none has."""
    column, automata = world.population.column, world.program.automata
    taken = {}
    for row in rows[column["born_tick"][rows] == 0].tolist():
        name = world.population.id_of(row).decode("utf-8", "replace")
        if name in automata and (since := _operator_since(log, name, tick)):
            taken[row] = since
    return taken


def _operator_since(log: LogReader, name: str, tick: int) -> int:
    """The tick of the first of an automaton's last versions that hold one term; 0: the genesis."""
    since, term = 0, None
    for line in reversed(log.find(name)):
        at = log.commits.tick_of_line(line)
        if at > tick:
            continue
        parsed = parse_line(log.line(line))
        found = parsed.members.get("term") if isinstance(parsed, Object) else None
        if term is not None and found != term:
            break
        since, term = at, found
        if term is None:
            break
    return since if term is not None else 0


def _groups(
    world: World, rows: Places, taken: Mapping[int, int] = NOTHING_TAKEN
) -> list[list[int]]:
    """The rows that hold the same term, told apart by content; the oldest row first.

    The largest group comes first, of equal ones the oldest.
    """
    by_term: dict[bytes, list[int]] = {}
    for row in rows.tolist():
        by_term.setdefault(world.population.words(row).tobytes(), []).append(row)
    groups = [sorted(group, key=lambda row: _age(world, row, taken)) for group in by_term.values()]
    return sorted(groups, key=lambda group: (-len(group), *_age(world, group[0], taken)))


def place_map(log: LogReader, world: World, tick: int, most: int) -> PlaceMap:
    """Who lives where after a tick, of at most so many places, the first ones."""
    population, rows = world.population, world.population.choices()[:most]
    groups = _groups(world, rows, _taken(log, world, rows, tick))
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


def _age(world: World, row: int, taken: Mapping[int, int] = NOTHING_TAKEN) -> tuple[int, int]:
    """Sorts rows by when they came to their terms."""
    column = world.population.column
    return taken.get(row, int(column["born_tick"][row])), int(column["born_slot"][row])


def _species(
    log: LogReader, world: World, group: list[int], live: int, taken: Mapping[int, int]
) -> Species:
    population, oldest = world.population, group[0]
    words = population.words(oldest)
    names = [population.id_of(row).decode("utf-8", "replace") for row in group[:_SHOWN_IDS]]
    born, _slot = _age(world, oldest, taken)
    makers = _makers(log, names[0]) if _won(world, oldest) else []
    winner = next((row for row in group if _won(world, row)), None)
    return Species(
        format_term(words), format_term(words, "lambda"), len(group), len(group) / live, len(words),
        born, names, makers,
        None if winner is None else population.id_of(winner).decode("utf-8", "replace"),
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
