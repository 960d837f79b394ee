"""What an object says that a run cannot use: actions, conditions, terms, selectors.

A function of one object's members. Must not know: lines, files, how a report is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from automaton.errors import AutomatonError, closest
from automaton.format.machine_state import ACTIONS
from automaton.format.objects import edge_ends, term_sources
from automaton.program import conditions, selectors
from automaton.terms import encodings, notation, rewrite_rule

Kind = Literal["action", "condition", "state", "unreadable", "ignored", "rewriting", "veto"]

#: The members of a definition that are selectors, and that are terms, by its type.
_SELECTORS = {"automaton": ("a", "b"), "rule": ("match",), "veto": ("match",)}
#: Said in the place of a selector without which a definition does nothing.
_NEEDED = "(none); a selector is needed, such as size > 200"
_OPERATORS = {"rule": ("operator",)}


class Diagnostic(NamedTuple):
    """A kind of trouble, the member that makes it, and what it says or why it is none.

    A rule that rewrites is trouble where `reason` does not compete, a veto where nobody does.
    """

    kind: Kind
    member: str
    what: str


def diagnose(members: Mapping[str, Any]) -> tuple[int, list[Diagnostic]]:
    """How many terms an object contributes, and what in it cannot be used.

    Its `term` is one, else for an automaton the operator that its `currentState`
    names, else each usable span of its `text`.
    """
    terms, found = _terms(members)
    kind = members.get("type")
    if not isinstance(kind, str):
        return terms, found
    if kind == "transition" and edge_ends(members) is not None:
        found += _transition(members)
    if kind == "automaton":
        found += unknown_state(members)
    found += _unread(members, _SELECTORS.get(kind, ()), selectors.parse_checked)
    found += _unread(members, _OPERATORS.get(kind, ()), notation.parse)
    if kind == "rule" and rewrite_rule.is_rewrite_rule(members):
        found.append(_rewriting(members))
    elif kind == "rule" and isinstance(members.get("operator"), str):
        found += _ignored(members)
    if kind == "veto":
        found += _veto(members)
    return terms, found


def _ignored(members: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What of a rule with an operator has no effect, or keeps it from having one."""
    if not isinstance(members.get("match"), str):
        yield Diagnostic("ignored", "match", _NEEDED)
    for name in ("pattern", "replacement"):
        if isinstance(members.get(name), str):
            yield Diagnostic("ignored", name, "the rule has an `operator`, which alone counts")


def _veto(members: Mapping[str, Any]) -> Iterator[Diagnostic]:
    if not isinstance(text := members.get("match"), str):
        yield Diagnostic("ignored", "match", _NEEDED)
    elif not list(_unread(members, ("match",), selectors.parse_checked)):
        yield Diagnostic("veto", "match", text)


def _rewriting(members: Mapping[str, Any]) -> Diagnostic:
    try:
        rewrite_rule.from_object(members, notation.MAX_NODES)
    except AutomatonError as error:
        member, _, why = str(error).partition(": ")
        named = member in {"pattern", "replacement"}
        return Diagnostic("unreadable", *((member, why) if named else ("replacement", str(error))))
    return Diagnostic(
        "rewriting", "replacement", f"{members['pattern']} to {members['replacement']}"
    )


def _terms(members: Mapping[str, Any]) -> tuple[int, list[Diagnostic]]:
    kind, value = term_sources(members)
    if kind == "text":
        usable, skipped = notation.spans_counted(value) if "`" in value else ([], 0)
        what = f"spans with a lambda that are no closed terms: {skipped}"
        return len(usable), [Diagnostic("unreadable", "text", what)] if skipped else []
    if kind == "term":
        found = list(_unread(members, ("term",), notation.parse))
        return int(not found), found
    return int(kind == "state"), []


def _transition(members: Mapping[str, Any]) -> Iterator[Diagnostic]:
    action, condition = members.get("action"), members.get("condition")
    if "action" in members and action not in ACTIONS:
        yield Diagnostic("action", "action", _with_nearest(action, ACTIONS))
    if isinstance(condition, str):
        for text in conditions.unknowns(conditions.parse_condition(condition)):
            yield Diagnostic("condition", "condition", _nearest_condition(text))


def unknown_state(members: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """A `currentState` that decides the operator and names none."""
    source = term_sources(members)
    if source.kind == "state" and source.value not in encodings.OPERATORS:
        what = _with_nearest(source.value, encodings.OPERATORS)
        yield Diagnostic("state", "currentState", what)


def _with_nearest(value: object, known: Iterable[str]) -> str:
    """A word that is not known, and the known one that is nearly the same."""
    if not isinstance(value, str):
        return "(no text)"
    return value + closest(value, known)


def _nearest_condition(text: str) -> str:
    """An unknown atom, and the known word that is nearly its first."""
    word = (text.replace("(", " ").split(maxsplit=1) or [""])[0]
    known = [*conditions.QUESTIONS, *conditions.COUNTERS, "true", "false"]
    return text if word in known else text + closest(word, known)


def _unread(
    members: Mapping[str, Any], names: tuple[str, ...], read: Callable[[str], object]
) -> Iterator[Diagnostic]:
    """The members that are texts and cannot be read."""
    for name in names:
        if isinstance(text := members.get(name), str):
            try:
                read(text)
            except AutomatonError as error:
                yield Diagnostic("unreadable", name, str(error))
