"""Recomputing what a log claims: a modification's term from its parents' terms.

Reads an opened log and the pure functions; shares no state with a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automaton import notation, objects
from automaton.answers import application
from automaton.device import OUTCOMES, reduce_batch
from automaton.errors import DamagedError, MismatchError
from automaton.log_reader import LogReader
from automaton.modify import operator_of
from automaton.options import Options, from_record
from automaton.records import parse_run
from automaton.sources import Found, TermReader
from automaton.terms import Words
from kernels import philox

#: Commits that `validate-self` looks back at, and modifications that it recomputes.
COMMITS, SAMPLE = 16, 16


@dataclass(frozen=True)
class Lookup:
    """Terms by id, as they stood before a line of the log."""

    log: LogReader
    options: Options

    def members(self, identity: str, before: int) -> dict[str, Any] | None:
        """The object's version that was current before a line."""
        for number in reversed(self.log.find(identity)):
            parsed = objects.parse_line(self.log.line(number)) if number < before else None
            if isinstance(parsed, objects.Object):
                return parsed.members
        return None

    def operator(self, identity: str, before: int) -> Words:
        """The term that an operator's id stood for."""
        members = self.members(identity, before)
        if members is None:
            raise DamagedError(f"no object `{identity}` stands before line {before}")
        if members.get("type") == "run":
            return notation.parse(str(members["options"]["operator"]))
        if members.get("type") == "rule":
            return notation.parse(str(members["operator"]))
        return operator_of(members, self.options.max_size)

    def term(self, identity: str, before: int) -> Words:
        """The term that a reactant's id stood for."""
        base, _, _ = identity.rpartition("#")
        for candidate in (identity, base):
            for name, words in self._terms(candidate, before).items():
                if name == objects.quote(identity)[1:-1]:
                    return words
        raise DamagedError(f"no term `{identity}` stands before line {before}")

    def _terms(self, identity: str, before: int) -> dict[bytes, Words]:
        """The terms of an object under their names."""
        if identity.startswith("line:") and identity[5:].isdigit():
            parsed = objects.parse_line(self.log.line(int(identity[5:])))
            members = parsed.members if isinstance(parsed, objects.Object) else None
        else:
            members = self.members(identity, before) if identity else None
        if members is None:
            return {}
        reader = TermReader(self.options.max_size)
        return {term.name: term.words for term in reader.terms_of(Found(identity, members))}

    def check(self, members: dict[str, Any], line: int) -> None:
        """Recompute one modification; raises `MismatchError` where it is not what it says."""
        identity = members["id"]
        op, a, b = members["parents"]
        before = self._batch_start(line)
        words = application(self.operator(op, before), self.term(a, before), self.term(b, before))
        o = self.options
        reduced = reduce_batch([words], o.max_steps, o.max_size, o.max_depth)
        normal_form = reduced.words(0)
        outcome = OUTCOMES[reduced.outcomes[0]]
        term = None if normal_form is None else notation.format_term(normal_form)
        if (term, reduced.steps[0]) != (members["term"], members["steps"]):
            message = (
                f"line {line}: {identity} says {members['steps']} steps to {members['term']}; "
                f"recomputing gives {outcome} after {reduced.steps[0]} steps, {term}"
            )
            raise MismatchError(message)

    def _batch_start(self, line: int) -> int:
        """The first line of the batch that holds a line."""
        row = self.log.commits.row(self.log.commits.tick_of_line(line))
        return row.first_line


def validate(log: LogReader, seed: int, last: int) -> tuple[int, int, int]:
    """Check the chain of the last commits, recompute a sample of their modifications.

    Returns the first and last tick looked at and how many were recomputed; raises
    `MismatchError` at the first thing that is not so.
    """
    first = max(1, last - COMMITS + 1)
    if last == 0 or log.run is None:
        return 0, 0, 0
    report = log.verify_chain(first)
    if not report.ok:
        raise MismatchError(f"validate-self: {report.first_bad}")
    recomputed = 0
    for k in range(SAMPLE):
        line = _drawn_line(log, seed, last, k, first)
        if line is not None:
            parsed = objects.parse_line(log.line(line))
            if isinstance(parsed, objects.Object) and parsed.members["type"] == "modification":
                Lookup(log, _options_at(log, line)).check(parsed.members, line)
                recomputed += 1
    return first, last, recomputed


def _options_at(log: LogReader, line: int) -> Options:
    """The options in force at a line: those of the last run record before it."""
    number = max(number for number in log.run_lines if number <= line)
    run = parse_run(log.line(number))
    if run is None:
        raise DamagedError(f"line {number}: the run record cannot be read")
    return from_record(run.options)


def _drawn_line(log: LogReader, seed: int, tick: int, k: int, first: int) -> int | None:
    """A line of a batch drawn among the last commits."""
    words = philox.words(seed, tick + 1, k, philox.VALIDATE)
    drawn = first + philox.index_of(words[0], tick - first + 1)
    row = log.commits.row(drawn)
    if not row.lines:
        return None
    return row.first_line + philox.index_of(words[1], row.lines)
