"""Selectors that are looked at again only where something changed answer as by looking at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.population import MODIFICATION, Entrants, Population, place_draws, selection
from automaton.population import population as module
from automaton.population.selection import Selections
from automaton.program import NamedTerm, selectors
from automaton.terms import encodings, notation
from kernels import philox

SELECTORS = [
    selectors.parse_checked(text)
    for text in ("numeral", "size < 4", "term ~ 'λλ?x' and not numeral", "duplicate", "steps > 0")
]
TEXTS = ["λx.x", "λx.λy.x", "λf.λx.f x", "λf.λx.f (f x)", "λx.λy.λz.x z (y z)"]


def entering(tick: int, texts: list[str]) -> Entrants:
    """Winners with these terms."""
    terms = [notation.parse(text) for text in texts]
    sizes = np.array([len(words) for words in terms], np.int32)
    starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    slots = np.arange(len(terms))
    draws = place_draws(1, tick, philox.PLACE, slots)
    steps = np.array([k % 2 for k in range(len(terms))], np.int32)
    return Entrants(slots, slots, np.concatenate(terms), starts, sizes, steps, draws)


@settings(max_examples=60, deadline=None)
@given(
    ticks=st.lists(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=6), max_size=6),
    drops=st.lists(st.integers(0, 11), max_size=3),
    asked=st.lists(st.booleans(), min_size=6, max_size=6),
    kept=st.integers(1, 4),
)
def test_answers_are_those_of_a_look_at_the_whole_population(
    ticks: list[list[str]], drops: list[int], asked: list[bool], kept: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "KEPT_CHANGES", kept)
        population = Population(16)
    names = [b"t%d" % k for k in range(12)]
    population.fill(NamedTerm(name, encodings.IDENTITY, "term") for name in names)
    looked, rules = Selections(population), Selections(population)
    for tick, texts in enumerate(ticks, 1):
        population.enter(tick, entering(tick, texts), 0, MODIFICATION)
        if tick <= len(drops):
            population.drop([names[drops[tick - 1]]])
        if asked[tick - 1]:
            check(population, looked)
        assert rules.first_match(TABLES[0]).tolist() == fresh(population, TABLES[0])
    check(population, looked)


def fresh(population: Population, table: list[selection.Row]) -> list[int]:
    """What `first_match` gives who looks for the first time."""
    found: list[int] = Selections(population).first_match(table).tolist()
    return found


TABLES = [
    [(SELECTORS[1], 40), (SELECTORS[2], 41), (SELECTORS[0], 42)],
    [(SELECTORS[4], 43), (SELECTORS[3], 44)],  # of which one looks at other places too
]


def check(population: Population, looked: Selections) -> None:
    """Every selector, asked twice, gives what is so; of a table the first one that matches."""
    for selector in SELECTORS * 2:
        expected: Any = selection.select(population, selector)
        assert looked.select(selector).tolist() == expected.tolist()
    for table in (TABLES[0], *TABLES, *TABLES):
        first = np.full(population.max_objects, -1)
        for selector, number in reversed(table):
            first[selection.select(population, selector)] = number
        assert looked.first_match(table).tolist() == first.tolist()
