"""Patterns, numerals and questions about winners, against matching on nested tuples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import closed_terms, open_terms, patterns
from targets import FORMS, Array, fenced, intact, joined

from automaton.terms import encodings, unification
from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import APP, LAM, META, linked
from kernels.chemistry import winner_queries
from kernels.terms import match, packed, unify

PROPERTY = settings(deadline=None)
METAVARIABLES = 3


def nested(words: Words, at: int = 0) -> tuple[Any, ...]:
    """A term as nested tuples."""
    word = int(words[at])
    if word & 3 == APP:
        return "app", nested(words, at + 1), nested(words, at + (word >> 2))
    return ("lam", nested(words, at + 1)) if word == LAM else ("leaf", word)


def fits(pattern: tuple[Any, ...], term: tuple[Any, ...], bound: dict[int, Any]) -> bool:
    """Whether a pattern matches a term; each metavariable stands for one term throughout."""
    if pattern[0] == "leaf":
        word = pattern[1]
        return bound.setdefault(word, term) == term if word & 3 == META else pattern == term
    return pattern[0] == term[0] and all(
        fits(part, piece, bound) for part, piece in zip(pattern[1:], term[1:], strict=True)
    )


def matched(pattern: Words, batch: list[Words], form: str = "compiled") -> list[bool]:
    """Which terms match, in arrays of exactly the lengths that are stated; rows come backwards."""
    code, starts, _ = joined(batch)
    rows = np.arange(len(batch), dtype=np.int32)[::-1].copy()
    found = fenced(len(batch), np.bool_)
    bounds = fenced(METAVARIABLES, np.int64), fenced(METAVARIABLES, np.int64)
    FORMS[form](match.match_terms)(pattern, code, starts, rows, found, *bounds)
    assert intact(found, *bounds)
    return [bool(one) for one in found[::-1]]


@st.composite
def instances(draw: st.DrawFn) -> tuple[Words, Words]:
    """A pattern, and a term that is the pattern with terms for metavariables, now and then two."""
    pattern = draw(patterns(METAVARIABLES, 20))
    choices = [draw(st.lists(open_terms(2, 6), min_size=1, max_size=2)) for _ in range(3)]
    words: list[int] = []
    for word in pattern.tolist():
        stands_for = [word]
        if word & 3 == META:
            stands_for = draw(st.sampled_from(choices[word >> 2])).tolist()
        words += [APP if each & 3 == APP else each for each in stands_for]
    return pattern, linked(words)


@settings(PROPERTY, max_examples=300)
@given(instances(), patterns(METAVARIABLES, 8), closed_terms())
def test_a_pattern_matches_where_the_nested_tuples_fit(
    instance: tuple[Words, Words], other: Words, term: Words
) -> None:
    batch = [instance[1], term, encodings.IDENTITY]
    for pattern in (instance[0], other):
        expected = [fits(nested(pattern), nested(each), {}) for each in batch]
        for form in FORMS:
            assert matched(pattern, batch, form) == expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("pattern", "term", "answer"),
    [
        ("?f", "λx.x", True),
        ("λx.?f x", "λx.x x", True),
        ("λx.?f ?f", "λx.x x", True),
        ("λx.?f ?f", "λx.(λy.x y) (λy.x y)", True),
        ("λx.?f ?f", "λx.(λy.x y) (λy.y x)", False),
        ("λx.?f ?g", "λx.(λy.x y) (λy.y x)", True),
        ("λx.?f (?g ?f)", "λx.x (x (x x))", False),
        ("λx.?f (?g ?f)", "λx.x x (x (x x))", True),
        ("λx.x", "λx.λy.x", False),
        ("λx.λy.x", "λx.λy.y", False),
        ("λx.λy.?f", "λx.x", False),
        ("λx.?f ?g", "λx.λy.y", False),
        ("?f ?g", "λx.x x", False),  # at the root only
    ],
)
def test_known_matches(form: str, pattern: str, term: str, answer: bool) -> None:
    assert matched(parse(pattern, pattern=True), [parse(term)], form) == [answer]


@PROPERTY
@given(st.lists(closed_terms(12) | st.integers(0, 20).map(encodings.numeral), max_size=6))
def test_numerals_are_found_and_nothing_else(batch: list[Words]) -> None:
    code, starts, sizes = joined(batch)
    values = [encodings.numeral_value(term) for term in batch]
    for form in FORMS.values():
        found = fenced(len(batch), np.bool_)
        rows = np.arange(len(batch), dtype=np.int32)
        form(match.match_numerals)(code, starts, sizes, rows, found)
        assert intact(found)
        assert found.tolist() == [value is not None for value in values]
        for at, size, value in zip(starts, sizes, values, strict=True):
            assert form(packed.numeral_of)(code, at, size) == (-1 if value is None else value)


@pytest.mark.parametrize(
    "text", ["λf.f", "λf.λx.f", "λf.λx.x f", "λf.λx.f x x", "λf.λx.f (x x)", "λf.λx.f (f f)",
             "λf.λx.λy.f x", "λf.λx.f (λy.x)", "λf.λx.f x (f x)", "λf.λx.(λy.f x) x"]
)  # fmt: skip
def test_near_numerals_are_none(text: str) -> None:
    words = parse(text)
    for form in FORMS.values():
        assert form(packed.numeral_of)(words, 0, len(words)) == -1
        padded = np.concatenate([words, encodings.numeral(3)])
        assert form(packed.numeral_of)(padded, len(words), 9) == 3


@PROPERTY
@given(open_terms())
def test_the_end_of_a_subterm_is_that_of_the_nested_tuples(term: Words) -> None:
    def nodes(tree: tuple[Any, ...]) -> int:
        return 1 + sum(nodes(part) for part in tree[1:] if isinstance(part, tuple))

    for form in FORMS.values():
        for at in range(len(term)):
            assert form(match.subterm_end)(term, at) == at + nodes(nested(term, at))


@PROPERTY
@given(open_terms())
def test_a_term_is_normal_where_no_function_is_a_lambda(term: Words) -> None:
    def normal(tree: tuple[Any, ...]) -> bool:
        if tree[0] == "app" and tree[1][0] == "lam":
            return False
        return all(normal(part) for part in tree[1:] if isinstance(part, tuple))

    padded = np.concatenate([parse("(λx.x) (λx.x)"), term, parse("λx.x")])
    for form in FORMS.values():
        assert bool(form(packed.is_normal)(padded, 5, len(term))) == normal(nested(term))


@PROPERTY
@given(
    st.lists(closed_terms(8) | st.integers(0, 3).map(encodings.numeral), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4
    ),
)
def test_what_is_asked_of_winners_is_true_where_it_is_of_some(
    batch: list[Words], slots: list[tuple[bool, int, int]]
) -> None:
    count = len(batch)
    pairs = [(batch[a % count], batch[b % count]) for won, a, b in slots if won]
    numeric = any(all(encodings.numeral_value(one) is not None for one in pair) for pair in pairs)
    unifiable = any(unification.unifiable(*pair) for pair in pairs)
    a, b = (np.array([slot[k] % count for slot in slots], np.int32) for k in (1, 2))
    won = np.array([slot[0] for slot in slots], np.uint8)
    columns: tuple[Array, ...] = (*joined(batch), a, b, won)
    for form in FORMS.values():
        assert form(winner_queries.some_numeric)(*columns, len(slots)) == numeric
        work = fenced(2 * unify.ROOM * max(map(len, batch)))
        assert form(winner_queries.some_unifiable)(*columns, len(slots), work) == unifiable
        assert intact(work)
