"""The terms of a log as species, and the text of a snapshot: what is measured, read.

Reads an opened log by computing it again, as `population_series` does. Must not know: what
is measured, the terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from automaton.chemistry import World
from automaton.complexity.species_history import SpeciesHistory
from automaton.log import Log
from automaton.replay import restore
from automaton.terms.arrays import Numbers
from automaton.terms.notation import format_term


@dataclass(frozen=True)
class TermHistory:
    """Which terms lived after which ticks, and how large each is."""

    history: SpeciesHistory
    sizes: Numbers  # [kinds]: nodes


class LivingText(NamedTuple):
    """What lives after a tick, as text."""

    tick: int
    terms: list[str]  # one a living object, in the order of places; λ is a backslash


def worlds(log: Log, every: int) -> Iterator[tuple[int, World]]:
    """The world after tick 0, each `every`-th tick and the last; it changes with the next."""
    last = len(log.commits)
    with closing(restore.recomputer(log)) as again:
        for tick in range(last + 1):
            if tick:
                again.run_to(tick)
            if tick % every == 0 or tick == last:
                yield tick, again.world


def term_history(log: Log, every: int = 1) -> TermHistory:
    """The history of a log's terms, told apart by their 64-bit hash as in `series`."""
    numbers: dict[int, int] = {}
    sizes: list[int] = []
    ticks, parts = [], []
    for tick, world in worlds(log, every):
        population = world.population
        rows = population.choices()
        hashes, first, counts = np.unique(
            population.column["hashes"][rows], return_index=True, return_counts=True
        )
        for key, row in zip(hashes.tolist(), rows[first].tolist(), strict=True):
            if key not in numbers:
                numbers[key] = len(numbers)
                sizes.append(int(population.column["size"][row]))
        species = np.array([numbers[key] for key in hashes.tolist()], np.int64)
        order = np.argsort(species)
        ticks.append(tick)
        parts.append((species[order], counts[order].astype(np.int64)))
    history = SpeciesHistory(
        np.array(ticks, np.int64),
        np.cumsum([0, *(len(species) for species, _ in parts)], dtype=np.int64),
        np.concatenate([species for species, _ in parts]),
        np.concatenate([counts for _, counts in parts]),
    )
    return TermHistory(history, np.array(sizes, np.int64))


def snapshots(log: Log, every: int = 1) -> Iterator[LivingText]:
    """The terms of each such snapshot in de Bruijn notation."""
    known: dict[bytes, str] = {}
    for tick, world in worlds(log, every):
        found: dict[bytes, str] = {}
        terms = []
        for row in world.population.choices().tolist():
            words = world.population.words(row)
            key = words.tobytes()
            text = found.get(key) or known.get(key)
            if text is None:
                text = format_term(words).replace("λ", "\\")
            found[key] = text
            terms.append(text)
        known = found
        yield LivingText(tick, terms)
