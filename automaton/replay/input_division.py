"""One attempt to make the bytes of a tick that was computed again: the machine's turn.

Where a tick read its inbox once or never there is one attempt; else how the calls
divided the input has to be found. Must not know: reactions, how bytes are compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from automaton.chemistry import operator_trial
from automaton.chemistry.effects import AcceptedInput, Effects
from automaton.chemistry.tick import BatchLines, ComputedTick, Section, take_turn
from automaton.format.admission import admit
from automaton.format.ids import is_our_id
from automaton.format.objects import NamedObject, Object, parse_line
from automaton.format.options import from_record
from automaton.format.records import RunRecord, run_line
from automaton.log import LogReader
from automaton.program.definitions import Automaton
from automaton.replay import batch_claims, spot_check
from automaton.replay.batch_claims import BatchClaim, separator
from automaton.terms.arrays import Words


class InputDivision(NamedTuple):
    """How a tick's input is divided among the calls of `self-io`."""

    calls: int  # in all; the last one takes what the others left
    versions: tuple[int, ...] = ()  # which of the possible versions each question got; 0: first
    given: bool = False  # no commit says how much is input, and the tick was given what there is


ONE_CALL = InputDivision(1)


class RecordedFacts:
    """Facts that the lines of actions record, in their order; true where they record none.

    Holds nothing of the attempt that asks: what is computed again goes with its last name.
    """

    def __init__(self) -> None:
        self.rest: Iterator[bool] = iter(())

    def __call__(self) -> bool:
        """The next one."""
        return next(self.rest, True)


class TickAttempt:
    """One tick under one division of its input among the calls of `self-io`."""

    def __init__(
        self,
        log: LogReader,
        computed: ComputedTick,
        claim: BatchClaim,
        division: InputDivision = ONE_CALL,
    ) -> None:
        self.log, self.computed, self.claim = log, computed, claim
        self.world, self.tick = computed.world, computed.tick
        self.division = division
        self.calls = self.surely = 0  # calls of `self-io` so far, and lines that they took
        self.asked: list[tuple[str, int]] = []  # ids with several possible versions, how many
        self.taken: list[bytes] = []
        self.found: list[NamedObject] = []
        self.begin = 0  # where the lines made by actions begin in the batch
        self.facts: Iterator[bool] = iter(())
        last = self.tick > len(log.commits)
        self.above = log.lines + 1 if last else log.commits.row(self.tick).first_line
        self.lines: BatchLines | None = None

    def sections(self) -> list[Section]:
        """Take the machine's turn; returns the bytes that are due before the commit."""
        run, raw = self.claim.run, self.claim.raw
        head = b"\n"[: separator(self.tick, raw)]
        if run is not None:
            form = self.world.format
            options = from_record(run.options).record(form)
            due = RunRecord(run.number, self.world.prefix, self.log.genesis, options, form)
            head += run_line(due)
        own = sum(map(len, self.computed.winner_lines))
        self.begin = len(head) + own + sum(map(len, self.claim.input))
        self.facts = batch_claims.facts(raw[self.begin :], self.world.format)
        self.lines = take_turn(self.computed, self._effects(), run=run is not None)
        return self.lines.sections(head)

    # -- what actions ask ------------------------------------------------------

    def _effects(self) -> Effects:
        return Effects(
            self._trial, self._normal_form, self._current, self._versions, self._take_input,
            self._validation, lambda: next(self.facts, True), self._all_accepted,
        )  # fmt: skip

    def _trial(self, target: Automaton, words: Words) -> int:
        space = self.computed.space
        return operator_trial.count_candidates(self.world, space, self.tick, target, words)

    def _normal_form(self, words: Words) -> tuple[Words | None, int]:
        return operator_trial.normal_form(self.world.options, words)

    def _all_accepted(self) -> AcceptedInput:
        self._take_given()
        return AcceptedInput(self.found, self.taken)

    def _current(self, identity: str) -> bytes | None:
        for k in reversed(range(self._count_for(identity))):
            if self.found[k].id == identity:
                return self.taken[k]
        for number in reversed(self._versions(identity)):
            raw = self.log.line(number)
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
        return [number for number in self.log.find(identity) if number < self.above]

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
        for line in self.lines.step.made if self.lines else ():
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
        seed = self.world.options.seed
        return spot_check.validation_line_values(self.log, seed, self.tick - 1)
