"""What may change: the state machine that the log's definitions describe.

Automata, transitions, vertical edges and rules are read from objects; which of
them applies next is a function of their values and of answers to conditions.
Nothing here knows files, populations or how a reaction is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automaton.errors import AutomatonError, NothingToRunError, UsageError, closest
from automaton.format import graphs, json_edit, objects
from automaton.format.machine_state import ACTIONS
from automaton.program import conditions, selectors
from automaton.terms import encodings, notation, rewrite_rule
from automaton.terms.arrays import Words
from automaton.terms.rewrite_rule import RewriteRule

#: Types whose objects are definitions: their terms are never overwritten.
DEFINITIONS = frozenset({"automaton", "transition", "rule", "veto"})
#: Bytes that an id may have, escaped, to stand in the lines of others.
MAX_NAME = 1024


@dataclass(frozen=True)
class Automaton:
    """A state of the machine: its operator, and which objects may be reactants."""

    id: str
    level: int
    operator: Words
    a: selectors.Selector | None = None
    b: selectors.Selector | None = None
    self_line: int | None = None  # selfReference.line, where it is a whole number


@dataclass(frozen=True)
class Transition:
    """A way from one automaton to another, its condition and its action."""

    id: str
    source: str
    target: str
    condition: conditions.Condition
    action: str


@dataclass(frozen=True)
class Rule:
    """An operator that takes the automaton's place where reactant a matches."""

    id: str
    match: selectors.Selector
    operator: Words


@dataclass(frozen=True)
class RewritingRule:
    """A rule that rewrites the terms that its pattern matches at the root (REASON's)."""

    id: str
    match: selectors.Selector | None  # None: every term
    rewriting: RewriteRule


@dataclass(frozen=True)
class Amplifier:
    """A test function: a term, and what it makes of a term that passes."""

    term: str
    target: str


#: What an amplifier makes of a term that passes, where it does not say: true.
PASSED = "λλ1"


@dataclass
class Program:
    """The current definitions, each map in order of the ids' first appearance."""

    max_size: int
    automata: dict[str, Automaton] = field(default_factory=dict)
    transitions: dict[str, Transition] = field(default_factory=dict)
    verticals: dict[str, tuple[str, str]] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    vetoes: dict[str, selectors.Selector] = field(default_factory=dict)
    rewritings: dict[str, RewritingRule] = field(default_factory=dict)
    amplifiers: dict[str, Amplifier] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # of these, those of automata
    graph: bool = False  # whether definitions are read as a graph's (see `graphs`)

    def learn(self, object_id: str, members: Mapping[str, Any]) -> None:
        """Take in the current version of an object; whatever it was before is forgotten."""
        members = graphs.plain({**members}) if self.graph else members
        made = _definition(object_id, members, self)
        if made is not None and not 0 < len(json_edit.quote(object_id)) - 2 <= MAX_NAME:
            why = f"a definition's id is empty or over {MAX_NAME} bytes: not used"
            self.refuse(why, automaton=made[0] is self.automata)
            made = None
        tables: tuple[dict[str, Any], ...] = (
            self.automata, self.transitions, self.verticals, self.rules, self.vetoes,
            self.rewritings, self.amplifiers,
        )  # fmt: skip
        for table in tables:
            if made is None or made[0] is not table:
                table.pop(object_id, None)
        if made is not None:
            made[0][object_id] = made[1]

    def refuse(self, why: str, *, automaton: bool) -> None:
        """Note a definition that is not used."""
        self.problems.append(why)
        self.lost += [why] if automaton else []

    def lowest(self) -> Automaton:
        """The automaton of the lowest dimension (ties: first appearance)."""
        if not self.automata:
            message = "the log holds no automaton object"
            raise NothingToRunError(message)
        return min(self.automata.values(), key=lambda automaton: automaton.level)

    def at_level(self, level: int) -> Automaton | None:
        """The first automaton of a dimension."""
        found = (a for a in self.automata.values() if a.level == level)
        return next(found, None)

    def meant(self, end: str) -> str:
        """The automaton that an end of a transition or edge names."""
        return graphs.meant(end, self.automata.get) if self.graph else end

    def upward(self, automaton_id: str) -> str | None:
        """Where the first vertical edge from an automaton to another leads."""
        for ends in self.verticals.values():
            source, target = map(self.meant, ends)
            if source == automaton_id and target != source and target in self.automata:
                return target
        return None


Definition = tuple[dict[str, Any], Any]


def _definition(  # noqa: PLR0911 - one return a table
    object_id: str, members: Mapping[str, Any], program: Program
) -> Definition | None:
    """The table that an object belongs to and its entry there; None: no definition."""
    kind = members.get("type")
    ends = objects.edge_ends(members)
    try:
        if kind == "automaton":
            return program.automata, _automaton(object_id, members, program)
        if kind == "transition" and ends is not None:
            return program.transitions, _transition(object_id, members, ends, program)
        if kind == "vertical" and ends is not None:
            return program.verticals, ends
        if kind == "rule" and rewrite_rule.is_rewrite_rule(members):
            return program.rewritings, _replacing(object_id, members, program)
        if kind == "rule" and isinstance(members.get("match"), str):
            return program.rules, _rule(object_id, members, program)
        if kind == "veto" and isinstance(members.get("match"), str):
            return program.vetoes, selectors.parse_checked(members["match"])
        if kind == "amplifier" and isinstance(members.get("term"), str):
            target = members.get("target", PASSED)
            return program.amplifiers, Amplifier(members["term"], target)
    except AutomatonError as error:
        program.refuse(f"{object_id}: {error}", automaton=kind == "automaton")
    return None


def _automaton(object_id: str, members: Mapping[str, Any], program: Program) -> Automaton:
    source = objects.term_sources(members)
    if source.kind == "state" and source.value not in encodings.OPERATORS:
        nearest = closest(source.value, encodings.OPERATORS)
        program.problems.append(
            f"{object_id}: currentState {source.value!r} names no operator; it is the application"
            f"{nearest}"
        )
    reference = members.get("selfReference")
    line = reference.get("line") if isinstance(reference, dict) else None
    return Automaton(
        id=object_id,
        level=objects.level(members),
        operator=operator_of(members, program.max_size),
        a=_selector(members.get("a")),
        b=_selector(members.get("b")),
        self_line=line if type(line) is int else None,
    )


def operator_of(members: Mapping[str, Any], max_size: int) -> Words:
    """An automaton's operator: its `term`, else the one that `currentState` names."""
    source = objects.term_sources(members)
    if source.kind == "term":
        return _closed(source.value, max_size)
    return encodings.operator_named(source.value if source.kind == "state" else "")


def _closed(text: str, max_size: int) -> Words:
    words = notation.parse(text)
    if len(words) > max_size:
        message = f"the operator has {len(words)} nodes, more than --max-size {max_size}"
        raise UsageError(message)
    return words


def _selector(value: object) -> selectors.Selector | None:
    return selectors.parse_checked(value) if isinstance(value, str) else None


def _transition(
    object_id: str, members: Mapping[str, Any], ends: tuple[str, str], program: Program
) -> Transition:
    condition = members.get("condition")
    action = members.get("action")
    if "action" in members and action not in ACTIONS:
        nearest = closest(action, ACTIONS) if isinstance(action, str) else ""
        program.problems.append(
            f"{object_id}: the action {action!r} is not known; it does nothing{nearest}"
        )
    return Transition(
        id=object_id,
        source=ends[0],
        target=ends[1],
        condition=conditions.parse_condition(condition if isinstance(condition, str) else "true"),
        action=action if isinstance(action, str) else "",
    )


def _rule(object_id: str, members: Mapping[str, Any], program: Program) -> Rule:
    operator = members.get("operator")
    if not isinstance(operator, str):
        message = "a rule needs an `operator` beside its `match`, or `pattern` and `replacement`"
        raise UsageError(message)
    return Rule(
        object_id, selectors.parse_checked(members["match"]), _closed(operator, program.max_size)
    )


def _replacing(object_id: str, members: Mapping[str, Any], program: Program) -> RewritingRule:
    found = rewrite_rule.from_object(members, program.max_size)
    return RewritingRule(object_id, _selector(members.get("match")), found)
