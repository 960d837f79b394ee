"""The grammar that conditions and selectors share: words, parentheses, and, or, not.

Lives here: cutting a text into words, by hand, and reading the logic between atoms.
Must not know: what an atom means (the caller reads it, by a function of the reader).
A text that breaks the grammar is a `ConditionError` that names the position.

    either    = both { ("or" | "||") both }
    both      = negation { ("and" | "&&") negation }
    negation  = { "not" | "!" } ( "(" either ")" | atom )
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, NoReturn, TypeVar

from automaton.errors import ConditionError

MAX_DEPTH = 64
"""Parentheses and negations that may stand inside one another; deeper is refused."""

Kind = Literal["name", "number", "string", "mark", "end"]
Node = TypeVar("Node")

_COMPARISONS = {
    "<": "<", "<=": "<=", "≤": "<=", ">": ">", ">=": ">=", "≥": ">=",
    "=": "==", "==": "==", "≠": "!=", "!=": "!=",
}  # fmt: skip
_PAIRS = ("<=", ">=", "==", "!=", "&&", "||")
_SINGLES = "<>=≠≤≥!(),~"
_KEYWORDS = ("and", "or", "not", "in")
_DIGITS = "0123456789"
_LONGEST_NUMBER = 1000  # digits; conversion is quadratic, and nothing here counts further


@dataclass(frozen=True, slots=True)
class Not(Generic[Node]):
    """The part does not hold."""

    part: Node


@dataclass(frozen=True, slots=True)
class And(Generic[Node]):
    """All parts hold; there are at least two."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or(Generic[Node]):
    """At least one part holds; there are at least two."""

    parts: tuple[Node, ...]


class Token(NamedTuple):
    """One word; `text` is without quotes, `start` and `end` count characters from 0."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def comparison(self) -> str | None:
        """The comparison that the word is, in its canonical spelling."""
        return _COMPARISONS.get(self.text) if self.kind == "mark" else None

    @property
    def number(self) -> int | float | None:
        """The integer or infinity that the word is."""
        digits = self.text.lstrip("+-")
        sign = -1 if self.text.startswith("-") else 1
        if digits == "∞" or (self.kind, digits) == ("name", "infinity"):
            return sign * math.inf
        whole = self.kind == "number" and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER
        return sign * int(digits) if whole else None


class ExpressionParser(Generic[Node]):
    """Reads a whole text; `atom` is called where an atom begins and takes its words.

    Words are cut when they come next, so a text that breaks the grammar is read up to there.
    """

    def __init__(self, text: str, atom: Callable[[ExpressionParser[Node]], Node]) -> None:
        self.text = text
        self._atom = atom
        self._next = _token_from(text, 0)
        self._last = self._next
        self._depth = 0

    def whole(self) -> Node:
        """The meaning of the whole text."""
        node = self._either()
        if self.next.kind != "end":
            self.fail("expected and, or, or the end")
        return node

    @property
    def next(self) -> Token:
        """The word that comes next; at the end, one of kind `end`."""
        return self._next

    @property
    def last(self) -> Token:
        """The word that was taken last."""
        return self._last

    def take(self) -> Token:
        """The next word, taken; never to be called at the end."""
        self._last = self._next
        self._next = _token_from(self.text, self._last.end)
        return self._last

    def taken(self, *words: str) -> bool:
        """Whether the next word was one of these, and so was taken."""
        here = self.next.kind in {"name", "mark"} and self.next.text in words
        if here:
            self.take()
        return here

    def operand(self, expected: str) -> Token:
        """The next name, number or quotation, taken."""
        token = self.next
        if token.kind in {"mark", "end"} or (token.kind == "name" and token.text in _KEYWORDS):
            self.fail(f"expected {expected}")
        return self.take()

    def expect(self, mark: str) -> None:
        """Takes the mark, which must come next."""
        if not self.taken(mark):
            self.fail(f"expected {mark}")

    def fail(self, why: str, token: Token | None = None) -> NoReturn:
        """Refuses the text at the given word, else at the next one."""
        token = token or self.next
        found = "" if token.kind != "end" else ", found the end"
        _fail(token.start, why + found)

    def _either(self) -> Node:
        parts = [self._both()]
        while self.taken("or", "||"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else self._node(Or(tuple(parts)))

    def _both(self) -> Node:
        parts = [self._negation()]
        while self.taken("and", "&&"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else self._node(And(tuple(parts)))

    def _negation(self) -> Node:
        if self.taken("not", "!"):
            with_part = self._deeper(self._negation)
            return self._node(Not(with_part))
        if not self.taken("("):
            return self._atom(self)
        node = self._deeper(self._either)
        self.expect(")")
        return node

    def _deeper(self, read: Callable[[], Node]) -> Node:
        if self._depth == MAX_DEPTH:
            self.fail(f"more than {MAX_DEPTH} parentheses and negations inside one another")
        self._depth += 1
        node = read()
        self._depth -= 1
        return node

    @staticmethod
    def _node(node: Not[Node] | And[Node] | Or[Node]) -> Node:
        return node  # type: ignore[return-value]  # every Node is a union that holds the three


def _token_from(text: str, at: int) -> Token:
    """The next word at or behind a place, spaces before it skipped."""
    while at < len(text) and text[at].isspace():
        at += 1
    return _token(text, at) if at < len(text) else Token("end", "", at, at)


def _token(text: str, at: int) -> Token:
    first, two = text[at], text[at : at + 2]
    if first in "'\"`":
        return _string(text, at)
    if first.isalpha() or first == "_":
        return _run(text, at, "name", lambda c: c.isalnum() or c in "_-.:")
    if first in _DIGITS or first == "∞" or (first in "+-" and two[1:] in (*_DIGITS, "∞")):
        return _run(text, at, "number", lambda c: c in _DIGITS or c in ".∞")
    if two in _PAIRS:
        return Token("mark", two, at, at + 2)
    if first not in _SINGLES:
        _fail(at, f"{first!r} has no meaning here")
    return Token("mark", first, at, at + 1)


def _run(text: str, at: int, kind: Kind, belongs: Callable[[str], bool]) -> Token:
    end = at + 1
    while end < len(text) and belongs(text[end]):
        end += 1
    return Token(kind, text[at:end], at, end)


def _string(text: str, at: int) -> Token:
    end = text.find(text[at], at + 1)
    if end < 0:
        _fail(at, "the quotation is not closed")
    return Token("string", text[at + 1 : end], at, end + 1)


def _fail(at: int, why: str) -> NoReturn:
    raise ConditionError(f"cannot be read at character {at + 1}: {why}", at + 1)


COMPARISONS: Mapping[str, Callable[[int, int | float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

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


def parse_comparison(left: Token, op: str, right: Token, fields: Collection[str]) -> Compare | None:
    """The comparison of one of the fields with a number, whichever stands first; else None."""
    for name, operation, bound in ((left, op, right.number), (right, _TURNED[op], left.number)):
        if name.kind == "name" and name.text in fields and bound is not None:
            return Compare(name.text, operation, bound)
    return None
