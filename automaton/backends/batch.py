"""A tick's batch as columns: what is computed, what came out, and the lines of its winners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.compute.reduction import OUTCOMES
from automaton.format.versions import NEWEST, Format
from automaton.format.winner_lines import winner_parts
from automaton.population import Population, Reactants
from automaton.terms.arrays import Allocate, Words
from kernels.chemistry import streams as kernel
from kernels.text import winner_lines


@dataclass(frozen=True)
class WinnerTemplate:
    """The constant parts of a tick's winner lines (`records.winner_parts`).

    text uint8, part k in text[mark[k]:mark[k+1]]; the dimension is part of the second.
    """

    text: npt.NDArray[np.uint8]
    mark: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, prefix: str, tick: int, level: int, streams: Sequence[str] = (),
        form: Format = NEWEST,
    ) -> WinnerTemplate:  # fmt: skip
        """The parts for a tick whose operator has the dimension `level`."""
        first, second, third, *others = winner_parts(prefix, tick, streams, form)
        parts = [first, second + b"%d" % level + third, *others]
        mark = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return cls(
            np.frombuffer(b"".join(parts) + bytes(2 * winner_lines.SPARE), dtype=np.uint8), mark
        )


class Battery(NamedTuple):
    """The different amplifiers of a log, and what each makes of a term that passes."""

    terms: list[Words]
    targets: list[Words]


NO_AMPLIFIERS = Battery([], [])


class VetoProgram(NamedTuple):
    """Vetoes as `kernels.chemistry.veto_programs` asks them, with its scratch."""

    program: npt.NDArray[np.int64]  # [n, 3]
    patterns: Words
    pattern_starts: npt.NDArray[np.int64]
    truth: npt.NDArray[np.uint8]
    bound_start: npt.NDArray[np.int64]
    bound_end: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, program: Sequence[tuple[int, int, int]], patterns: Sequence[Words], metas: int = 0
    ) -> VetoProgram:
        """Steps and the patterns that they name; with so many metavariables at most."""
        return cls(
            np.array(program, dtype=np.int64).reshape(-1, 3),
            np.concatenate([*patterns, np.empty(0, dtype=np.int32)]),
            np.cumsum([0, *map(len, patterns)], dtype=np.int64),
            np.zeros(len(program) + 1, dtype=np.uint8),
            np.zeros(metas, dtype=np.int64),
            np.zeros(metas, dtype=np.int64),
        )

    def says_as(self, other: VetoProgram) -> bool:
        """Whether another forbids the same terms; scratch counts for nothing."""
        return (
            np.array_equal(self.program, other.program)
            and np.array_equal(self.patterns, other.patterns)
            and np.array_equal(self.pattern_starts, other.pattern_starts)
        )


NO_VETOES = VetoProgram.of((), ())


@dataclass(frozen=True)
class BatchJob:
    """What a batch of slots is computed from."""

    population: Population
    choice: Reactants
    tick: int
    purpose: np.uint64  # of the draws of reactants
    amplifiers: Battery = NO_AMPLIFIERS
    vetoes: VetoProgram = NO_VETOES  # of a soup in order


class CandidateBatch:
    """The columns of one batch of slots, and the bytes of its winner lines.

    Made once and used again every tick; pages that no tick touched cost nothing.
    """

    def __init__(
        self, slots: int, max_size: int, allocate: Allocate = np.empty, streams: int = 0
    ) -> None:
        self.slots = slots
        self.streams = streams  # that compete: slots of a round; 0: each slot wins if it can
        self.max_size = max_size
        self.outcomes = allocate(slots, np.uint8)
        self.steps = allocate(slots, np.int32)
        self.sizes = allocate(slots, np.int32)
        self.salience = allocate(slots, np.int32)
        self.places_a = allocate(slots, np.int32)
        self.places_b = allocate(slots, np.int32)
        self.operators = allocate(slots, np.int32)
        self.results = allocate(slots, np.int64)
        self.out: Words = allocate(slots * max_size, np.int32)
        self.won = allocate(slots, np.uint8)
        self.words = allocate(slots, np.uint32)  # winners' draws for their places
        self.copies = allocate(slots, np.int32)  # places that a winner takes, in order alone
        self.in_order = False  # whether `copies` is of this batch
        self.amplifiers = 0  # that live behind the last slot
        self.first = allocate(slots, np.int32)  # slot whose reaction each one's equals
        self.distinct = allocate(slots, np.int32)
        self.shared = False  # whether `first` is of this batch: equal reactions were found
        self.kinds = 0  # slots in `distinct`, where it is
        rounds = slots // streams if streams else 0
        # Number of the rule, 0: none; of streams and of soups in order alone.
        self.vetoed = allocate(slots, np.uint8)
        self.relevance = allocate(slots if streams else 0, np.int32)  # by the first of its kind
        self.novelty = allocate(slots if streams else 0, np.int32)
        self.features = allocate(rounds * kernel.FEATURES, np.int32)  # of the winner, by round
        self.seconds = allocate(rounds, np.int32)  # by round: the runner-up's slot, -1: none

    @property
    def copied(self) -> Words:
        """`first` where equal reactions were found, else nothing."""
        return self.first if self.shared else self.first[:0]

    @property
    def placed(self) -> Words:
        """`copies` where the slots were reacted in order, else nothing."""
        return self.copies if self.in_order else self.copies[:0]

    def veto(self, slot: int) -> int:
        """The number, from 1, of the rule that forbids a slot's normal form; 0: none does."""
        return int(self.vetoed[slot]) if self.streams or self.in_order else 0

    def counts(self) -> list[int]:
        """How many slots have each outcome, in the order of `OUTCOMES`."""
        counts: list[int] = np.bincount(self.outcomes, minlength=len(OUTCOMES)).tolist()
        return counts

    def word_span(self, slot: int) -> Words:
        """The normal form of a slot whose outcome is `normal`, a view."""
        begin = self.results[slot]
        return self.out[begin : begin + self.sizes[slot]]


class LineBuffer:
    """Room for the winner lines of a batch, and where its shards wrote."""

    def __init__(self, allocate: Allocate = np.empty) -> None:
        self._allocate = allocate
        self.bytes: npt.NDArray[np.uint8] = allocate(0, np.uint8)
        self.parts: list[memoryview] = []

    def reserve(self, size: int) -> None:
        """At least `size` bytes; untouched pages cost nothing."""
        if len(self.bytes) < size:
            self.bytes = self._allocate(size, np.uint8)
