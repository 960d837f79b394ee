"""Catalysts: what a cycle begins from, and which terms of a branch that means.

A term, an object, a pattern, a dimension, or nothing (a live term is drawn). Found
once for all cycles that share it. Pure; must not know seeds or stages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automaton.compute.matching import bind
from automaton.cycles.frozen_population import FrozenPopulation, Operator
from automaton.errors import TermError, UsageError, closest
from automaton.format.json_edit import quote
from automaton.terms import notation
from automaton.terms.arrays import Places, Words
from automaton.terms.packed import is_closed

KINDS = ("term", "object", "pattern", "dimension")
#: Stands for no catalyst: each cycle draws a live term.
ANY = "any"


@dataclass(frozen=True)
class Catalyst:
    """Its kind and what is said of it."""

    kind: str
    text: str = ""

    def __str__(self) -> str:
        return self.kind if self.kind == ANY else f"{self.kind}:{self.text}"

    @classmethod
    def of(cls, text: str | None) -> Catalyst:
        """The catalyst of a person's words: `kind:text`, or a text that says its kind itself.

        With a lambda it is a term, with a metavariable too a pattern, a number is a
        dimension, anything else an object's id.
        """
        if text is None or text == ANY:
            return cls(ANY)
        kind, mark, rest = text.partition(":")
        if mark and kind in KINDS:
            return cls(kind, rest)
        if "?" in text:
            return cls("pattern", text)
        if "λ" in text or "\\" in text:
            return cls("term", text)
        return cls("dimension" if text.lstrip("-").isdecimal() else "object", text)


@dataclass(frozen=True)
class CatalystMatches:
    """What a catalyst means in a branch: rows of a (or one term), rows of b, operators."""

    a: Places
    b: Places
    operators: tuple[Operator, ...]
    term: Words | None = None
    ordered: bool = False  # the catalyst is always a, as the dimension's selectors want


def matches(branch: FrozenPopulation, catalyst: Catalyst) -> CatalystMatches:
    """Find it; raises a `UsageError` that says what is wrong with the catalyst."""
    every = np.arange(len(branch), dtype=np.int32)
    if catalyst.kind == "dimension":
        return _dimension(branch, catalyst.text)
    if catalyst.kind == "term":
        return CatalystMatches(every[:0], every, branch.operators, _closed(catalyst.text))
    rows = every
    if catalyst.kind == "pattern":
        rows = every[bind(catalyst.text, branch.code, branch.start, branch.size)[0]]
    elif catalyst.kind == "object":
        rows = every[_named(branch, catalyst.text)]
    if not len(rows):
        raise UsageError(_nothing(branch, catalyst))
    return CatalystMatches(rows, every, branch.operators)


def _closed(text: str) -> Words:
    words = notation.parse(text)
    if not is_closed(words):
        raise TermError(f"--catalyst: {text!r} has free variables; bind them (λx. ...)")
    return words


def _named(branch: FrozenPopulation, identity: str) -> list[int]:
    """The rows of an object: its id, or id#1, id#2, ... of the terms in its text."""
    name = quote(identity)[1:-1].decode()
    return [
        row for row, own in enumerate(branch.names)
        if own == name or (own.startswith(f"{name}#") and own[len(name) + 1 :].isdecimal())
    ]  # fmt: skip


def _dimension(branch: FrozenPopulation, text: str) -> CatalystMatches:
    found = [k for k, one in enumerate(branch.operators) if str(one.level) == text]
    if not found:
        levels = ", ".join(sorted({str(one.level) for one in branch.operators}))
        raise UsageError(f"--catalyst: no automaton has dimension {text} (there are {levels})")
    a, b = branch.selected(found[0])
    if not len(a) or not len(b):
        raise UsageError(f"--catalyst: the selectors of dimension {text} match no live term")
    return CatalystMatches(a, b, (branch.operators[found[0]],), ordered=True)


def _nothing(branch: FrozenPopulation, catalyst: Catalyst) -> str:
    if catalyst.kind == "object":
        hint = closest(catalyst.text, branch.names)
        return f"--catalyst: no live term comes from an object {catalyst.text!r}{hint}"
    return f"--catalyst: no live term is of the form {catalyst.text!r}; try a wider pattern"
