"""One tick computed again, from the snapshot before it: the bytes that must stand in the log.

Shares the pure functions with a run and nothing else: not its loop, not its
state. What nobody can compute again is taken from the log and held to its rules:
accepted input, the answers of the disk (`fact` lines), how much of an inbox was
read and refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from automaton.backends import CpuBackend, Workspace, attach
from automaton.backends.batch import CandidateBatch
from automaton.chemistry import World
from automaton.chemistry.batch_replay import replay_batch
from automaton.chemistry.tick import ComputedTick, Section, compute_tick, finish_tick
from automaton.compute.reduction import OUTCOMES, SubstitutionReducer, application
from automaton.digests.batch_digest import batch_digest
from automaton.errors import DamagedError
from automaton.format.options import Options, from_record
from automaton.format.records import Commit, CommitFields
from automaton.log import LogReader
from automaton.log.file_io import Buffer
from automaton.replay import batch_claims
from automaton.replay.batch_claims import BatchClaim, separator
from automaton.replay.input_division import TickAttempt
from automaton.terms.arrays import Words

Open = Callable[[Options], CpuBackend]


def open_cpu(options: Options, threads: int | None = None) -> CpuBackend:
    """The backend that recomputing uses where none is named: the CPU, with so many threads."""
    return CpuBackend(options) if threads is None else CpuBackend(options, threads=threads)


class Slot(NamedTuple):
    """One reaction: what was drawn and what came of it."""

    number: int
    outcome: str
    steps: int
    salience: int
    rows: tuple[int, int, int]  # of operator, a and b
    term: Words  # (op a) b
    normal_form: Words | None


class TickRecomputer:
    """A snapshot that goes from tick to tick by its own computing."""

    def __init__(self, log: LogReader, world: World, open_device: Open, done: int = 0) -> None:
        self.log, self.world = log, world
        self.done = done  # the tick after which the snapshot is
        self._open = open_device
        self._space: Workspace | None = None
        self._options: Options | None = None
        self._ahead: ComputedTick | None = None  # before it was asked for
        self.lines = 0  # of the tick computed last, all before its commit

    @property
    def batch(self) -> CandidateBatch:
        """The columns of the tick computed last, once `begin` has looked at the options."""
        assert self._space is not None
        return self._space.batch

    @property
    def reference(self) -> SubstitutionReducer:
        """The reducer that conditions are held against, once `begin` has looked at the options."""
        assert self._space is not None
        return self._space.reference

    def claim(self, tick: int, raw: memoryview, commit: Commit | None) -> BatchClaim:
        """Read from a batch what has to be believed."""
        return batch_claims.claim(tick, raw, commit, self.world.state, self.world.prefix)

    def begin(self, tick: int, claim: BatchClaim) -> None:
        """Take in a run record's options, and count the genesis before the first tick."""
        world = self.world
        if claim.run is not None:
            world.begin_run(from_record(claim.run.options), claim.run.number, tick)
        if tick == 1:
            genesis = self.log.genesis_line_count
            first = self.log.index.first_lines()
            world.state.counters["lines"] = genesis
            world.state.counters["objects"] = int(np.count_nonzero(first <= genesis))
        if world.options != self._options:
            self.close()
            self._options = world.options
            self._space = attach(self._open(world.options), world)

    def react(self, tick: int) -> ComputedTick:
        """Compute a tick's reactions and the lines of its winners."""
        assert self._space is not None
        return compute_tick(self.world, self._space, tick)

    def whole(self, tick: int, claim: BatchClaim, tail: bytes) -> BatchClaim:
        """The claim of a batch that leaves out its winners, with those that are computed.

        After `begin`; `tail` is what stands behind them. Whether this is what was
        sealed is to be checked: by the digest, or by the commit.
        """
        self._ahead = self.react(tick)
        parts: list[Buffer] = [claim.raw, *self._ahead.winner_lines, tail]
        return replace(claim, raw=memoryview(b"".join(parts)))

    def run_to(self, tick: int, progress: Callable[[int], object] = lambda _: None) -> None:
        """Fold the log up to a tick, that one included; `progress` is told each one."""
        while self.done < tick:
            self.follow(self.log.commit(self.done + 1))
            progress(self.done)

    def look_at(self, tick: int) -> ComputedTick:
        """Fold the log up to the tick before, and compute this one."""
        self.run_to(tick - 1)
        with self.log.batch(tick) as raw:
            self.begin(tick, self.claim(tick, raw, self.log.commit(tick)))
        computed = self.react(tick)
        computed.space.device.complete(self.batch)
        return computed

    def follow(self, commit: Commit) -> None:
        """Fold the next tick; what it leaves out is computed, and held to its digest."""
        log, tick = self.log, commit.tick
        if not log.omits(tick):
            with log.batch(tick) as raw:
                replay_batch(self.world, raw, commit)
            self.done = tick
            return
        kept = log.kept(tick)
        claim = self.claim(tick, memoryview(kept.head), commit)
        self.begin(tick, claim)
        whole = bytes(self.whole(tick, claim, kept.tail).raw)
        self._ahead = None
        lines = whole.count(b"\n") - separator(tick, memoryview(whole))
        if batch_digest(log.format, [whole]) != commit.batch or lines != commit.lines:
            raise DamagedError(
                f"{log.path}: tick {tick}: its winner lines, computed again, are not those that "
                "its commit sealed; the log was altered, or written by another version: see verify"
            )
        log.hold(tick, whole)
        replay_batch(self.world, whole, commit)
        self.done = tick

    def tick(
        self, tick: int, claim: BatchClaim, same: Callable[[list[Section]], bool]
    ) -> CommitFields | None:
        """Compute a tick; if `same` says that it stands there, fold it and give its commit.

        Where `self-io` acted more than once, how its calls divided the input shows in
        the versions that later actions made; it is found from them.
        """
        ahead, self._ahead = self._ahead, None
        computed = ahead if ahead and ahead.tick == tick else self.react(tick)
        before = self.world.state.copy()
        attempt = TickAttempt(self.log, computed, claim)
        while not same(attempt.sections()):
            division = attempt.next_division()
            if division is None:
                return None
            self.world.state = before.copy()
            attempt = TickAttempt(self.log, computed, claim, division)
        assert attempt.lines is not None
        self.lines = attempt.lines.count + (claim.run is not None)
        self.done = tick
        return finish_tick(computed, attempt.lines).fields

    def slots(self) -> Iterator[Slot]:
        """The slots of the batch that drew reactants."""
        batch, population = self.batch, self.world.population
        for number in np.flatnonzero(batch.places_a >= 0).tolist():
            columns = (batch.operators, batch.places_a, batch.places_b)
            o, a, b = (int(column[number]) for column in columns)
            outcome = OUTCOMES[batch.outcomes[number]]
            words = [population.words(row) for row in (o, a, b)]
            yield Slot(
                number, outcome, int(batch.steps[number]), int(batch.salience[number]), (o, a, b),
                application(*words),
                batch.word_span(number).copy() if outcome == "normal" else None,
            )  # fmt: skip

    def close(self) -> None:
        """End the device's threads."""
        if self._space is not None:
            self._space.device.close()
            self._space = None
