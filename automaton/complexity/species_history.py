"""How many individuals of each species there were, one snapshot after another.

A species is whatever counts as one component: here a term. Must not know: logs, terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from automaton.terms.arrays import Numbers


@dataclass(frozen=True)
class SpeciesHistory:
    """Snapshots one behind the other; that of number k is offsets[k] to offsets[k + 1]."""

    ticks: Numbers  # [snapshots]: the tick after which each was taken, ascending
    offsets: Numbers  # [snapshots + 1]
    species: Numbers  # [entries]: numbers from 0, ascending within a snapshot
    counts: Numbers  # [entries]: individuals, at least 1

    def __len__(self) -> int:
        return len(self.ticks)

    @property
    def kinds(self) -> int:
        """The number of species that there ever were, or a bound of it."""
        return int(self.species.max(initial=-1)) + 1

    def at(self, snapshot: int) -> tuple[Numbers, Numbers]:
        """The species of a snapshot, and how many individuals each has."""
        part = slice(self.offsets[snapshot], self.offsets[snapshot + 1])
        return self.species[part], self.counts[part]

    def first_snapshots(self) -> Numbers:
        """By species, the snapshot that has it first; the number of snapshots: none has it."""
        first = np.full(self.kinds, len(self), np.int64)
        for snapshot in range(len(self) - 1, -1, -1):
            first[self.at(snapshot)[0]] = snapshot
        return first


def history_of(
    snapshots: Sequence[Mapping[int, int]], ticks: Sequence[int] | None = None
) -> SpeciesHistory:
    """A history from counts by species; ticks: those of the snapshots, 0, 1, 2 ... if not given."""
    present = [sorted((s, n) for s, n in found.items() if n) for found in snapshots]
    flat = [entry for found in present for entry in found]
    sizes = [0, *map(len, present)]
    return SpeciesHistory(
        np.arange(len(present)) if ticks is None else np.asarray(ticks, np.int64),
        np.cumsum(sizes, dtype=np.int64),
        np.array([s for s, _ in flat], np.int64),
        np.array([n for _, n in flat], np.int64),
    )
