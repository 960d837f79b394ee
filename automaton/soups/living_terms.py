"""The different terms that live in a snapshot, and the law by which they collide.

Reads a snapshot. Must not know: where it came from, what its collisions mean.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from automaton.chemistry import World
from automaton.errors import NothingToRunError
from automaton.format.options import Options
from automaton.log import LogReader
from automaton.replay import MalformedLines, genesis_objects
from automaton.soups.collision_table import CollisionLaw
from automaton.terms.arrays import Words


class LivingTerms(NamedTuple):
    """Terms in normal form, each once, the most frequent first; equal ones by their words."""

    terms: list[Words]
    left_out: int  # different terms that are not in normal form: no collision makes them
    counts: list[int]  # objects of each term

    def as_set(self) -> frozenset[bytes]:
        """The terms, to be compared with others."""
        return frozenset(term.tobytes() for term in self.terms)


def living_terms(world: World, most: int | None = None) -> LivingTerms:
    """The most frequent different terms that live."""
    population, counts = world.population, dict[bytes, int]()
    found: dict[bytes, Words] = {}
    other: set[bytes] = set()
    for row in population.choices().tolist():
        words = population.words(row)
        key = words.tobytes()
        if population.column["normal"][row]:
            counts[key] = counts.get(key, 0) + 1
            found[key] = words.copy()
        else:
            other.add(key)
    keys = sorted(found, key=lambda key: (-counts[key], key))[:most]
    return LivingTerms([found[key] for key in keys], len(other), [counts[key] for key in keys])


def count_terms(log: LogReader, max_size: int | None = None) -> int:
    """How many terms of at most so many nodes a log's genesis has."""
    options = Options() if max_size is None else Options(max_size=max_size)
    world = World(options)
    return sum(len(world.terms_of(found)) for found in genesis_objects(log, MalformedLines()))


def alike(world: World, words: Words) -> int:
    """How many live terms have these words."""
    population = world.population
    rows = population.choices()
    rows = rows[population.column["size"][rows] == len(words)]
    return sum(np.array_equal(population.words(row), words) for row in rows.tolist())


def collision_law(world: World) -> CollisionLaw:
    """The operator that works now, under the options' budgets."""
    options = world.options
    if options.operator is None and not world.current:
        raise NothingToRunError("the log holds no automaton object, and its run no operator")
    row = world.rows["" if options.operator is not None else world.current]
    return CollisionLaw(
        world.population.words(row).copy(), options.max_steps, options.max_size,
        options.max_depth, options.input_limit,
    )  # fmt: skip
