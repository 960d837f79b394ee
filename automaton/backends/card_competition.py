"""Batches of streams whose candidates stay on the card: what of them comes to the host, and when.

A batch's columns are filled for the winners of its rounds; of other slots when they are
asked for. Must not know: what happens where the card has not the room.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from automaton.backends.batch import BatchJob, CandidateBatch
from automaton.backends.grouping import Grouping
from automaton.format.options import Options
from automaton.population import Population
from automaton.terms.arrays import Places
from kernels.terms.reduce import NORMAL


class CardCompetition:
    """The competitions of one backend, by their number of slots, and the batch that is there."""

    def __init__(self, options: Options, grouping: Grouping) -> None:
        from kernels.cuda import competition  # noqa: PLC0415 - needs the packages of the extra

        self._target: Any = competition
        self._options, self._grouping = options, grouping
        self._of: dict[int, Any] = {}
        self._batch: CandidateBatch | None = None  # whose candidates are on the card
        self._whole = False  # whether all of them came to the host
        self._used = 0  # words of its `out` that hold normal forms

    @property
    def no_room(self) -> type[MemoryError]:
        """What `propose` raises where the card cannot keep a tick's candidates."""
        error: type[MemoryError] = self._target.StoreError
        return error

    @property
    def sizes(self) -> list[int]:
        """The numbers of slots of the batches that came."""
        return list(self._of)

    def forget(self) -> None:
        """Drop what is held of the card's memory; the candidates that are there come here first."""
        if self._batch is not None:
            self.complete(self._batch)
            self._batch.shared = False  # the host does not know which were equal
        self._of.clear()
        self._batch = None

    def holds(self, batch: CandidateBatch) -> bool:
        """Whether a batch's candidates are on the card."""
        return self._batch is batch

    def propose(
        self, job: BatchJob, batch: CandidateBatch, limit: int | None, share: float
    ) -> None:
        """Have the streams propose and the card react; the candidates stay there."""
        self._batch = None
        there = self._competition(batch, limit, share)
        of, o, population = job.choice.competing, self._options, job.population
        tick = self._target.Tick(
            np.uint64(o.seed), np.uint64(job.tick), job.choice.operator, of.composing,
            bool(o.copies), o.input_limit, of.recent_norm,
        )  # fmt: skip
        pools = {
            "choices_a": job.choice.a, "choices_b": job.choice.b, "everything": of.everything,
            "sensed": of.sensed, "recalled": of.recalled, "felt": of.felt,
            "numerals": of.numerals, "ruled": of.ruled, "operator_of": job.choice.operator_of,
            "arithmetic": of.arithmetic, "rewriting": of.rewriting, "rewritten": of.rewritten,
        }  # fmt: skip
        weighing = {
            "policies": of.policies, "recent": of.recent, "archive": of.archive,
            "archive_norms": of.archive_norms, "weights": of.weights, "mixture": of.mixture,
        }  # fmt: skip
        there.propose(tick, population.code, population.end, _known(population), pools, weighing)
        if self._grouping.wanted(job.choice.operator):
            kinds = there.group(self._grouping.most(batch.slots))
            self._grouping.note(job.choice.operator, kinds)
        there.react()
        batch.shared = there.grouped
        self._batch, self._whole, self._used = batch, False, 0

    def _competition(self, batch: CandidateBatch, limit: int | None, share: float) -> Any:
        if batch.slots not in self._of:
            o = self._options
            limits = self._target.Limits(o.max_steps, o.max_size, o.max_depth)
            rounds = batch.slots // batch.streams
            self._of[batch.slots] = self._target.Competition(
                rounds, batch.streams, limits, limit=limit, share=share
            )
        return self._of[batch.slots]

    def judge(self, batch: CandidateBatch) -> None:
        """Let the candidates compete; the winners' columns and normal forms come down."""
        there, whole = self._of[batch.slots], self._whole
        records = there.judge(batch.vetoed, batch.outcomes)
        batch.seconds[:], batch.won[:] = -1, 0
        rounds = np.flatnonzero(records[:, self._target.SLOT] >= 0)
        won = records[rounds]
        slots = won[:, self._target.SLOT]
        batch.won[slots] = 1
        batch.words[slots] = won[:, self._target.WORD].view(np.uint32)
        batch.first[slots] = won[:, self._target.KIND]
        seconds = won[:, self._target.SECOND]
        batch.seconds[rounds] = seconds
        batch.salience[seconds] = won[:, self._target.SECOND_SALIENCE]
        batch.features.reshape(-1, self._target.FEATURES)[rounds] = won[:, self._target.KIND + 1 :]
        self._fill(batch, won)
        if whole:
            there.bring_column("salience", batch.salience)
            return
        kinds, rank = np.unique(won[:, self._target.KIND], return_inverse=True)
        firsts = np.empty(len(kinds), dtype=np.int32)
        firsts[rank] = slots
        batch.results[slots] = self._brought(batch, firsts)[rank]

    def _fill(self, batch: CandidateBatch, records: Places) -> None:
        """Take the columns of some slots from their records."""
        slots = records[:, self._target.SLOT]
        columns = (
            (batch.salience, self._target.SALIENCE), (batch.steps, self._target.STEPS),
            (batch.sizes, self._target.SIZE), (batch.places_a, self._target.A),
            (batch.places_b, self._target.B), (batch.operators, self._target.OPERATOR),
        )  # fmt: skip
        for column, at in columns:
            column[slots] = records[:, at]

    def _brought(self, batch: CandidateBatch, slots: Places) -> Places:
        """Bring the normal forms of some slots behind those that are here; where they begin."""
        ends = np.cumsum(batch.sizes[slots], dtype=np.int64)
        begins = np.concatenate([np.zeros(1, np.int64), ends])
        used = self._used
        self._of[batch.slots].bring(slots, begins, batch.out[used:])
        self._used = used + int(begins[-1])
        return begins[:-1] + used

    def bring(self, batch: CandidateBatch, slots: list[int]) -> None:
        """Bring some slots, not many: those that have a normal form and are not here."""
        if self._whole:
            return
        some = np.array(slots, dtype=np.int32)
        some = some[(batch.outcomes[some] == NORMAL) & (batch.won[some] == 0)]
        there = self._of[batch.slots]
        for low in range(0, len(some), there.rounds):  # as many as it has room for
            part = some[low : low + there.rounds]
            self._fill(batch, there.records(part))
            batch.results[part] = self._brought(batch, part)

    def complete(self, batch: CandidateBatch) -> None:
        """Bring all candidates, whether or not they have competed yet."""
        if not self._whole:
            there = self._of[batch.slots]
            columns = {name: getattr(batch, name) for name in self._target.WHOLE}
            there.bring_all(columns, batch.out)
            self._whole = True


def _known(population: Population) -> dict[str, Any]:
    """What the card has to know of a population, by the names of `kernels.cuda.snapshot`."""
    facts = {name: population.facts[name] for name in ("used", "uses", "salience")}
    names = ("start", "hashes", "size", "value", "normal", "form")
    columns = {name: population.column[name] for name in names}
    return {**columns, **facts, "seen": population.seen}
