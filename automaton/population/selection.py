"""Selectors over the population: which places may be reactants this tick.

Parsed once, evaluated over all live places in one batch a tick. Knows columns
and patterns; what a selector is for, and what the log says, others know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from automaton.population.entrants import NO_PLACES
from automaton.population.population import Population
from automaton.program import grammar, selectors
from automaton.terms import notation
from automaton.terms.arrays import Places, Truth, Words
from kernels import cpu
from kernels.terms import census, packed
from kernels.terms import match as kernels_match

#: Selectors whose answers are kept; a log's automata and rules have a few each.
MOST_KEPT = 256
#: A selector, and the number of what is chosen where it matches.
Row = tuple[selectors.Selector, int]
#: What takes rows out of a column.
Index = Places | slice


class Matcher:
    """Looks at the terms themselves, on this processor; a device may do so elsewhere."""

    def numerals(self, population: TermColumns, rows: Places) -> Truth:
        """Which rows are Church numerals."""
        column = population.column
        found = np.empty(len(rows), dtype=np.bool_)
        cpu.compiled(kernels_match.match_numerals)(
            population.code, column["start"], column["size"], rows, found
        )
        return found

    def terms(self, population: TermColumns, rows: Places, pattern: Words, metas: int) -> Truth:
        """Which rows match a pattern whose metavariables are numbered below `metas`."""
        bound = np.empty((2, metas), dtype=np.int64)
        found = np.empty(len(rows), dtype=np.bool_)
        cpu.compiled(kernels_match.match_terms)(
            pattern, population.code, population.column["start"], rows, found, bound[0], bound[1]
        )
        return found


ON_CPU = Matcher()


class TermColumns(Protocol):
    """Terms as columns: a population, or the candidates of a batch."""

    code: Words
    kinds: list[str]
    column: dict[str, npt.NDArray[Any]]

    def duplicates(self, rows: Places) -> Truth:
        """Which rows hold a term that is known already."""


def select(
    population: Population, selector: selectors.Selector | None, matcher: Matcher = ON_CPU
) -> Places:
    """The live places that a selector (None: every term) matches, ascending."""
    rows = population.choices()
    if selector is None or len(rows) < population.max_objects:
        return chosen(population, rows, selector, matcher)
    return rows[_truth(population, rows, selector, matcher, slice(len(rows)))]


def chosen(
    terms: TermColumns, rows: Places, selector: selectors.Selector | None, matcher: Matcher = ON_CPU
) -> Places:
    """Those of some rows that a selector (None: every term) matches, in their order."""
    if selector is None:
        return rows
    return rows[_truth(terms, rows, selector, matcher, rows)]


def _truth(
    terms: TermColumns, rows: Places, selector: selectors.Selector, matcher: Matcher,
    index: Index,
) -> Truth:  # fmt: skip
    """Which rows match; `index` takes them out of a column, by a slice where it can."""
    return selectors.evaluate(selector, partial(_leaf, terms, rows, matcher, index))


class Selections:
    """What selectors match in a population, looked at again only where it changed."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._kept: dict[selectors.Selector, _Answer] = {}
        self._choice = _Choice()

    def select(self, selector: selectors.Selector, matcher: Matcher = ON_CPU) -> Places:
        """The live places that a selector matches, ascending; not to be changed."""
        population = self._population
        kept = self._kept.get(selector)
        if kept is None:
            if selectors.asks_others(selector):
                return select(population, selector, matcher)
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = self._kept[selector] = _Answer()
        changed = self._changed_since(kept.changes)
        if kept.places is not None and changed is not None:
            if len(changed):
                kept.renew(population, selector, matcher, changed)
            return kept.places
        kept.changes, kept.truth = population.changes, None
        kept.places = select(population, selector, matcher)
        return kept.places

    def first_match(self, table: Sequence[Row], matcher: Matcher = ON_CPU) -> Places:
        """By place: the number beside the first selector of a table that matches, else -1.

        Not to be changed. Looks again only where the population changed, as `select` does.
        """
        population, kept = self._population, self._choice
        changed = self._changed_since(kept.changes) if kept.table == table else None
        kept.changes, kept.table = population.changes, [*table]
        if changed is None or any(selectors.asks_others(selector) for selector, _ in table):
            kept.numbers = np.full(population.max_objects, -1, dtype=np.int32)
            for selector, number in reversed(table):
                kept.numbers[select(population, selector, matcher)] = number
        elif len(changed):
            kept.numbers[changed] = -1
            changed = changed[population.column["live"][changed]]
            for selector, number in reversed(table):
                kept.numbers[chosen(population, changed, selector, matcher)] = number
        return kept.numbers

    def _changed_since(self, changes: int) -> Places | None:
        """The places that changed since, some perhaps twice; None: better look at all."""
        changed = self._population.changed_since(changes)
        if changed is None:
            return None
        if 2 * sum(map(len, changed)) > len(self._population):
            return None
        return changed[0] if len(changed) == 1 else np.concatenate([NO_PLACES, *changed])


@dataclass
class _Choice:
    """What the selectors of a table chose after so many changes of the population."""

    changes: int = 0
    table: list[Row] = field(default_factory=list)
    numbers: Places = field(default_factory=lambda: NO_PLACES)


@dataclass
class _Answer:
    """What a selector matched after so many changes of the population."""

    changes: int = 0
    places: Places | None = None
    truth: Truth | None = None  # the same by place, once it is needed

    def renew(
        self, population: Population, selector: selectors.Selector, matcher: Matcher,
        rows: Places,
    ) -> None:  # fmt: skip
        """Look again at the places that changed."""
        if self.truth is None:
            self.truth = np.zeros(population.max_objects, np.bool_)
            self.truth[self.places] = True
        self.truth[rows] = False
        live = rows[population.column["live"][rows]]
        self.truth[chosen(population, live, selector, matcher)] = True
        found = np.empty(len(self.truth) + 1, dtype=np.int32)
        count = cpu.compiled(census.marked_rows)(self.truth, found)
        self.changes, self.places = population.changes, found[:count]


def _leaf(  # noqa: PLR0911 - one a leaf
    population: TermColumns, rows: Places, matcher: Matcher, index: Index, leaf: selectors.Leaf
) -> Truth:
    """One truth value a row for an atom of a selector."""
    column = population.column
    match leaf:
        case grammar.Const(value):
            return np.full(len(rows), value)
        case selectors.Numeral():
            known = column.get("value")  # of a population; candidates are looked at
            return matcher.numerals(population, rows) if known is None else known[index] >= 0
        case selectors.Duplicate():
            return population.duplicates(rows)
        case selectors.Matches(text):
            return matcher.terms(population, rows, *_pattern(text))
        case grammar.Compare(field, op, value):
            compare = grammar.COMPARISONS[op]
            values: Any = _field(population, field)[index]
            return np.asarray(compare(values, value), dtype=np.bool_)
        case selectors.Member("type", values):
            codes = [number for number, kind in enumerate(population.kinds) if kind in values]
            return np.isin(column["kind"][index], codes)
        case selectors.Member(field, values):
            return np.isin(_field(population, field)[index], values)


def _field(population: TermColumns, field: str) -> npt.NDArray[np.int32]:
    return population.column[field]


@lru_cache(maxsize=256)
def _pattern(text: str) -> tuple[Words, int]:
    """A pattern's packed form, read once, and how many numbers its metavariables have."""
    pattern = notation.parse(text, pattern=True)
    metas = pattern[pattern & 3 == packed.META] >> 2
    return pattern, int(metas.max()) + 1 if len(metas) else 0


def forget_patterns() -> None:
    """Patterns are read again when they are needed."""
    _pattern.cache_clear()
