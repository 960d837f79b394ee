"""Recomputing what a log claims: a modification's term from its parents' terms.

Reads an opened log and the pure functions; shares no state with a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from automaton.chemistry import rewriting
from automaton.chemistry.streams import operator_named
from automaton.compute import draws
from automaton.compute.reduction import OUTCOMES, application, reduce_batch
from automaton.errors import AutomatonError, DamagedError, MismatchError
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


#: The line of what a tick made, and its number.
Made = tuple[int, bytes]


class DrawnSample(NamedTuple):
    """What `validate-self` says: first and last tick it looks at, the modifications it draws."""

    first: int
    last: int
    drawn: list[tuple[int, dict[str, Any]]]  # with their lines
    made: dict[str, Made]  # reactants, by id

    def said(self) -> tuple[int, int, int]:
        """What the line holds: first and last tick, how many are recomputed."""
        return self.first, self.last, len(self.drawn)


def _extractor() -> TermExtractor:
    return TermExtractor(_LARGEST)


@dataclass(frozen=True)
class TermLookup:
    """Terms by id, as they stood before a line of the log."""

    log: LogReader
    options: Options
    _extractor: TermExtractor = field(default_factory=_extractor)
    made: Mapping[str, Made] = field(default_factory=dict)  # what is known of ids of ours
    _parsed: dict[int, objects.Line] = field(default_factory=dict)  # by line, what was asked for
    _operators: dict[int, Words] = field(default_factory=dict)  # by line, that do not depend on a

    def members(self, identity: str, before: int) -> dict[str, Any] | None:
        """The object's version that was current before a line."""
        return self._version(identity, before)[1]

    def _version(self, identity: str, before: int) -> tuple[int, dict[str, Any] | None]:
        """The same behind its line; of none 0."""
        made = self.made.get(identity) or self.log.made(identity)
        for number in reversed(self.log.find(identity) if made is None else [made[0]]):
            if number < before:
                parsed = self._line(number, None if made is None else made[1])
                if isinstance(parsed, objects.Object):
                    return number, parsed.members
        return 0, None

    def _line(self, number: int, raw: bytes | None = None) -> objects.Line:
        parsed = self._parsed.get(number)
        if parsed is None:
            raw = self.log.line(number) if raw is None else raw
            parsed = self._parsed[number] = objects.parse_line(raw)
        return parsed

    def operator(self, identity: str, before: int, a: Words) -> Words:
        """The term that an operator's id stood for; a run record counts from its own batch on.

        A rule with a replacement stands for the operator that it makes of `a`.
        """
        ours = is_our_id(identity, self.log.prefix)
        number, members = next(self._candidates(identity, before + ours), (0, None))
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
        if number not in self._operators:
            rule = members.get("type") == "rule"
            read = notation.parse(str(members["operator"])) if rule else None
            self._operators[number] = operator_of(members, _LARGEST) if read is None else read
        return self._operators[number]

    def term(self, identity: str, before: int) -> Words:
        """The term that a reactant's id stood for."""
        base, _, _ = identity.rpartition("#")
        for candidate in (identity, base):
            for _, members in self._candidates(candidate, before):
                for term in self._extractor.terms_of(NamedObject(candidate, members)):
                    if term.name == json_edit.quote(identity)[1:-1]:
                        return term.words
        raise DamagedError(f"no term `{identity}` stands before line {before}")

    def _candidates(self, identity: str, before: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """What an id may have stood for, by line: an object, or a line whose object has no id."""
        line, members = self._version(identity, before)
        if members is not None:
            yield line, members
        number = identity.removeprefix("line:")
        if number != identity and number.isdecimal() and 0 < int(number) < before:
            parsed = self._line(int(number))
            if isinstance(parsed, objects.Object):
                yield int(number), parsed.members

    def check(self, members: dict[str, Any], line: int) -> None:
        """Recompute one modification; raises `MismatchError` where it is not what it says."""
        self.check_all([(line, members)])

    def check_all(self, sample: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Recompute modifications of these options; raises for the first that is not so."""
        terms: list[Words] = []
        failure: AutomatonError | None = None
        for line, members in sample:
            try:
                terms.append(self._reaction(members, line))
            except AutomatonError as error:
                failure = error
                break
        o = self.options
        reduced = reduce_batch(terms, o.max_steps, o.max_size, o.max_depth)
        for k, (line, members) in enumerate(sample[: len(terms)]):
            normal_form = reduced.words(k)
            term = None if normal_form is None else notation.format_term(normal_form)
            said = members[self.log.format.beta]
            if (term, reduced.steps[k]) != (members["term"], said):
                message = (
                    f"line {line}: {members['id']} says {said} steps to {members['term']}; "
                    f"recomputing gives {OUTCOMES[reduced.outcomes[k]]} after {reduced.steps[k]} "
                    f"steps, {term}"
                )
                raise MismatchError(message)
        if failure is not None:
            raise failure

    def _reaction(self, members: dict[str, Any], line: int) -> Words:
        """The term that a modification says it reduced."""
        op, a, b = members["parents"]
        before = self._batch_start(line)
        first, second = self.term(a, before), self.term(b, before)
        return application(self.operator(op, before, first), first, second)

    def _batch_start(self, line: int) -> int:
        """The first line of the batch that holds a line."""
        row = self.log.commits.row(self.log.commits.tick_of_line(line))
        return row.first_line


def validate(log: LogReader, seed: int, last: int) -> tuple[int, int, int]:
    """Check the chain of the last commits, recompute a sample of their modifications.

    Returns the first and last tick looked at and how many were recomputed; raises
    `MismatchError` at the first thing that is not so.
    """
    return validate_sample(log, drawn(log, seed, last))


def validate_sample(log: LogReader, sample: DrawnSample) -> tuple[int, int, int]:
    """The same of a sample that was drawn already."""
    if sample.last == 0 or log.run is None:
        return 0, 0, 0
    report = log.verify_chain(sample.first)
    if not report.ok:
        raise MismatchError(f"validate-self: {report.first_bad}")
    by_run: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for line, members in sample.drawn:
        run = max(number for number in log.run_lines if number <= line)
        by_run.setdefault(run, []).append((line, members))
    for run, modifications in by_run.items():
        TermLookup(log, _options_of(log, run), made=sample.made).check_all(modifications)
    return sample.said()


def validation_line_values(log: LogReader, seed: int, last: int) -> tuple[int, int, int]:
    """What `validate` says of a log in which nothing is wrong, without looking."""
    return drawn(log, seed, last).said()


def drawn(log: LogReader, seed: int, last: int) -> DrawnSample:
    """The modifications that `validate` draws after a tick."""
    if last == 0:
        return DrawnSample(0, 0, [], {})
    first = max(1, last - COMMITS + 1)
    found: list[tuple[int, dict[str, Any]]] = []
    made: dict[str, Made] = {}
    for k in range(SAMPLE):
        line = _drawn_line(log, seed, last, k, first)
        if line is not None:
            parsed = objects.parse_line(log.line(line))
            if isinstance(parsed, objects.Object) and _checkable(log, parsed.members, made):
                found.append((line, parsed.members))
    return DrawnSample(first, last, found, made)


def _checkable(log: LogReader, members: Mapping[str, Any], made: dict[str, Made]) -> bool:
    """Whether it is a modification whose reactants stand in the log; who lost does not.

    Lines of reactants that are looked for and found are kept in `made`.
    """
    if not _is_winner(members, log.prefix):
        return False
    _, *reactants = members["parents"]
    for parent in reactants:
        if parent not in made and is_our_id(parent, log.prefix):
            found = log.made(parent)
            if found is not None:
                made[parent] = found
            elif not log.find(parent):
                return False
    return True


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
