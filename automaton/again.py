"""One tick computed again, from the snapshot before it: the bytes that must stand in the log.

Shares the pure functions with a run and nothing else: not its loop, not its
state. What nobody can compute again is taken from the log and held to its rules:
accepted input, the answers of the disk (`fact` lines), how much of an inbox was
read and refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np

from automaton import recompute, turn
from automaton.actions import TRIALS, Seams
from automaton.answers import Answers, application
from automaton.audit import Audit
from automaton.device import (
    OUTCOMES,
    Cpu,
    Fragments,
    Job,
    LineBuffer,
    Reference,
    reduce_batch,
)
from automaton.disk import Buffer
from automaton.intake import accept
from automaton.modify import Automaton
from automaton.objects import Object, parse_line
from automaton.options import Options, from_record
from automaton.population import Entering, Named, Words
from automaton.records import Commit, CommitFields, Run, parse_run, run_line
from automaton.sources import Found
from automaton.state import State
from automaton.world import Choice, Made, World
from kernels import philox

Open = Callable[[Options], Cpu]
_FACT = re.compile(
    rb'\{"id":"[a-z]*m[0-9]+\.[0-9]+","type":"fact","condition":"file_exists","value":(true|false)\}\n'
)


@dataclass(frozen=True)
class Claim:
    """What stands in the log for a tick, and what of it has to be believed."""

    raw: memoryview  # the batch, up to its commit
    run: Run | None
    input: list[bytes]
    state: State | None  # after the tick, where its commit can be read


class Section(NamedTuple):
    """A part of the bytes that are due: run, input, winner or action."""

    kind: str
    data: Buffer


class Slot(NamedTuple):
    """One reaction: what was drawn and what came of it."""

    number: int
    outcome: str
    steps: int
    salience: int
    rows: tuple[int, int, int]  # of operator, a and b
    term: Words  # (op a) b
    normal_form: Words | None


class Again:
    """A snapshot that goes from tick to tick by its own computing."""

    def __init__(self, log: Audit, world: World, open_device: Open) -> None:
        self.log, self.world = log, world
        self.reference = Reference()
        self._open = open_device
        self._device: Cpu | None = None
        self._buffers = (LineBuffer(), LineBuffer())
        self._options: Options | None = None

    @property
    def device(self) -> Cpu:
        """Where reactions are computed, once `begin` has looked at the options."""
        assert self._device is not None
        return self._device

    def claim(self, tick: int, raw: memoryview, commit: Commit | None) -> Claim:
        """Read from a batch what has to be believed."""
        lines = _lines(raw[separator(tick, raw) :])
        first = next(lines, b"")
        run = parse_run(first)
        state = None if commit is None else State.of(commit.state)
        room = len(raw)
        if state is not None:
            room = state.counters["accepted"] - self.world.state.counters["accepted"]
        taken: list[bytes] = []
        for line in lines if run else chain([first], lines):
            if len(taken) >= room or accept([line], self.world.prefix)[1] != [line]:
                break
            taken.append(line)
        return Claim(raw, run, taken, state)

    def begin(self, tick: int, claim: Claim) -> None:
        """Take in a run record's options, and count the genesis before the first tick."""
        world = self.world
        if claim.run is not None:
            world.use_options(from_record(claim.run.options), claim.run.number)
        if tick == 1:
            genesis = self.log.genesis_line_count
            first = self.log.index.first_lines()
            world.state.counters["lines"] = genesis
            world.state.counters["objects"] = int(np.count_nonzero(first <= genesis))
        if claim.run is not None and world.current:
            world.heed(tick)
        if world.options != self._options:
            self.close()
            self._options, self._device = world.options, self._open(world.options)
            self._device.take_in(world.population)
            world.matcher = self._device.matcher
            self.batch = self._device.batch(world.options.parallel)
            self.trials = self._device.batch(TRIALS)
            self._buffers = (self._device.buffer(), self._device.buffer())

    def react(self, tick: int) -> tuple[Choice, LineBuffer]:
        """Compute a tick's reactions and the lines of its winners."""
        choice = self.world.choice(tick)
        job = Job(self.world.population, choice, tick, philox.REACTANTS)
        buffer = self._buffers[tick % 2]
        self.device.react(job, self.batch)
        fragments = Fragments.of(self.world.prefix, tick, choice.level)
        self.device.write(job, self.batch, fragments, buffer)
        return choice, buffer

    def tick(
        self, tick: int, claim: Claim, same: Callable[[list[Section]], bool]
    ) -> CommitFields | None:
        """Compute a tick; if `same` says that it stands there, fold it and give its commit.

        Where `self-io` acted more than once, each way to divide its input is tried.
        """
        choice, buffer = self.react(tick)
        before = self.world.state.record()
        for first_call in range(len(claim.input), -1, -1):
            self.world.state = State.of(before)
            attempt = _Attempt(self, tick, claim, first_call)
            if same(attempt.sections(buffer)):
                return attempt.fold(choice)
            if attempt.calls < 2:
                break
        return None

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
        if self._device is not None:
            self._device.close()
            self._device = None


class _Attempt:
    """One tick under one division of its input among the calls of `self-io`."""

    def __init__(self, again: Again, tick: int, claim: Claim, first_call: int) -> None:
        self.again, self.world, self.tick, self.claim = again, again.world, tick, claim
        self.calls, self.first_call = 0, first_call
        self.taken: list[bytes] = []
        self.found: list[Found] = []
        self.made: list[Made] = []
        self.facts: Iterator[bool] = iter(())
        commits = again.log.commits
        last = tick > len(commits)
        self.above = again.log.lines + 1 if last else commits.row(tick).first_line
        self.answers = Answers(
            again.world, again.batch, tick, again.reference, lambda: next(self.facts, True)
        )

    def sections(self, buffer: LineBuffer) -> list[Section]:
        """Take the machine's turn; returns the bytes that are due before the commit."""
        log, run, raw = self.again.log, self.claim.run, self.claim.raw
        head = []
        if separator(self.tick, raw):
            head.append(Section("run", b"\n"))
        if run is not None:
            options = from_record(run.options).record()
            line = run_line(self.world.prefix, run.number, log.genesis, options)
            head.append(Section("run", line))
        winners = [Section("winner", part) for part in buffer.parts if len(part)]
        sizes = [len(part) for _, part in head] + [len(part) for _, part in winners]
        self.facts = _facts(raw[sum(sizes) + sum(map(len, self.claim.input)) :])
        self.made = turn.take(self.world, self.answers, self.tick, self._seams()).made
        count = len(self.answers.winners)
        self.world.state.salience = self.answers.mean_salience
        new = sum(not self._versions(identity) for identity in {f.id for f in self.found})
        turn.count(
            self.world, self.made, count, len(self.found), new, run=self.claim.run is not None
        )
        taken = [Section("input", line) for line in self.taken]
        return [*head, *taken, *winners, *(Section("action", line.line) for line in self.made)]

    def fold(self, choice: Choice) -> CommitFields:
        """The snapshot after the tick, and what its commit must say."""
        world, batch, winners = self.world, self.again.batch, self.answers.winners
        entering = Entering(
            winners, winners, batch.out, batch.results, batch.sizes, batch.steps,
            batch.words[winners],
        )  # fmt: skip
        counts = dict(zip(OUTCOMES, batch.counts(), strict=True))
        world.fold(self.tick, self.found, entering, choice.level, self.made)
        return CommitFields(
            self.tick, counts, world.dimension(), world.state.record(), world.population.total
        )

    # -- what actions ask ------------------------------------------------------

    def _seams(self) -> Seams:
        return Seams(
            self._trial, self._normal_form, self._current, self._versions, self._take_input,
            self._validation,
        )  # fmt: skip

    def _trial(self, target: Automaton, words: Words) -> int:
        world, trials = self.world, self.again.trials
        world.population.set_operator(world.trial_row, Named(b"trial", words, "trial"))
        choice = world.choice_for(target, world.trial_row)
        self.again.device.react(Job(world.population, choice, self.tick, philox.TRIAL), trials)
        return trials.counts()[0]

    def _normal_form(self, words: Words) -> tuple[Words | None, int]:
        o = self.world.options
        if len(words) > o.input_limit:
            return None, 0
        reduced = reduce_batch([words], o.max_steps, o.max_size, o.max_depth)
        return reduced.words(0), int(reduced.steps[0])

    def _current(self, identity: str) -> bytes | None:
        accepted = dict(zip((f.id for f in self.found), self.taken, strict=True))
        if identity in accepted:
            return accepted[identity]
        for number in reversed(self._versions(identity)):
            raw = self.again.log.line(number)
            if isinstance(parse_line(raw), Object):
                return raw
        return None

    def _versions(self, identity: str) -> list[int]:
        return [number for number in self.again.log.find(identity) if number < self.above]

    def _take_input(self) -> None:
        """What the log says was taken in; the first call may not have taken all of it."""
        claim, state = self.claim, self.world.state
        done = len(self.taken)
        until = self.first_call if self.calls == 0 else len(claim.input)
        self.calls += 1
        found, taken, _ = accept(claim.input[done:until], self.world.prefix)
        self.found += found
        self.taken += taken
        state.counters["accepted"] += len(taken)
        if claim.state is not None:
            state.inbox = max(claim.state.inbox, 0)
            refused = claim.state.counters["refused"]
            state.counters["refused"] = max(refused, state.counters["refused"])

    def _validation(self) -> tuple[int, int, int]:
        return recompute.said(self.again.log, self.world.options.seed, self.tick - 1)


def separator(tick: int, raw: memoryview) -> int:
    """The first batch begins with a newline where the genesis does not end in one."""
    return int(tick == 1 and bytes(raw[:1]) == b"\n")


def _facts(raw: memoryview) -> Iterator[bool]:
    """The answers of the disk in the lines that stand right here."""
    at = 0
    while (match := _FACT.match(raw, at)) is not None:
        yield match[1] == b"true"
        at = match.end()


def _lines(raw: memoryview) -> Iterator[bytes]:
    """The lines with their newlines, one by one; the last may lack it."""
    at = 0
    while at < len(raw):
        size = 4096
        while (end := bytes(raw[at : at + size]).find(b"\n")) < 0 and at + size < len(raw):
            size *= 4
        line = bytes(raw[at : at + end + 1] if end >= 0 else raw[at:])
        yield line
        at += len(line)
