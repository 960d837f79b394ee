"""Whether equal reactions of a batch are looked for, and the tables to find them with.

What is found is exact and decides no byte; whether it is looked for follows what the
last batches showed, never a clock. Must not know: workers, what a reaction comes to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from automaton.backends.batch import CandidateBatch
from automaton.population import Population
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.chemistry import equal_reactions

#: Kinds of reactions among so many slots from which on looking costs more than it saves.
DIVERSE = 0.75
#: Batches that are passed over after one that was diverse: twice as many each time, up to this.
MOST_PASSED = 32
#: Bits of hashes that are looked at; tests look at fewer.
ALL_BITS = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@dataclass
class _Record:
    """What batches of one operator showed."""

    passing: int = 0  # batches that are passed over yet
    passed: int = 0  # the last time


@dataclass
class Grouping:
    """Finds equal reactions where they are many."""

    forced: bool | None = None  # always or never; None: as the last batches showed
    mask: np.uint64 = ALL_BITS
    _of: dict[int, _Record] = field(default_factory=dict)
    _alike: Words = field(default_factory=lambda: np.empty(0, np.int32))
    _rows: Words = field(default_factory=lambda: np.empty(0, np.int32))
    _table: Words = field(default_factory=lambda: np.empty(0, np.int32))

    def wanted(self, operator: int) -> bool:
        """Whether a batch of this operator is looked at."""
        record = self._of.setdefault(operator, _Record())
        if self.forced is not None:
            return self.forced
        if record.passing:
            record.passing -= 1
            return False
        return True

    def find(self, population: Population, batch: CandidateBatch, operator: int) -> int:
        """The kinds of reactions of a batch, into its columns; -1 where they are too many."""
        column, slots = population.column, batch.slots
        rows = len(column["live"])
        self._alike = _cleared(self._alike, rows)
        self._rows = _cleared(self._rows, _room(min(3 * slots, rows)))
        self._table = _cleared(self._table, _room(slots))
        most = self.most(slots)
        kinds = int(
            cpu.compiled(equal_reactions.group)(
                slots, population.code, column["start"], column["size"], column["hashes"],
                batch.places_a, batch.places_b, batch.operators, self.mask, most,
                self._alike, self._rows, self._table, batch.first, batch.distinct,
            )
        )  # fmt: skip
        self.note(operator, kinds)
        return kinds

    def most(self, slots: int) -> int:
        """The kinds among so many slots above which equal reactions are not worth finding."""
        return slots if self.forced else max(1, int(DIVERSE * slots))

    def note(self, operator: int, kinds: int) -> None:
        """Remember what a batch of this operator showed: its kinds, -1 for too many."""
        record = self._of.setdefault(operator, _Record())
        record.passed = min(MOST_PASSED, 2 * record.passed + 1) if kinds < 0 else 0
        record.passing = record.passed


def _room(most: int) -> int:
    """Entries of a table, a power of two, that so many fill by half at most."""
    return 1 << max(1, 2 * most - 1).bit_length()


def _cleared(table: Words, size: int) -> Words:
    """A table of this size, all -1; the one before if it has that size."""
    if len(table) != size:
        table = np.empty(size, dtype=np.int32)
    table.fill(-1)
    return table
