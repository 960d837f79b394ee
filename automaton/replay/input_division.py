"""One attempt to make the bytes of a tick that was computed again: the machine's turn, the fold.

Where a tick read its inbox once or never there is one attempt; else how the calls
divided the input has to be found. Must not know: reactions, how bytes are compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from automaton.backends.batch import BatchJob, LineBuffer
from automaton.chemistry import ActionLine, ConditionAnswers, competition, machine_step
from automaton.chemistry.effects import Effects
from automaton.compute import draws
from automaton.compute.reduction import OUTCOMES, reduce_batch
from automaton.format.admission import admit
from automaton.format.ids import is_our_id
from automaton.format.objects import NamedObject, Object, parse_line
from automaton.format.options import from_record
from automaton.format.records import CommitFields, RunRecord, run_line
from automaton.log.file_io import Buffer
from automaton.population import Reactants
from automaton.program import NamedTerm
from automaton.program.definitions import Automaton
from automaton.replay import claims, spot_check
from automaton.replay.claims import BatchClaim, separator
from automaton.terms.arrays import Words

if TYPE_CHECKING:  # it makes the attempts
    from automaton.replay.recompute import TickRecomputer


class Section(NamedTuple):
    """A part of the bytes that are due: run, input, winner or action."""

    kind: str
    data: Buffer


class InputDivision(NamedTuple):
    """How a tick's input is divided among the calls of `self-io`."""

    calls: int  # in all; the last one takes what the others left
    versions: tuple[int, ...] = ()  # which of the possible versions each question got; 0: first
    given: bool = False  # no commit says how much is input, and the tick was given what there is


ONE_CALL = InputDivision(1)


class TickAttempt:
    """One tick under one division of its input among the calls of `self-io`."""

    def __init__(
        self,
        again: TickRecomputer,
        tick: int,
        claim: BatchClaim,
        division: InputDivision = ONE_CALL,
    ) -> None:
        self.again, self.world, self.tick, self.claim = again, again.world, tick, claim
        self.division = division
        self.calls = self.surely = 0  # calls of `self-io` so far, and lines that they took
        self.asked: list[tuple[str, int]] = []  # ids with several possible versions, how many
        self.taken: list[bytes] = []
        self.found: list[NamedObject] = []
        self.made: list[ActionLine] = []
        self.begin = 0  # where the lines made by actions begin in the batch
        self.facts: Iterator[bool] = iter(())
        commits = again.log.commits
        last = tick > len(commits)
        self.above = again.log.lines + 1 if last else commits.row(tick).first_line
        self.answers = ConditionAnswers(
            again.world, again.batch, tick, again.reference, lambda: next(self.facts, True)
        )

    def sections(self, buffer: LineBuffer) -> list[Section]:
        """Take the machine's turn; returns the bytes that are due before the commit."""
        log, run, raw = self.again.log, self.claim.run, self.claim.raw
        head = []
        if separator(self.tick, raw):
            head.append(Section("run", b"\n"))
        if run is not None:
            form = self.world.format
            options = from_record(run.options).record(form)
            due = RunRecord(run.number, self.world.prefix, log.genesis, options, form)
            head.append(Section("run", run_line(due)))
        winners = [Section("winner", part) for part in buffer.parts if len(part)]
        sizes = [len(part) for _, part in head] + [len(part) for _, part in winners]
        self.begin = sum(sizes) + sum(map(len, self.claim.input))
        self.facts = claims.facts(raw[self.begin :], self.world.format)
        self.made = machine_step.step_machine(
            self.world, self.answers, self.tick, self._seams()
        ).made
        self._take_given()
        count = len(self.answers.winners)
        self.world.state.salience = self.answers.mean_salience
        self.world.state.ends = competition.slot_fates(self.world, self.again.batch)
        new = sum(not self._versions(identity) for identity in {f.id for f in self.found})
        machine_step.count(
            self.world, self.made, count, len(self.found), new, run=self.claim.run is not None
        )
        taken = [Section("input", line) for line in self.taken]
        return [*head, *taken, *winners, *(Section("action", line.line) for line in self.made)]

    def fold(self, choice: Reactants) -> CommitFields:
        """The snapshot after the tick, and what its commit must say."""
        world, batch, winners = self.world, self.again.batch, self.answers.winners
        lost = competition.losers_to_remember(world, self.tick, batch)
        entering = competition.entering(batch, winners)
        counts = dict(zip(OUTCOMES, batch.counts(), strict=True))
        world.fold(self.tick, self.found, entering, choice.level, self.made, lost)
        return CommitFields(
            self.tick, counts, world.dimension(), world.state.record(), world.population.total
        )

    # -- what actions ask ------------------------------------------------------

    def _seams(self) -> Effects:
        return Effects(
            self._trial, self._normal_form, self._current, self._versions, self._take_input,
            self._validation,
        )  # fmt: skip

    def _trial(self, target: Automaton, words: Words) -> int:
        world, trials = self.world, self.again.trials
        world.population.set_operator(world.trial_row, NamedTerm(b"trial", words, "trial"))
        choice = world.choice_for(target, world.trial_row)
        self.again.device.react(BatchJob(world.population, choice, self.tick, draws.TRIAL), trials)
        return trials.counts()[0]

    def _normal_form(self, words: Words) -> tuple[Words | None, int]:
        o = self.world.options
        if len(words) > o.input_limit:
            return None, 0
        reduced = reduce_batch([words], o.max_steps, o.max_size, o.max_depth)
        return reduced.words(0), int(reduced.steps[0])

    def _current(self, identity: str) -> bytes | None:
        for k in reversed(range(self._count_for(identity))):
            if self.found[k].id == identity:
                return self.taken[k]
        for number in reversed(self._versions(identity)):
            raw = self.again.log.line(number)
            if isinstance(parse_line(raw), Object):
                return raw
        return None

    def _count_for(self, identity: str) -> int:
        """How many lines of input count when an object's version is asked for.

        At least those that `self.surely` names; a line more with every version among the rest.
        """
        surely, every = self.surely, len(self.found)
        if surely == every or not self.calls:
            return surely
        counts = [surely, *(k + 1 for k in range(surely, every) if self.found[k].id == identity)]
        number = len(self.asked)
        self.asked.append((identity, len(counts)))
        chosen = self.division.versions[number : number + 1]
        self.surely = counts[chosen[0]] if chosen else surely
        return self.surely

    def _versions(self, identity: str) -> list[int]:
        return [number for number in self.again.log.find(identity) if number < self.above]

    def _take_input(self) -> None:
        """What the log says was taken in; only the last call surely took all of it."""
        claim, state = self.claim, self.world.state
        self.calls += 1
        if self.calls == 1:
            self.found, self.taken, _ = self._accepted(claim.input)
            state.counters["accepted"] += len(self.taken)
        if self.calls >= self.division.calls:
            self.surely = len(self.taken)
        if claim.state is not None:
            state.inbox = max(claim.state.inbox, 0)
            refused = claim.state.counters["refused"]
            state.counters["refused"] = max(refused, state.counters["refused"])

    def _accepted(self, lines: list[bytes]) -> tuple[list[NamedObject], list[bytes], Counter[str]]:
        return admit(lines, self.world.prefix, is_our_id, taken_before=True)

    def _take_given(self) -> None:
        """Input that no `self-io` took was given to the tick itself; no action saw it.

        The commit says how much there is. A batch without one is first taken to have none.
        """
        if self.calls or not (self.claim.state or self.division.given):
            return
        self.found, self.taken, _ = self._accepted(self.claim.input)
        self.world.state.counters["accepted"] += len(self.taken)

    def next_division(self) -> InputDivision | None:
        """The division to try next, once this one did not lead to what stands there.

        Versions come in the order of the input, so the first that fits leaves most to
        choose from, and none that fits is gone back on: as many attempts as versions.
        """
        if self.calls > self.division.calls:
            return InputDivision(self.calls)
        if not (self.calls or self.claim.state or self.division.given):
            return self.division._replace(given=True)
        at = self.begin
        for line in self.made:
            if self.claim.raw[at : at + len(line.line)] != line.line:
                return None if line.found is None else self._other_version(line.found.id)
            at += len(line.line)
        return None

    def _other_version(self, identity: str) -> InputDivision | None:
        """The next possible version where this object's was asked for last."""
        numbers = [k for k, (asked, _) in enumerate(self.asked) if asked == identity]
        if not numbers:
            return None
        last = numbers[-1]
        chosen = [*self.division.versions, *([0] * len(self.asked))][: last + 1]
        chosen[last] += 1
        if chosen[last] == self.asked[last][1]:
            return None
        return self.division._replace(versions=tuple(chosen))

    def _validation(self) -> tuple[int, int, int]:
        return spot_check.validation_line_values(
            self.again.log, self.world.options.seed, self.tick - 1
        )
