"""When may a transition fire, and which objects may react: two small languages.

Lives here: the atoms of conditions and selectors, and how both are evaluated. Both are
data from a log: our own grammar reads them, never Python, SQL or a regular expression.
Must not know: objects, terms (a pattern stays text here), populations, and where the
numbers and answers come from.

An atom of a condition is `true`, `false`, a comparison of a counter with an integer or
infinity, or a question such as `unifiable(a,b)`, whose arguments are free. An atom of
a selector is `true`, `false`, `numeral`, a comparison of a measure with an integer,
`level in (0, 1)`, `type = text`, `type in (text, file)` or `term ~ 'PATTERN'`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from automaton.errors import ConditionError
from automaton.program.grammar import MAX_DEPTH, And, Not, Or, Reader, Token

__all__ = [
    "COMPARISONS", "COUNTERS", "MAX_DEPTH", "MEASURES", "QUESTIONS",
    "And", "Ask", "Compare", "Condition", "Const", "Leaf", "Matches", "Member",
    "Not", "Numeral", "Or", "Selector", "Unknown",
    "evaluate", "holds", "parse", "parse_selector", "unknowns",
]  # fmt: skip

COUNTERS = ("line_number", "step_count", "object_count", "dimension")
"""What a condition may compare."""

QUESTIONS = (
    "file_exists",
    "observation",
    "unifiable",
    "numeric",
    "majority_agree",
    "gradient_descent",
    "quantum_collapse",
)
"""What a condition may ask of its run; `holds` passes the bare name on."""

MEASURES = ("size", "steps", "level")
"""What a selector may compare."""

COMPARISONS: Mapping[str, Callable[[int, int | float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
"""What each `Compare.op` does."""

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Const:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """A named number against a fixed one; `op` is a key of `COMPARISONS`."""

    field: str
    op: str
    value: int | float  # a float only as an infinity, and only in conditions


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the run, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An atom, or a whole condition, that means nothing here: false."""

    text: str


@dataclass(frozen=True, slots=True)
class Numeral:
    """The term is a Church numeral."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An equal term is known already."""


@dataclass(frozen=True, slots=True)
class Member:
    """The field is one of the values: strings for `type`, integers for a measure."""

    field: str
    values: tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """The term matches a pattern, which is still in the notation of terms."""

    pattern: str


Leaf = Const | Numeral | Duplicate | Compare | Member | Matches
Condition = Const | Compare | Ask | Unknown | Not["Condition"] | And["Condition"] | Or["Condition"]
Selector = Leaf | Not["Selector"] | And["Selector"] | Or["Selector"]


def parse(text: str) -> Condition:
    """The condition that a text means; what cannot be read is `Unknown`. Never raises."""
    try:
        return Reader(text, _condition_atom).whole()
    except ConditionError:
        return Unknown(text)


def parse_selector(text: str) -> Selector:
    """The selector that a text means, or a `ConditionError` that names the position."""
    return Reader(text, _selector_atom).whole()


def holds(  # noqa: PLR0911  one return a kind of node
    condition: Condition, numbers: Mapping[str, int], ask: Callable[[str], bool]
) -> bool:
    """Whether the condition is true, asked from left to right and no further than needed.

    `numbers` gives every one of `COUNTERS`; `ask` answers one of `QUESTIONS`. An unknown
    atom is false, and so its negation is true.
    """
    match condition:
        case Const(value):
            return value
        case Compare(field, op, bound):
            return COMPARISONS[op](numbers[field], bound)
        case Ask(name):
            return ask(name)
        case Not(part):
            return not holds(part, numbers, ask)
        case And(parts):
            return all(holds(part, numbers, ask) for part in parts)
        case Or(parts):
            return any(holds(part, numbers, ask) for part in parts)
        case Unknown():
            return False


def unknowns(condition: Condition) -> list[str]:
    """The texts of all unknown atoms, each once, in the order in which they stand."""
    match condition:
        case Unknown(text):
            return [text]
        case Not(part):
            return unknowns(part)
        case And(parts) | Or(parts):
            return list(dict.fromkeys(text for part in parts for text in unknowns(part)))
    return []


def evaluate(selector: Selector, leaf: Callable[[Leaf], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """The selector over many objects at once; `leaf` gives one truth value an object."""
    match selector:
        case Not(part):
            return np.logical_not(evaluate(part, leaf))
        case And(parts):
            return reduce(np.logical_and, (evaluate(part, leaf) for part in parts))
        case Or(parts):
            return reduce(np.logical_or, (evaluate(part, leaf) for part in parts))
        case _:
            return leaf(selector)


# Atoms of conditions.


def _condition_atom(reader: Reader[Condition]) -> Condition:
    first = reader.operand("a condition")
    called = _arguments(reader)
    op = reader.next.comparison
    if op is None:
        known = _question(first, called)
    else:
        reader.take()
        second = reader.operand("a number or the name of one")
        called = _arguments(reader) or called
        known = None if called else _comparison(first, op, second, COUNTERS)
    return known or Unknown(reader.text[first.start : reader.last.end])


def _arguments(reader: Reader[Condition]) -> bool:
    """Takes everything between parentheses, if they come next; what is in them is free."""
    if reader.last.kind != "name" or not reader.taken("("):
        return False
    depth = 1
    while depth:
        if reader.next.kind == "end":
            reader.fail("expected )")
        token = reader.take()
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0
    return True


def _question(name: Token, called: bool) -> Condition | None:  # noqa: FBT001  one caller, above
    if name.kind != "name":
        return None
    if name.text in {"true", "false"} and not called:
        return Const(name.text == "true")
    return Ask(name.text) if name.text in QUESTIONS else None


def _comparison(left: Token, op: str, right: Token, fields: tuple[str, ...]) -> Compare | None:
    for name, operation, bound in ((left, op, right.number), (right, _TURNED[op], left.number)):
        if name.kind == "name" and name.text in fields and bound is not None:
            return Compare(name.text, operation, bound)
    return None


# Atoms of selectors.


_WORDS: dict[str, Leaf] = {
    "true": Const(value=True),
    "false": Const(value=False),
    "numeral": Numeral(),
    "duplicate": Duplicate(),
}


def _selector_atom(reader: Reader[Selector]) -> Selector:
    first = reader.operand("a selector")
    if first.kind == "name":
        if first.text in _WORDS:
            return _WORDS[first.text]
        if first.text == "term":
            return _pattern(reader)
        if reader.taken("in"):
            return Member(first.text, _values(reader, first))
        if first.text == "type":
            return _type(reader)
    return _measure(reader, first)


def _pattern(reader: Reader[Selector]) -> Selector:
    reader.expect("~")
    if reader.next.kind != "string":
        reader.fail("expected a pattern in quotes")
    return Matches(reader.take().text)


def _type(reader: Reader[Selector]) -> Selector:
    op = reader.next.comparison
    if op not in {"==", "!="}:
        reader.fail("expected =, != or in")
    reader.take()
    member = Member("type", (reader.operand("the name of a type").text,))
    return member if op == "==" else Not(member)


def _measure(reader: Reader[Selector], first: Token) -> Selector:
    op = reader.next.comparison
    if op is None:
        reader.fail(f"expected {', '.join(_WORDS)}, size, steps, level, type or term", first)
    reader.take()
    second = reader.operand("an integer or the name of a measure")
    found = _comparison(first, op, second, MEASURES)
    if found is None or isinstance(found.value, float):
        known = f"one of {', '.join(MEASURES)} and an integer"
        reader.fail(f"expected {known}, or one of {', '.join(_WORDS)}, term, type", first)
    return found


def _values(reader: Reader[Selector], field: Token) -> tuple[str, ...] | tuple[int, ...]:
    if field.text not in {"type", *MEASURES}:
        reader.fail(f"expected type, {', '.join(MEASURES)} before in", field)
    reader.expect("(")
    tokens = [reader.operand("a value")]
    while reader.taken(","):
        tokens.append(reader.operand("a value"))
    reader.expect(")")
    if field.text == "type":
        return tuple(token.text for token in tokens)
    return tuple(_integer(reader, token) for token in tokens)


def _integer(reader: Reader[Selector], token: Token) -> int:
    if not isinstance(token.number, int):
        reader.fail("expected an integer", token)
    return token.number
