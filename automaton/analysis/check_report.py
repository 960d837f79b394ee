"""What `check` says of a log: a fold over its lines, each seen once.

Lives here: what is counted, what is an edge that leads nowhere or has an end missing,
an object that became another, a self-reference that is wrong. Must not know: files,
commits, the chain, how a report is shown.

Longer than 300 lines: all that a report holds, and the fold that makes it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from sys import intern
from typing import Any, Literal, NamedTuple

from automaton.analysis.reachability import unreachable
from automaton.format import graphs
from automaton.format.graphs import AS_EVER, Reading
from automaton.format.objects import (
    Directive,
    MalformedInput,
    Object,
    edge_ends,
    level,
    object_type,
    parse_line,
)
from automaton.program import Diagnostic, diagnose

UNTYPED = "(none)"
"""The name under which objects without a type are counted; untyped edges are `edge`."""

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
class DanglingEnd:
    """An end of an edge or transition, as it stands now, that names an id no object has."""

    line: int
    end: Literal["from", "to", "parent"]
    id: str


@dataclass(frozen=True, slots=True)
class BrokenEnd:
    """An end of an edge or transition, as it stands now, that names nothing; it never fires."""

    line: int
    end: Literal["from", "to"]
    what: str  # missing, null, a number, ...


@dataclass(frozen=True, slots=True)
class TypeChange:
    """A version whose type is another than that of the version before."""

    line: int
    was: str
    type: str


@dataclass(frozen=True, slots=True)
class WrongReference:
    """An object, as it stands now, that names a line on which no version of it stands."""

    line: int
    claims: object


@dataclass(frozen=True, slots=True)
class UnusableMember:
    """What an object, as it stands now, says that this version cannot use."""

    line: int
    member: str
    what: str


@dataclass(frozen=True, slots=True)
class UnreachableState:
    """An automaton, as it stands now, to which the machine cannot come from where it starts."""

    line: int
    id: str


@dataclass(slots=True)
class CheckReport:
    """What a log holds. `objects` = `ids` + the objects without id; records are apart."""

    objects: int = 0  # distinct ones, as the statistics count them
    ids: int = 0
    versions: int = 0  # later versions: lines whose id had appeared before
    records: int = 0  # lines by which the log says how it was made: run, commit
    types: dict[str, int] = field(default_factory=dict)  # lines by type, every version
    malformed: list[MalformedLine] = field(default_factory=list)
    directives: list[DirectiveLine] = field(default_factory=list)
    dangling: list[DanglingEnd] = field(default_factory=list)
    broken_ends: list[BrokenEnd] = field(default_factory=list)
    retyped: list[TypeChange] = field(default_factory=list)
    self_references_wrong: int = 0
    self_references: list[WrongReference] = field(default_factory=list)
    unknown_actions: list[UnusableMember] = field(default_factory=list)
    unknown_conditions: list[UnusableMember] = field(default_factory=list)
    unreadable: list[UnusableMember] = field(default_factory=list)
    ignored: list[UnusableMember] = field(default_factory=list)
    idle_rules: list[UnusableMember] = field(default_factory=list)
    idle_vetoes: list[UnusableMember] = field(default_factory=list)
    unknown_states: list[UnusableMember] = field(default_factory=list)
    unreachable: list[UnreachableState] = field(default_factory=list)
    terms: int = 0

    def idle(self) -> int:
        """How many findings there are of what does nothing, or not what it says."""
        findings: tuple[list[Any], ...] = (
            self.malformed, self.dangling, self.broken_ends, self.unknown_actions,
            self.unknown_conditions, self.unreadable, self.ignored, self.idle_rules,
            self.idle_vetoes, self.unknown_states, self.unreachable,
        )  # fmt: skip
        return sum(map(len, findings))

    def as_json(self) -> dict[str, Any]:
        """The report as JSON values, under the names that docs/cli.md promises."""
        return asdict(self)


class _Claims(NamedTuple):
    """What the current version of an object says that later lines may bear on."""

    line: int
    terms: int
    kind: str
    ends: tuple[str, str] | None
    broken: tuple[BrokenEnd, ...]
    parent: str | None
    reference: int | None
    claims: object  # what the reference says, as it stands
    unusable: list[Diagnostic]
    level: int
    action: object


class ReportBuilder:
    """The fold: lines go in, the report comes out.

    Its state is a few words for each object and two integers for each line that
    `see` was shown; winners and records are counted only.
    """

    def __init__(self, reading: Reading = AS_EVER) -> None:
        self.report = CheckReport()
        self._reading = reading
        self._places: dict[str, int] = {}  # id to place in `_claims`
        self._claims: list[_Claims] = []
        self._lines, self._owners = array("q"), array("q")  # line numbers, and their places
        self._winners = 0

    def see(self, number: int, offset: int, raw: bytes) -> None:
        """A line of anybody's, whatever it is."""
        match parse_line(raw):
            case Object(members):
                self._object(number, members)
            case Directive(name, value):
                self.report.directives.append(DirectiveLine(number, name, value))
            case MalformedInput(reason):
                self.report.malformed.append(MalformedLine(number, offset, reason))

    def _object(self, number: int, members: Mapping[str, Any]) -> None:
        kind = intern(object_type(members) or UNTYPED)
        self._type(kind, 1)
        identity = self._reading.identity(members)
        if self._reading.graph:
            members = graphs.plain({**members})
        place = self._place(identity)
        terms, wrong = diagnose(members)
        if identity is None and "id" in members:
            wrong.append(Diagnostic("ignored", "id", graphs.no_name(members["id"])))
        claimed, line = _reference(members)
        ends = _ends(members)
        broken = tuple(BrokenEnd(number, *end) for end in graphs.broken_ends(members))
        parent = graphs.parent(members) if self._reading.graph else None
        claims = _Claims(
            number, terms, kind, ends, broken, parent, line, claimed, wrong,
            level(members), members.get("action"),
        )  # fmt: skip
        if place == len(self._claims):
            self._claims.append(claims)
        else:
            self._renew(place, claims)
        self._lines.append(number)
        self._owners.append(place)

    def _renew(self, place: int, claims: _Claims) -> None:
        before = self._claims[place].kind
        self.report.versions += 1
        self._claims[place] = claims
        if claims.kind != before:
            self.report.retyped.append(TypeChange(claims.line, before, claims.kind))

    def winners(self, count: int) -> None:
        """So many lines of the log's own, each a term under an id that no other line has."""
        self._winners += count
        self._type("modification", count)

    def record(self, kind: str) -> None:
        """A run record or a commit of the log's own."""
        self.report.records += 1
        self._type(kind, 1)

    def _type(self, name: str, count: int) -> None:
        self.report.types[name] = self.report.types.get(name, 0) + count

    def _place(self, identifier: str | None) -> int:
        fresh = len(self._claims)
        return fresh if identifier is None else self._places.setdefault(identifier, fresh)

    def result(self, known: Callable[[str], bool] = lambda _id: False) -> CheckReport:
        """The report; `known` says whether an id is that of a winner or a record."""
        report = self.report
        report.ids = len(self._places) + self._winners
        report.objects = len(self._claims) + self._winners
        report.terms = sum(claims.terms for claims in self._claims) + self._winners
        report.self_references = sorted(self._wrong(), key=lambda found: found.line)
        report.self_references_wrong = len(report.self_references)
        report.dangling = sorted(self._dangling(known), key=lambda end: end.line)
        broken = (end for claims in self._claims for end in claims.broken)
        report.broken_ends = sorted(broken, key=lambda end: end.line)
        self._list_unusable()
        report.unreachable = sorted(self._unreachable(), key=lambda found: found.line)
        return report

    def _unreachable(self) -> Iterable[UnreachableState]:
        """Automata that no transition and no vertical edge leads to."""
        named = ((name, self._claims[place]) for name, place in self._places.items())
        lines, levels = {}, {}
        for name, claims in named:
            if claims.kind == "automaton":
                lines[name], levels[name] = claims.line, claims.level
        for name in unreachable(levels, self._ways(levels)):
            yield UnreachableState(lines[name], name)

    def _ways(self, levels: Mapping[str, int]) -> Iterable[tuple[str, str]]:
        """Source and target of transitions and vertical edges."""
        ground = next((name for name, at in levels.items() if at == 0), None)
        for claims in self._claims:
            if claims.ends is None or claims.kind not in {"transition", "vertical"}:
                continue
            ends = claims.ends
            if self._reading.graph:
                source, target = (graphs.meant(end, levels.__contains__) for end in ends)
            else:
                source, target = ends
            observes = claims.kind == "transition" and claims.action == "self-observe"
            if observes and levels:
                target = ground or min(levels, key=lambda name: levels[name])
            yield source, target

    def _list_unusable(self) -> None:
        report = self.report
        lists = {
            "action": report.unknown_actions,
            "condition": report.unknown_conditions,
            "unreadable": report.unreadable,
            "ignored": report.ignored,
            "rewriting": report.idle_rules,
            "veto": report.idle_vetoes,
            "state": report.unknown_states,
        }
        for claims in sorted(self._claims, key=lambda claims: claims.line):
            for kind, member, what in claims.unusable:
                lists[kind].append(UnusableMember(claims.line, member, what))

    def _wrong(self) -> Iterable[WrongReference]:
        for place, claims in enumerate(self._claims):
            if claims.reference is not None and not self._stands(place, claims.reference):
                yield WrongReference(claims.line, claims.claims)

    def _stands(self, place: int, line: int) -> bool:
        """Whether a version of the object is on the line."""
        at = bisect_left(self._lines, line)
        found = at < len(self._lines) and self._lines[at] == line
        return found and self._owners[at] == place

    def _dangling(self, known: Callable[[str], bool]) -> Iterable[DanglingEnd]:
        def found(name: str) -> bool:
            return name in self._places or known(name)

        for claims in self._claims:
            first, second = claims.ends or (None, None)
            ends = {"from": first, "to": second, "parent": claims.parent}
            for end, name in ends.items():
                meant = graphs.meant(name, found) if name and self._reading.graph else name
                if meant is not None and not found(meant):
                    yield DanglingEnd(claims.line, end, meant)  # type: ignore[arg-type]  # a key of `ends`


def survey(lines: Iterable[tuple[int, int, bytes]]) -> CheckReport:
    """The report on lines given as (line number from 1, ascending; byte offset; bytes)."""
    state = ReportBuilder()
    for number, offset, raw in lines:
        state.see(number, offset, raw)
    return state.result()


def _ends(members: Mapping[str, Any]) -> tuple[str, str] | None:
    """The ends of an edge or transition; `from` and `to` alone may be anybody's words."""
    return edge_ends(members) if graphs.is_edge(members) else None


def _reference(members: Mapping[str, Any]) -> tuple[object, int | None]:
    """What the object says it stands on, and that line; what is no line number is nowhere."""
    claim = members.get("selfReference")
    if not isinstance(claim, dict) or "line" not in claim:
        return None, None
    line = claim["line"]
    if not isinstance(line, (int, float, str, type(None))):
        return "(no number)", _NOWHERE
    return line, line if type(line) is int and abs(line) < 1 << 63 else _NOWHERE
