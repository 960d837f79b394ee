"""What `check` says of a log: a fold over its lines, each seen once.

Lives here: what is counted, what is an edge that leads nowhere and a self-reference
that is wrong. Must not know: files, commits, the chain, how a report is shown.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from automaton.errors import TermError
from automaton.notation import parse, spans
from automaton.objects import (
    Directive,
    Malformed,
    Object,
    edge_ends,
    object_id,
    object_type,
    parse_line,
    term_sources,
)

UNTYPED = "(none)"
"""The name under which objects without a type are counted; untyped edges are `edge`."""

_EDGES = frozenset({"edge", "vertical", "horizontal", "transition"})
_NOWHERE = 0  # lines count from 1


@dataclass(frozen=True, slots=True)
class MalformedLine:
    """A line that is kept and skipped; `offset` is that of its first byte in the file."""

    line: int
    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class DirectiveLine:
    """A line `@name: value`."""

    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Dangling:
    """An end of an edge or transition, as it stands now, that names an id no object has."""

    line: int
    end: Literal["from", "to"]
    id: str


@dataclass(slots=True)
class CheckReport:
    """What a log holds. `objects` = `ids` + `versions` + the objects without id."""

    objects: int = 0
    ids: int = 0
    versions: int = 0  # later versions: lines whose id had appeared before
    types: dict[str, int] = field(default_factory=dict)  # objects by type, every version
    malformed: list[MalformedLine] = field(default_factory=list)
    directives: list[DirectiveLine] = field(default_factory=list)
    dangling: list[Dangling] = field(default_factory=list)
    self_references_wrong: int = 0
    terms: int = 0

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values, under the names that docs/cli.md promises."""
        return asdict(self)


class _Claims(NamedTuple):
    """What the current version of an object says that later lines may bear on."""

    line: int
    terms: int
    ends: tuple[str, str] | None
    reference: int | None


class _Survey:
    """The fold's state: a few words for each object, and two integers for each line."""

    def __init__(self) -> None:
        self.report = CheckReport()
        self._places: dict[str, int] = {}  # id to place in `_claims`
        self._claims: list[_Claims] = []
        self._lines, self._owners = array("q"), array("q")  # line numbers, and their places

    def see(self, number: int, offset: int, raw: bytes) -> None:
        match parse_line(raw):
            case Object(members):
                self._object(number, members)
            case Directive(name, value):
                self.report.directives.append(DirectiveLine(number, name, value))
            case Malformed(reason):
                self.report.malformed.append(MalformedLine(number, offset, reason))

    def _object(self, number: int, members: Mapping[str, Any]) -> None:
        report = self.report
        report.objects += 1
        kind = object_type(members)
        name = UNTYPED if kind is None else kind
        report.types[name] = report.types.get(name, 0) + 1
        place = self._place(object_id(members))
        claims = _Claims(number, count_terms(members), _ends(members), _reference(members))
        if place == len(self._claims):
            self._claims.append(claims)
        else:
            report.versions += 1
            self._claims[place] = claims
        self._lines.append(number)
        self._owners.append(place)

    def _place(self, identifier: str | None) -> int:
        fresh = len(self._claims)
        return fresh if identifier is None else self._places.setdefault(identifier, fresh)

    def result(self) -> CheckReport:
        report = self.report
        report.ids = len(self._places)
        report.terms = sum(claims.terms for claims in self._claims)
        report.self_references_wrong = sum(map(self._is_wrong, range(len(self._claims))))
        report.dangling = sorted(self._dangling(), key=lambda end: end.line)
        return report

    def _is_wrong(self, place: int) -> bool:
        reference = self._claims[place].reference
        if reference is None:
            return False
        at = bisect_left(self._lines, reference)
        found = at < len(self._lines) and self._lines[at] == reference
        return not found or self._owners[at] != place

    def _dangling(self) -> Iterable[Dangling]:
        for claims in self._claims:
            first, second = claims.ends or (None, None)
            if first is not None and first not in self._places:
                yield Dangling(claims.line, "from", first)
            if second is not None and second not in self._places:
                yield Dangling(claims.line, "to", second)


def survey(lines: Iterable[tuple[int, int, bytes]]) -> CheckReport:
    """The report on lines given as (line number from 1, ascending; byte offset; bytes)."""
    state = _Survey()
    for number, offset, raw in lines:
        state.see(number, offset, raw)
    return state.result()


def count_terms(members: Mapping[str, Any]) -> int:
    """How many terms the object contributes; what cannot be read counts as none.

    Its `term` is one, else for an automaton the operator that its `currentState`
    names, else each usable span of its `text`.
    """
    kind, value = term_sources(members)
    if kind == "text":
        return len(spans(value)) if "`" in value else 0
    return int(kind == "state" or (kind == "term" and _is_term(value)))


def _is_term(text: str) -> bool:
    try:
        parse(text)
    except TermError:
        return False
    return True


def _ends(members: Mapping[str, Any]) -> tuple[str, str] | None:
    """The ends of an edge or transition; `from` and `to` alone may be anybody's words."""
    is_edge = "fromNode" in members or object_type(members) in _EDGES
    return edge_ends(members) if is_edge else None


def _reference(members: Mapping[str, Any]) -> int | None:
    """The line that the object says it stands on; what is no line number is nowhere."""
    claim = members.get("selfReference")
    if not isinstance(claim, dict) or "line" not in claim:
        return None
    line = claim["line"]
    return line if type(line) is int and abs(line) < 1 << 63 else _NOWHERE
