"""Recomputing what a log claims: a modification's term from its parents' terms.

Reads an opened log and the pure functions; shares no state with a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automaton.chemistry import rewriting
from automaton.chemistry.streams import operator_named
from automaton.compute import draws
from automaton.compute.reduction import OUTCOMES, application, reduce_batch
from automaton.errors import DamagedError, MismatchError
from automaton.format import json_edit, objects
from automaton.format.ids import is_our_id
from automaton.format.objects import NamedObject
from automaton.format.options import RANGES, Options, from_record
from automaton.format.records import parse_run
from automaton.log import LogReader
from automaton.program import TermExtractor
from automaton.program.definitions import operator_of
from automaton.terms import notation, rewrite_rule
from automaton.terms.arrays import Words

#: Commits that `validate-self` looks back at, and modifications that it recomputes.
COMMITS, SAMPLE = 16, 16
#: Nodes of the terms that are looked up: what lives may stem from when the limit was higher.
_LARGEST = RANGES["max_size"][1]


@dataclass(frozen=True)
class TermLookup:
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

    def operator(self, identity: str, before: int, a: Words) -> Words:
        """The term that an operator's id stood for; a run record counts from its own batch on.

        A rule with a replacement stands for the operator that it makes of `a`.
        """
        ours = is_our_id(identity, self.log.prefix)
        members = next(self._candidates(identity, before + ours), None)
        built_in = operator_named(identity, self.log.prefix)
        if built_in is not None and (members or {}).get("type") not in {"automaton", "rule"}:
            return built_in  # logs from before streams hold objects of such names
        if members is None:
            raise DamagedError(f"no object `{identity}` stands before line {before}")
        if members.get("type") == "run":
            return notation.parse(str(members["options"]["operator"]))
        if members.get("type") == "rule" and rewrite_rule.is_rewrite_rule(members):
            found = rewriting.operator(rewrite_rule.from_object(members, _LARGEST), a, 0, _LARGEST)
            if found is None:
                raise MismatchError(f"the rule `{identity}` does not match what it rewrote")
            return found
        if members.get("type") == "rule":
            return notation.parse(str(members["operator"]))
        return operator_of(members, _LARGEST)

    def term(self, identity: str, before: int) -> Words:
        """The term that a reactant's id stood for."""
        base, _, _ = identity.rpartition("#")
        for candidate in (identity, base):
            for members in self._candidates(candidate, before):
                for term in TermExtractor(_LARGEST).terms_of(NamedObject(candidate, members)):
                    if term.name == json_edit.quote(identity)[1:-1]:
                        return term.words
        raise DamagedError(f"no term `{identity}` stands before line {before}")

    def _candidates(self, identity: str, before: int) -> Iterator[dict[str, Any]]:
        """What an id may have stood for: an object, or a line whose object has no id."""
        members = self.members(identity, before)
        if members is not None:
            yield members
        number = identity.removeprefix("line:")
        if number != identity and number.isdecimal() and 0 < int(number) < before:
            parsed = objects.parse_line(self.log.line(int(number)))
            if isinstance(parsed, objects.Object):
                yield parsed.members

    def check(self, members: dict[str, Any], line: int) -> None:
        """Recompute one modification; raises `MismatchError` where it is not what it says."""
        identity = members["id"]
        op, a, b = members["parents"]
        before = self._batch_start(line)
        first, second = self.term(a, before), self.term(b, before)
        words = application(self.operator(op, before, first), first, second)
        o = self.options
        reduced = reduce_batch([words], o.max_steps, o.max_size, o.max_depth)
        normal_form = reduced.words(0)
        outcome = OUTCOMES[reduced.outcomes[0]]
        term = None if normal_form is None else notation.format_term(normal_form)
        said = members[self.log.format.beta]
        if (term, reduced.steps[0]) != (members["term"], said):
            message = (
                f"line {line}: {identity} says {said} steps to {members['term']}; "
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
    sample, options = list(drawn(log, seed, last)), dict[int, Options]()
    for line, members in sample:
        run = max(number for number in log.run_lines if number <= line)
        if run not in options:
            options[run] = _options_of(log, run)
        TermLookup(log, options[run]).check(members, line)
    return first, last, len(sample)


def validation_line_values(log: LogReader, seed: int, last: int) -> tuple[int, int, int]:
    """What `validate` says of a log in which nothing is wrong, without looking."""
    if last == 0:
        return 0, 0, 0
    return max(1, last - COMMITS + 1), last, sum(1 for _ in drawn(log, seed, last))


def drawn(log: LogReader, seed: int, last: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The modifications that `validate` draws after a tick, with their lines."""
    first = max(1, last - COMMITS + 1)
    for k in range(SAMPLE):
        line = _drawn_line(log, seed, last, k, first)
        if line is not None:
            parsed = objects.parse_line(log.line(line))
            if isinstance(parsed, objects.Object) and _checkable(log, parsed.members):
                yield line, parsed.members


def _checkable(log: LogReader, members: Mapping[str, Any]) -> bool:
    """Whether it is a modification whose reactants stand in the log; who lost does not."""
    if not _is_winner(members, log.prefix):
        return False
    _, *reactants = members["parents"]
    return all(log.find(parent) for parent in reactants if is_our_id(parent, log.prefix))


def _is_winner(members: Mapping[str, Any], prefix: str) -> bool:
    """Whether an object is a modification of ours; input may call itself one too."""
    identity = objects.object_id(members) or ""
    return members.get("type") == "modification" and is_our_id(identity, prefix)


def _options_of(log: LogReader, number: int) -> Options:
    """The options of the run record on a line."""
    run = parse_run(log.line(number))
    if run is None:
        raise DamagedError(f"line {number}: the run record cannot be read")
    return from_record(run.options)


def _drawn_line(log: LogReader, seed: int, tick: int, k: int, first: int) -> int | None:
    """A line of a batch drawn among the last commits."""
    words = draws.words(seed, tick + 1, k, draws.VALIDATE)
    drawn = first + draws.index_of(words[0], tick - first + 1)
    row = log.commits.row(drawn)
    if not row.lines:
        return None
    return row.first_line + draws.index_of(words[1], row.lines)
