"""What a log gives a synthesis: its terms as building blocks, by dimension and by stream.

A dimension gives its operator and those terms that its selectors allow; a stream says
which of them come first. Pure: the snapshot arrives as a value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.chemistry import World
from automaton.chemistry.streams import OPERATORS
from automaton.chemistry.tick_plan import plan_trial
from automaton.population import Population, place_draws
from automaton.terms import encodings, notation
from automaton.terms.arrays import Places, Words

#: Nodes of a building block: larger ones are results, not parts.
LARGEST = 48
#: Draws for a pool: kernels/philox.py has those of a run.
POOL = np.uint64(64)
Column = npt.NDArray[Any]


class Component(NamedTuple):
    """A term under the name that it has in the log."""

    name: str
    words: Words


@dataclass(frozen=True)
class Dimension:
    """A dimension's operator, and the places that its selectors allow as a or as b."""

    level: int
    operator: Component
    places: Places


@dataclass(frozen=True)
class ComponentLibrary:
    """The building blocks of a snapshot."""

    population: Population
    places: Places  # of distinct terms that are small enough
    dimensions: tuple[Dimension, ...]
    seed: int

    @classmethod
    def of(cls, world: World, seed: int) -> ComponentLibrary:
        """All that a snapshot offers; of equal terms the first counts."""
        population = world.population
        rows = population.choices()
        rows = rows[population.column["size"][rows] <= LARGEST]
        _, first = np.unique(population.column["hashes"][rows], return_index=True)
        distinct = rows[np.sort(first)]
        automata = sorted(world.program.automata.values(), key=lambda a: a.level)
        dimensions = []
        for automaton in automata:
            choice = plan_trial(world, automaton, world.rows[automaton.id])
            allowed = np.intersect1d(np.union1d(choice.a, choice.b), distinct).astype(np.int32)
            operator = Component(automaton.id, automaton.operator)
            dimensions.append(Dimension(automaton.level, operator, allowed))
        if not dimensions:
            dimensions = [Dimension(0, Component("application", encodings.APPLICATION), distinct)]
        return cls(population, distinct, tuple(dimensions), seed)

    def block(self, place: int) -> Component:
        """The term of a place."""
        name = self.population.id_of(place).decode("utf-8", "replace")
        return Component(name, self.population.words(place).copy())

    def without(self, places: Places) -> ComponentLibrary:
        """The stock without the terms of some places, and without operators equal to them."""
        known = {self.population.words(place).tobytes() for place in places.tolist()}
        kept = tuple(
            Dimension(
                d.level,
                Component("application", encodings.APPLICATION)
                if d.operator.words.tobytes() in known
                else d.operator,
                np.setdiff1d(d.places, places).astype(np.int32),
            )
            for d in self.dimensions
        )
        left = np.setdiff1d(self.places, places).astype(np.int32)
        return ComponentLibrary(self.population, left, kept, self.seed)

    def pool(self, dimension: Dimension, stream: str, number: int, count: int) -> list[Component]:
        """The first `count` blocks that a stream takes, those of a dimension before others."""
        rows = self.places
        draws = place_draws(self.seed, number, POOL, rows.astype(np.int64))
        keys = (~np.isin(rows, dimension.places), *STREAMS[stream](self.population, rows))
        order = np.lexsort((draws, *reversed(keys)))
        return [self.block(place) for place in rows[order[:count]].tolist()]


def operators(dimension: Dimension, known: Callable[[Words], bool]) -> list[Component]:
    """What reactions in a dimension are made with: its operator, application, composition."""
    compose = Component("compose", notation.parse(OPERATORS["compose"]))
    found = [dimension.operator, Component("application", encodings.APPLICATION), compose]
    distinct = {block.words.tobytes(): block for block in reversed(found)}
    return [block for block in reversed(distinct.values()) if not known(block.words)]


def _column(population: Population, name: str, rows: Places) -> Column:
    return population.column[name][rows].astype(np.int64)


def _fact(population: Population, name: str, rows: Places) -> Column:
    """What streams know of places; nothing where none compete."""
    facts = population.facts.get(name)
    return np.zeros(len(rows), dtype=np.int64) if facts is None else facts[rows].astype(np.int64)


Keys = Callable[[Population, Places], Sequence[Column]]

#: What a stream takes first: sorting keys, the weightiest first; draws decide between equals.
STREAMS: dict[str, Keys] = {
    "uniform": lambda _population, _rows: (),
    "sensation": lambda p, rows: (
        -_fact(p, "sensed", rows), -_column(p, "born_tick", rows), -_column(p, "born_slot", rows),
    ),
    "memory": lambda p, rows: (_fact(p, "uses", rows),),
    "emotion": lambda p, rows: (-_fact(p, "salience", rows), -_column(p, "steps", rows)),
    "anchor": lambda p, rows: (-_fact(p, "uses", rows), _column(p, "born_tick", rows)),
    "reason": lambda p, rows: (_column(p, "value", rows) < 0, _column(p, "size", rows)),
}  # fmt: skip
