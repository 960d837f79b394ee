"""What a synthesis is asked for: the grammar of problems, and values as Church encodings.

Pure: text in, packed terms out. Knows no log, no search and no kernel. A text that
breaks the grammar is a `ProblemError` that names the position (docs/synthesis.md).

    problem = [name ":"] ( pairs | pattern ) | name
    pairs   = pair { ";" pair }
    pair    = value { "," value } "->" value
    value   = number | "true" | "false" | "(" value "," value ")" | "[" [value {"," value}] "]"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from automaton.errors import TermError, UsageError
from automaton.terms import encodings, notation, packed
from automaton.terms.arrays import Words
from automaton.terms.packed import META

#: A number, a boolean, a pair (a tuple of two) or a list.
Value: TypeAlias = Any

#: The largest number, most values inside one another, pairs of a problem, nodes of a value.
MAX_NUMBER, MAX_NESTING, MAX_PAIRS, MAX_NODES, MAX_INPUTS = 1000, 16, 256, 4096, 8
#: Of the pairs given, one in so many is held back, where there are enough.
HELD_BACK, ENOUGH = 3, 4
_OPENING = {"(": ")", "[": "]"}
_WORDS = {"true": True, "false": False}
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


class ProblemError(UsageError):
    """A problem that cannot be read; `position` counts characters from 1."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class Pair:
    """Inputs and the output that is wanted; `at`: the character where it begins, from 1."""

    inputs: tuple[Value, ...]
    output: Value
    at: int = 1

    def __str__(self) -> str:
        return f"{', '.join(map(shown, self.inputs))} -> {shown(self.output)}"


@dataclass(frozen=True)
class Problem:
    """What solutions satisfy: pairs, or a pattern that their normal forms match."""

    name: str
    pairs: tuple[Pair, ...] = ()
    held_back: tuple[Pair, ...] = ()
    pattern: Words | None = None
    meaning: str = ""  # of a named one
    note: str = ""  # what is to be said of the pairs held back

    @property
    def arity(self) -> int:
        """How many inputs a solution is applied to."""
        return len(self.pairs[0].inputs) if self.pairs else 0

    @property
    def lambdas(self) -> int:
        """Lambdas that the outputs begin with: one for a pair, two for all else."""
        return (1 if isinstance(self.pairs[0].output, tuple) else 2) if self.pairs else 0


def shown(value: Value) -> str:
    """A value as the grammar has it."""
    text = str(value)
    return text.replace("True", "true").replace("False", "false")


def encoded(value: Value) -> Words:
    """The Church encoding: numeral, boolean, λf.f a b, or the list's right fold λc.λn."""
    todo: list[tuple[Value, bool]] = [(value, False)]
    done: list[Words] = []
    while todo:
        item, ready = todo.pop()
        if isinstance(item, bool):
            done.append(encodings.TRUE if item else encodings.FALSE)
        elif isinstance(item, int):
            done.append(encodings.numeral(item))
        elif not ready:
            todo.append((item, True))
            todo += ((part, False) for part in reversed(item))
        else:
            parts = done[len(done) - len(item) :]
            del done[len(done) - len(item) :]
            done.append(encodings.pair(*parts) if isinstance(item, tuple) else _list(parts))
    return done[0]


def _list(parts: list[Words]) -> Words:
    """λc.λn.c first (c second (... n)) of closed terms."""
    body = packed.var(0)
    for part in reversed(parts):
        body = packed.apply(packed.apply(packed.var(1), part), body)
    return packed.lam(packed.lam(body))


def read(text: str) -> tuple[str, list[Pair], Words | None]:
    """The name, the pairs and the pattern of a problem's text; any of them may be missing."""
    name, begin = _named(text)
    rest = text[begin:]
    if not rest.strip():
        if not name:
            _refuse(0, "nothing is asked for; give pairs such as 2,3->5, a pattern, or a name")
        return name, [], None
    if "->" in rest:
        return name, _Reader(text, begin).pairs(), None
    if any(mark in rest for mark in "λ\\?"):
        return name, [], _pattern(text, begin)
    if not name and all(c in _NAME for c in rest.strip()):
        return rest.strip(), [], None
    return name, _Reader(text, begin).pairs(), None


def of_pairs(name: str, pairs: list[Pair]) -> Problem:
    """The problem of given pairs: some are held back where there are enough."""
    if len(pairs) < ENOUGH:
        note = (
            f"{len(pairs)} pair{'s are' if len(pairs) > 1 else ' is'} too few to hold one back: "
            f"solutions are checked on no others; give {ENOUGH} or more"
        )
        return Problem(name or "pairs", tuple(pairs), note=note)
    held = tuple(pairs[HELD_BACK - 1 :: HELD_BACK])
    kept = tuple(pair for k, pair in enumerate(pairs) if k % HELD_BACK != HELD_BACK - 1)
    note = f"{len(held)} of the {len(pairs)} pairs given are held back"
    return Problem(name or "pairs", kept, held, note=note)


def _named(text: str) -> tuple[str, int]:
    """The name before a colon, and where the rest begins."""
    head, colon, _ = text.partition(":")
    name = head.strip()
    if colon and name and all(c in _NAME for c in name):
        return name, len(head) + 1
    return "", 0


def _pattern(text: str, begin: int) -> Words:
    """The pattern of a term (docs/cli.md, `match`)."""
    try:
        words = notation.parse(text[begin:], pattern=True)
    except TermError as error:
        at = (error.position or 1) + begin
        reason = str(error).partition(": ")[2].partition(": ")[2] or str(error)
        raise ProblemError(f"cannot read the problem: character {at}: {reason}", at) from None
    if words[0] & 3 == META:
        _refuse(begin, "every term is of this form; say more than a metavariable")
    return words


def _refuse(at: int, reason: str) -> NoReturn:
    raise ProblemError(f"cannot read the problem: character {at + 1}: {reason}", at + 1)


def refuse_pair(pair: Pair, reason: str) -> NoReturn:
    """Refuse a problem for one of its pairs."""
    _refuse(pair.at - 1, reason)


class _Reader:
    """Reads pairs, one after another, without recursion."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self._at = at

    def pairs(self) -> list[Pair]:
        """All pairs to the end of the text; equally many inputs in each, none twice."""
        found: list[Pair] = []
        while self._peek():
            pair = self._pair()
            if found and len(pair.inputs) != len(found[0].inputs):
                count = len(found[0].inputs)
                refuse_pair(pair, f"{len(pair.inputs)} inputs here, {count} in the first pair")
            twin = next((p for p in found if repr(p.inputs) == repr(pair.inputs)), None)
            if twin is not None:
                refuse_pair(pair, f"the inputs of the pair at character {twin.at} again")
            found.append(pair)
            if len(found) > MAX_PAIRS:
                refuse_pair(pair, f"more than {MAX_PAIRS} pairs")
            if self._peek() and not self._taken(";"):
                _refuse(self._at, "expected ; or the end")
        if not found:
            _refuse(self._at, "expected a pair such as 2,3->5")
        return found

    def _pair(self) -> Pair:
        begin = self._at
        inputs = [self.value()]
        while self._taken(","):
            inputs.append(self.value())
        self._peek()
        if len(inputs) > MAX_INPUTS:
            _refuse(begin, f"more than {MAX_INPUTS} inputs")
        if not self._taken("->"):
            _refuse(self._at, "expected , or ->")
        return Pair(tuple(inputs), self.value(), begin + 1)

    def value(self) -> Value:
        """The next value; of nested ones, an open bracket's parts wait on a stack."""
        open_: list[tuple[str, int, list[Value]]] = []
        begin = self._at
        while True:
            char = self._peek()
            if char in _OPENING:
                if len(open_) == MAX_NESTING:
                    _refuse(self._at, f"more than {MAX_NESTING} values inside one another")
                open_.append((char, self._at, []))
                self._at += 1
                if char == "(" or self._peek() != "]":
                    continue
                done: Value = self._closed(open_)
            else:
                done = self._atom()
            while open_:
                open_[-1][2].append(done)
                if self._taken(","):
                    break
                done = self._closed(open_)
            else:
                if len(encoded(done)) > MAX_NODES:
                    _refuse(begin, f"the value has more than {MAX_NODES} nodes")
                return done

    def _closed(self, open_: list[tuple[str, int, list[Value]]]) -> Value:
        """The value of the last open bracket, which must close here."""
        bracket, at, parts = open_.pop()
        self._peek()
        if not self._taken(_OPENING[bracket]):
            _refuse(self._at, f"expected , or {_OPENING[bracket]}")
        if bracket == "(" and len(parts) != 2:
            _refuse(at, f"a pair has two values, not {len(parts)}")
        return tuple(parts) if bracket == "(" else parts

    def _atom(self) -> Value:
        begin = self._at
        while self._at < len(self._text) and self._text[self._at] in _NAME:
            if self._text.startswith("->", self._at):
                break
            self._at += 1
        word = self._text[begin : self._at]
        if word in _WORDS:
            return _WORDS[word]
        if not word.isdecimal():
            found = f"{word!r} is no value" if word else "expected a value"
            _refuse(begin, f"{found}: a number, true, false, (a,b) or [a,b,...]")
        if len(word) > 6 or int(word) > MAX_NUMBER:
            _refuse(begin, f"numbers go up to {MAX_NUMBER}")
        return int(word)

    def _peek(self) -> str:
        """The next character that is no space; none at the end."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _taken(self, mark: str) -> bool:
        self._peek()
        found = self._text.startswith(mark, self._at)
        self._at += len(mark) * found
        return found
