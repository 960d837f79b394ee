"""A genesis made of parts: so many of these terms, so many of those, a function of a seed.

Pure: lines come out, files are others'. The tests of a part may be those of a function on
numerals, written as terms that compare by the usual equality of Church numerals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, Self

from automaton.compute import draws
from automaton.compute.reduction import reduce_batch
from automaton.errors import UsageError, whole_number
from automaton.format.options import generator
from automaton.format.records import dump
from automaton.terms.notation import format_term, parse
from automaton.terms.random_terms import generated

_TRUE, _FALSE = "(λa.λb.a)", "(λa.λb.b)"
_AND = "(λp.λq.p q p)"
_BEFORE = "(λn.λf.λx.n (λg.λh.h (g f)) (λu.x) (λu.u))"
_IS_ZERO = f"(λn.n (λx.{_FALSE}) {_TRUE})"
_AT_MOST = f"(λm.λn.{_IS_ZERO} (n {_BEFORE} m))"
_EQUAL = f"(λm.λn.{_AND} ({_AT_MOST} m n) ({_AT_MOST} n m))"
#: What a test of a function of numerals expects, by the function's name.
EXPECTED = {"successor": lambda n: n + 1}
_MOST_TESTS = 64
_WANTED = {"name", "type", "terms", "tests", "generator", "share", "rest", "drawn"}
MOST_TERMS = 1 << 22


@dataclass(frozen=True)
class Part:
    """Some terms of a genesis, in their order again and again, or each drawn."""

    name: str
    type: str
    terms: tuple[str, ...]  # canonical
    share: str | None  # of all terms, a decimal; None: the rest
    drawn: bool
    generator: str = ""  # of random terms, each drawn; then there are no others

    @property
    def random(self) -> bool:
        """Whether its terms are drawn."""
        return self.drawn or bool(self.generator)

    def term(self, number: int, drawn: draws.DrawnWords | None) -> str:
        """Its term of a number from 0, in de Bruijn notation."""
        if drawn is None:
            return self.terms[number % len(self.terms)]
        found = generator(self.generator) if self.generator else None
        if found is not None:
            return format_term(generated(*found, drawn.below))
        return self.terms[drawn.below(len(self.terms))]

    def count(self, size: int) -> int:
        """How many terms it has of so many."""
        return int(Decimal(self.share or "0") * size)


@dataclass(frozen=True)
class GenesisRecipe:
    """The parts of a genesis of `size` terms, in their order."""

    size: int
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, values: object) -> Self:
        """Read from the values of a TOML table; what cannot be is a `UsageError`."""
        if not isinstance(values, dict) or set(values) - {"size", "parts"}:
            raise UsageError("[genesis] has size and parts, and nothing else")
        size, parts = values.get("size"), values.get("parts")
        if type(size) is not int or not 0 < size <= MOST_TERMS:
            raise UsageError(f"[genesis] size is {size!r}; it is a number of terms")
        if not isinstance(parts, list) or not parts:
            raise UsageError("[genesis] parts is a list of tables, as [[genesis.parts]]")
        found = tuple(map(_part, parts))
        if len({part.name for part in found}) < len(found):
            raise UsageError("[genesis] has two parts of one name")
        if sum(part.share is None for part in found) > 1:
            raise UsageError("[genesis] has two parts with rest = true")
        return cls(size, found)

    def with_shares(self, shares: Mapping[str, Any]) -> GenesisRecipe:
        """The same with other shares, by `<part>.share`."""
        given = {name.rpartition(".")[0]: _share(name, value) for name, value in shares.items()}
        if unknown := sorted(set(given) - {part.name for part in self.parts}):
            raise UsageError(f"[grid] names {unknown[0]}.share, and [genesis] has no such part")
        parts = tuple(replace(p, share=given.get(p.name, p.share)) for p in self.parts)
        made = replace(self, parts=parts)
        if sum(part.count(self.size) for part in parts) > self.size:
            raise UsageError(f"the shares {shares} add up to more than 1")
        return made

    def lines(self, seed: int) -> Iterator[bytes]:
        """The lines of a genesis under a seed; draws are those of `init --random`."""
        rest = self.size - sum(part.count(self.size) for part in self.parts)
        number = 0
        for part in self.parts:
            for k in range(rest if part.share is None else part.count(self.size)):
                number += 1
                drawn = draws.DrawnWords((seed, number, 0), draws.SOUP) if part.random else None
                term = part.term(k, drawn)
                yield dump({"id": f"t{number}", "type": part.type, "term": term}) + b"\n"


def _part(values: object) -> Part:
    if not isinstance(values, dict) or set(values) - _WANTED:
        raise UsageError(f"a part of [genesis] has {', '.join(sorted(_WANTED))}, and nothing else")
    name = values.get("name")
    if not isinstance(name, str) or not name.isidentifier():
        raise UsageError(f"a part of [genesis] is named {name!r}; give a word")
    terms = values.get("terms", [])
    if not isinstance(terms, list) or not all(isinstance(text, str) for text in terms):
        raise UsageError(f"the part {name} has terms that are no list of texts")
    texts = [format_term(parse(text)) for text in terms]
    tests = values.get("tests")
    if tests is not None:
        texts += numeral_tests(name, tests)
    source = str(values.get("generator", ""))
    if source and generator(source) is None:
        raise UsageError(f"the part {name} has generator = {source!r}; give one, as tree:20")
    if bool(texts) == bool(source):
        raise UsageError(
            f"the part {name} has no terms, or two kinds; give terms = [...], tests or generator"
        )
    rest = values.get("rest", False) is True
    share = None if rest else _share(f"{name}.share", values.get("share", "0"))
    kind = values.get("type", "amplifier" if tests is not None else "term")
    return Part(name, str(kind), tuple(texts), share, values.get("drawn", False) is True, source)


def _share(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UsageError(f"{name} is {value!r}; it is a number from 0 to 1")
    try:
        share = Decimal(str(value))
        whole = 0 <= share <= 1  # not a number cannot be compared
    except ArithmeticError:
        whole = False
    if not whole:
        raise UsageError(f"{name} is {value!r}; it is a number from 0 to 1")
    return str(share)


def numeral_tests(name: str, wanted: object) -> list[str]:
    """Tests `f(a) = b` for each a below a number, `function:number`, as terms of f."""
    function, _, number = str(wanted).partition(":")
    if function not in EXPECTED or not 0 < (whole_number(number) or 0) <= _MOST_TESTS:
        raise UsageError(
            f"the part {name} has tests = {wanted!r}; give one of "
            f"{', '.join(EXPECTED)} and how many, as successor:20"
        )
    return list(_tests(function, int(number)))


@cache
def _tests(function: str, number: int) -> tuple[str, ...]:
    texts = [
        f"λt.{_EQUAL} (t {_numeral(a)}) {_numeral(EXPECTED[function](a))}" for a in range(number)
    ]
    found = reduce_batch([parse(text) for text in texts], 100_000, 1 << 16, 1 << 12)
    forms = [found.words(k) for k in range(number)]
    return tuple(format_term(form) for form in forms if form is not None)


def _numeral(n: int) -> str:
    return f"(λf.λx.{'f (' * n}x{')' * n})"
