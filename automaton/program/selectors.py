"""Selectors: a small language for which objects may react.

Lives here: the atoms of a selector and how it is evaluated. It is data from a log, as a
condition is. Must not know: terms (a pattern stays text here), populations; the caller
answers for a leaf.

An atom is `true`, `false`, `numeral`, a comparison of a measure with an integer,
`level in (0, 1)`, `type = text`, `type in (text, file)` or `term ~ 'PATTERN'`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from automaton.program.grammar import (
    And,
    Compare,
    Const,
    ExpressionParser,
    Not,
    Or,
    Token,
    parse_comparison,
)
from automaton.terms import notation
from automaton.terms.arrays import Truth


def parse_checked(text: str) -> Selector:
    """The selector of a text, its patterns read too; raises `ConditionError` or `TermError`."""
    selector = parse_selector(text)
    evaluate(selector, _check_leaf)
    return selector


def _check_leaf(leaf: Leaf) -> Truth:
    if isinstance(leaf, Matches):
        notation.parse(leaf.pattern, pattern=True)
    return np.zeros(0, dtype=np.bool_)


#: What a selector may compare with an integer, and what it is; docs/language.md shows it.
MEASURES = {
    "size": "nodes of the term",
    "steps": "beta steps that made it; 0 of a term that was not made here",
    "level": "`dimensionalLevel` of the object",
}


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

Selector = Leaf | Not["Selector"] | And["Selector"] | Or["Selector"]


def parse_selector(text: str) -> Selector:
    """The selector that a text means, or a `ConditionError` that names the position."""
    return ExpressionParser(text, _selector_atom).whole()


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


def asks_others(selector: Selector) -> bool:
    """Whether the answer for an object depends on other objects too."""
    match selector:
        case Not(part):
            return asks_others(part)
        case And(parts) | Or(parts):
            return any(map(asks_others, parts))
        case _:
            return isinstance(selector, Duplicate)


_WORDS: dict[str, Leaf] = {
    "true": Const(value=True),
    "false": Const(value=False),
    "numeral": Numeral(),
    "duplicate": Duplicate(),
}


def _selector_atom(reader: ExpressionParser[Selector]) -> Selector:
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


def _pattern(reader: ExpressionParser[Selector]) -> Selector:
    reader.expect("~")
    if reader.next.kind != "string":
        reader.fail("expected a pattern in quotes")
    return Matches(reader.take().text)


def _type(reader: ExpressionParser[Selector]) -> Selector:
    op = reader.next.comparison
    if op not in {"==", "!="}:
        reader.fail("expected =, != or in")
    reader.take()
    member = Member("type", (reader.operand("the name of a type").text,))
    return member if op == "==" else Not(member)


def _measure(reader: ExpressionParser[Selector], first: Token) -> Selector:
    op = reader.next.comparison
    if op is None:
        reader.fail(f"expected {', '.join(_WORDS)}, size, steps, level, type or term", first)
    reader.take()
    second = reader.operand("an integer or the name of a measure")
    found = parse_comparison(first, op, second, MEASURES)
    if found is None or isinstance(found.value, float):
        known = f"one of {', '.join(MEASURES)} and an integer"
        reader.fail(f"expected {known}, or one of {', '.join(_WORDS)}, term, type", first)
    return found


def _values(reader: ExpressionParser[Selector], field: Token) -> tuple[str, ...] | tuple[int, ...]:
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


def _integer(reader: ExpressionParser[Selector], token: Token) -> int:
    if not isinstance(token.number, int):
        reader.fail("expected an integer", token)
    return token.number
