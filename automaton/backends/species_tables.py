"""The tables of a soup in order: its species, what pairs of them make, and room to work in.

They last from tick to tick and decide nothing but time. Must not know what a tick is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.backends.batch import NO_VETOES, VetoProgram
from automaton.compute.budgets import Budgets, MachineScratch
from automaton.format.options import Options, parse_amplifiers
from automaton.terms.arrays import Places, Words
from kernels import cpu
from kernels.chemistry import species

#: Pairs that are remembered; the table has twice as many entries (40 bytes each).
PAIRS = 1 << 17
#: Species at first, and words of their terms; both double where they do not suffice.
SPECIES, WORDS = 1 << 16, 1 << 20


class SpeciesTables:
    """Species by number; those of the amplifiers first, then the operator's."""

    def __init__(self, options: Options) -> None:
        self.targets = np.empty(0, dtype=np.int32)
        self.target_starts = np.zeros(0, dtype=np.int64)
        self.target_sizes = np.zeros(0, dtype=np.int32)
        self._first: list[Words] = []
        self.vetoes = NO_VETOES
        self.operator = -1
        law = parse_amplifiers(options.amplifiers)
        steps = max(options.max_steps, law.steps if law else 0)
        size = max(options.max_size, law.size if law else 0)
        self.machine = MachineScratch.of(Budgets(steps, size, options.max_depth))
        room = 4 * size + options.input_limit + 64
        self.scratch = tuple(np.empty(2 * room, dtype=np.int32) for _ in range(5))
        self._marks = self.scratch[2]
        self._make(SPECIES, WORDS)

    def _make(self, count: int, words: int) -> None:
        self.used = np.zeros(3, dtype=np.int64)
        self.table = np.empty(4 * count, dtype=np.int32)
        self.code: Words = np.empty(words, dtype=np.int32)
        self.starts = np.empty(count, dtype=np.int64)
        self.sizes = np.empty(count, dtype=np.int32)
        self.hashes = np.empty(count, dtype=np.uint64)
        self.fits = np.empty(count, dtype=np.uint8)
        self.keys = np.zeros(2 * PAIRS, dtype=np.uint64)
        self._of_pairs = tuple(
            np.empty(2 * PAIRS, dtype=kind)
            for kind in (np.uint8, np.int32, np.int32, np.int32, np.uint8, np.uint64, np.int32)
        )
        self.number_of = np.empty(0, dtype=np.int32)  # by row

    def begin(self, first: Sequence[Words], targets: Sequence[Words], vetoes: VetoProgram) -> None:
        """Empty all, and number these terms: the amplifiers', then the operator's."""
        self._first, self.vetoes = list(first), vetoes
        self.targets = np.concatenate([*targets, np.empty(0, dtype=np.int32)])
        self.target_sizes = np.array([len(words) for words in targets], dtype=np.int32)
        self.target_starts = np.cumsum(self.target_sizes, dtype=np.int64) - self.target_sizes
        while not self._empty():
            self._make(2 * len(self.starts), 2 * len(self.code))

    def _empty(self) -> bool:
        self.used[:] = 0
        self.table[:] = -1
        self.keys[:] = 0
        sizes = np.array([len(words) for words in self._first], dtype=np.int32)
        starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
        rows = np.arange(len(sizes), dtype=np.int32)
        out = np.empty(len(sizes), dtype=np.int32)
        fitting = self._number(rows, np.concatenate(self._first), starts, sizes, out)
        self.operator = int(out[-1])  # its species
        return fitting

    def is_of(self, first: Sequence[Words], vetoes: VetoProgram) -> bool:
        """Whether these are the terms that come first, and the rules that were asked."""
        own = self._first
        same = len(own) == len(first) and all(map(np.array_equal, own, first))
        return same and self.vetoes.says_as(vetoes)

    def take_in(self, rows: Places, column: dict[str, npt.NDArray[Any]], words: Words) -> None:
        """Number the terms of these rows; makes more room where there is too little."""
        if len(self.number_of) < len(column["start"]):
            more = np.empty(len(column["start"]), dtype=np.int32)
            more[: len(self.number_of)] = self.number_of
            self.number_of = more
        if not self._number(rows, words, column["start"], column["size"], self.number_of):
            raise OverflowError

    def grow(self) -> None:
        """Twice the room, and nothing in it."""
        rows = self.number_of
        self._make(2 * len(self.starts), 2 * len(self.code))
        self.number_of = rows
        self.begin(self._first, self._own_targets(), self.vetoes)

    def forget_slots(self) -> None:
        """Forget in which slot of which tick a pair came: of another soup, or of a tick again."""
        ticks = self._of_pairs[5]
        ticks[:] = 0

    def empty(self) -> None:
        """Forget all species but the first."""
        self.begin(self._first, self._own_targets(), self.vetoes)

    def _own_targets(self) -> list[Words]:
        ends = zip(self.target_starts, self.target_sizes, strict=True)
        return [self.targets[at : at + size] for at, size in ends]

    def _number(
        self, rows: Places, words: Words, starts: npt.NDArray[np.int64], sizes: Words, out: Words
    ) -> bool:
        return bool(
            cpu.compiled(species.species_of_rows)(
                rows, words, starts, sizes, out, self.used, self.table, self.code, self.starts,
                self.sizes, self.hashes, self.fits, self._marks,
            )
        )  # fmt: skip

    def arrays(self) -> tuple[Any, ...]:
        """All that `kernels.chemistry.sequence.react_in_order` takes from `used` on."""
        return (
            self.used, self.table, self.code, self.starts, self.sizes, self.hashes, self.fits,
            self.keys, *self._of_pairs, *self.vetoes, *self.scratch, *self.machine,
        )  # fmt: skip


#: Tables of soups that ended, by law, for the next one in this process: what they hold is
#: true of every soup under that law. One at a time, since each may have some megabytes.
_KEPT: dict[Options, SpeciesTables] = {}


def take_tables(options: Options) -> SpeciesTables:
    """Tables for a soup, which nobody else has: those of one under the same law, or new ones."""
    found = _KEPT.pop(_law(options), None)  # at once: no other thread gets them too
    return SpeciesTables(options) if found is None else found


def keep_tables(options: Options, tables: SpeciesTables) -> None:
    """Keep the tables of a soup that ended."""
    tables.number_of = np.empty(0, dtype=np.int32)
    _KEPT.clear()
    _KEPT[_law(options)] = tables


def _law(options: Options) -> Options:
    """What decides what a collision comes to; the operator and the amplifiers come later."""
    return Options(
        max_steps=options.max_steps, max_size=options.max_size, max_depth=options.max_depth,
        max_input=options.input_limit, copies=options.copies, evaluation=options.evaluation,
        amplifiers=options.amplifiers, updating="sequential", operator=options.operator or "",
    )  # fmt: skip
