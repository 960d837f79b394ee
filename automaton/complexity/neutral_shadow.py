"""The neutral shadow of a history: as many births and deaths, of whom is left to chance.

After Bedau, Snyder and Packard (1998). Wherever the history loses or gains individuals,
the shadow loses and gains as many; a new species arises in both at once. Must not know:
what is measured with it.
"""

from __future__ import annotations

import numpy as np

from automaton.complexity.species_history import SpeciesHistory
from automaton.terms.arrays import Numbers
from kernels import philox

#: Purpose of the draws of a neutral shadow: of no log's bytes. tick: the snapshot's number;
#: slot: the individual; word 0: who dies, word 1: whose copy is born.
SHADOW = np.uint64(20)


def neutral_shadow(history: SpeciesHistory, seed: int) -> SpeciesHistory:
    """A history of the same births and deaths without selection.

    Between two snapshots: individuals that die are drawn from all, without replacement;
    each new species arises as one individual; every other birth is a copy of one drawn
    from those who then live (from those before the deaths, if none does).
    """
    first = history.first_snapshots()
    species, counts = history.at(0) if len(history) else (history.species, history.counts)
    living = np.repeat(species, counts)
    found = [np.unique(living, return_counts=True)] if len(history) else []
    before = (species, counts)
    for snapshot in range(1, len(history)):
        after = history.at(snapshot)
        births, deaths = _turnover(before, after)
        arriving = after[0][first[after[0]] == snapshot]
        living = _step(living, births - len(arriving), deaths, arriving, (seed, snapshot))
        found.append(np.unique(living, return_counts=True))
        before = after
    sizes = [0, *(len(kinds) for kinds, _ in found)]
    empty = np.zeros(0, np.int64)
    return SpeciesHistory(
        history.ticks, np.cumsum(sizes, dtype=np.int64),
        np.concatenate([empty, *(kinds for kinds, _ in found)]),
        np.concatenate([empty, *(numbers for _, numbers in found)]),
    )  # fmt: skip


def _turnover(before: tuple[Numbers, Numbers], after: tuple[Numbers, Numbers]) -> tuple[int, int]:
    """Individuals that were born and that died, net by species."""
    kinds = np.union1d(before[0], after[0])
    change = np.zeros(len(kinds), np.int64)
    change[np.searchsorted(kinds, after[0])] += after[1]
    change[np.searchsorted(kinds, before[0])] -= before[1]
    return int(change[change > 0].sum()), int(-change[change < 0].sum())


def _step(
    living: Numbers, copies: int, deaths: int, arriving: Numbers, draw: tuple[int, int]
) -> Numbers:
    """Who lives next; draw: the seed and the number of the snapshot."""
    doomed, _ = _words(draw, len(living))
    survivors = living[np.sort(np.argsort(doomed, kind="stable")[deaths:])]
    pool = np.concatenate((survivors, arriving))
    _, chosen = _words(draw, copies)
    parents = pool if len(pool) else living
    return np.concatenate((pool, parents[_below(chosen, len(parents))]))


def _words(draw: tuple[int, int], n: int) -> tuple[Numbers, Numbers]:
    """Two words for each of n slots, 0 to 2**32 - 1."""
    slots = np.arange(n, dtype=np.uint64)
    seed, snapshot = np.uint64(draw[0]), np.full(n, draw[1], np.uint64)
    words = philox.draw(seed, snapshot, slots, SHADOW)  # type: ignore[no-untyped-call]
    return words[0].astype(np.int64), words[1].astype(np.int64)


def _below(words: Numbers, bound: int) -> Numbers:
    """Numbers from 0 to bound - 1, by multiply and shift."""
    return (words * bound) >> 32
