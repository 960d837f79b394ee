"""Candidates from candidates: reactions, and terms that are changed.

What a candidate does on the examples decides whether it is kept (`behaviours`); the
stream says who may be a parent. A constant number of calls a generation. Knows no log
and no other way of searching.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.synthesis.archive import ArchiveRow, BehaviourArchive
from automaton.synthesis.components import Component
from automaton.synthesis.enumeration import FormHit, SearchSlice
from automaton.synthesis.evaluation import EvaluationScratch, Examples, evaluate, tried
from automaton.terms.arrays import Ints
from kernels import cpu
from kernels.experiments import vary
from kernels.terms import enumerate_forms

#: Candidates of a generation, nodes of one, words of one before it is reduced.
GENERATION, LARGEST, DRAFT = 2048, 96, 512
#: Rows that may be parents; rows taken over from another synthesis at a time; of those that
#: are right in a generation, the smallest that are checked.
PARENTS, TAKEN, HITS = 1024, 8, 8
#: Draws: kernels/philox.py has those of a run, `blocks` that of a pool.
BREED = 128
_BITS = vary.LEAST_BITS + vary.SIZES


class SearchSettings(NamedTuple):
    """Whose draws are used, who may be a parent; of four candidates so many are reactions."""

    number: int
    seed: int
    stream: str
    reactions: int


class EvolutionarySearch:
    """A search by reactions and by terms that are changed."""

    def __init__(
        self, examples: Examples, manner: SearchSettings, operators: Sequence[Component],
        blocks: Sequence[Component],
    ) -> None:  # fmt: skip
        self.archive = BehaviourArchive(manner.number, operators, blocks)
        self._manner, self._examples = manner, examples
        self._round = 0
        self._tables = *enumerate_forms.counted(_BITS, _BITS), np.zeros(_BITS + 1, dtype=np.int64)
        front = len(examples.code)
        self._work = np.concatenate((examples.code, np.zeros(GENERATION * LARGEST, np.int32)))
        self._starts = front + LARGEST * np.arange(GENERATION, dtype=np.int64)
        self.ended = not (operators and blocks)  # else there is always another generation

    def slice(self, own: EvaluationScratch, steps: int) -> SearchSlice:
        """Breed generations until so many beta steps are made."""
        candidates = made = 0
        hits: list[FormHit] = []
        if not self.archive.rows:
            found = tried(self._examples, self.archive.begun, own)
            self.archive.begin(found.scores, found.behaviours)
        while made < steps:
            beta, right = self._generation(own)
            candidates, made = candidates + GENERATION, made + max(beta, GENERATION)
            hits += right
        return SearchSlice(candidates, made, hits)

    def _generation(self, own: EvaluationScratch) -> tuple[int, list[FormHit]]:
        """The beta steps of one generation, and who is right in it."""
        self._round += 1
        made, steps, records = self._bred(own)
        found = evaluate(self._examples, self._work, self._starts, made, own)
        right = np.flatnonzero(found.right == len(self._examples))
        hits = []
        for i in right[np.argsort(made[right], kind="stable")][:HITS].tolist():
            start = int(self._starts[i])
            words = self._work[start : start + int(made[i])].copy()
            hits.append(FormHit(words, partial(self.archive.told, records[i])))
        self.archive.enter(self._work, self._starts, made, found, records)
        return steps + int(found.steps.sum()), hits

    def _bred(self, own: EvaluationScratch) -> tuple[Ints, int, Ints]:
        """The candidates of a generation, in `_work`: their nodes, beta steps, records."""
        made = np.zeros(GENERATION, dtype=np.int32)
        steps = np.zeros(GENERATION, dtype=np.int64)
        records = np.zeros((GENERATION, vary.RECORD), dtype=np.int32)
        order, tournament = self._parents()
        archive, manner, (most, _, depth) = self.archive, self._manner, own.limits
        cpu.compiled(vary.breed)(
            np.uint64(manner.seed), np.uint64(self._round), np.uint64(BREED + manner.number),
            0, GENERATION, archive.code, archive.column["start"], archive.column["size"],
            order, tournament, archive.operators, np.uint64(manner.reactions),
            *self._tables, np.empty(0, np.int64), np.empty(0, np.int32),
            most, LARGEST, depth, self._work, len(self._examples.code), made, steps, records,
            np.empty(DRAFT, np.int32), np.empty((_BITS + 2, 4), np.int64),
            np.empty(DRAFT, np.int32), *own.machine,
        )  # fmt: skip
        return made, int(steps.sum()), records

    def _parents(self) -> tuple[npt.NDArray[np.int32], bool]:
        """Who may be a parent, best first, and whether the better of two is taken."""
        rows, column = self.archive.live(), self.archive.column
        score, size = column["score"][rows], column["size"][rows]
        keys: tuple[npt.NDArray[np.generic], ...]
        match self._manner.stream:
            case "uniform":
                return rows, False
            case "sensation":
                keys = (-rows,)
            case "reason":
                keys = (rows, size)
            case "anchor":
                keys = (rows, -score, rows >= len(self.archive.names))
            case _:  # emotion, memory
                keys = (rows, size, -score)
        return rows[np.lexsort(keys)][:PARENTS], True

    def best(self) -> list[ArchiveRow]:
        """What others may take over."""
        return self.archive.best(TAKEN)

    def take(self, others: Sequence[ArchiveRow], own: EvaluationScratch) -> None:
        """Take over what others have found, where this stream does so."""
        if self._manner.stream == "memory" and others and self.archive.rows:
            found = tried(self._examples, [other.words for other in others], own)
            self.archive.take(others, found.scores, found.behaviours)
