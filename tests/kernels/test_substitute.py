"""Literal substitution on arrays, against the textbook on trees and against the machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reductions import OMEGA, Answer, Budget, all_closed, lively_terms, reduced
from strategies import open_terms
from targets import FORMS, fenced, intact

from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.reference import reduce
from kernels.terms import substitute

PROPERTY = settings(deadline=None)
NAMES = {substitute.NORMAL: "normal", substitute.STEPS: "steps", substitute.NODES: "nodes"}


def by_substitution(term: Words, steps: int, limit: int, form: str = "compiled") -> Answer:
    """The kernel's answer, in arrays of exactly the lengths that it states."""
    buffers = [fenced(length) for length in (2 * limit, 2 * limit, limit, limit)]
    buffers[0][: len(term)] = term
    outcome, made, size = FORMS[form](substitute.substitute)(
        buffers[0], len(term), steps, limit, *buffers[1:]
    )
    assert intact(*buffers)
    found = buffers[0][:size].tolist() if outcome == substitute.NORMAL else None
    return Answer(NAMES[outcome], made, found)


def agree(term: Words, steps: int, limit: int) -> None:
    """Both forms give the textbook's answer, and the machine's where both finish."""
    found = by_substitution(term, steps, limit)
    assert by_substitution(term, steps, limit, "python") == found
    textbook = reduce(term, steps, 1 << 20, 1 << 20, limit)
    words = None if textbook.words is None else textbook.words.tolist()
    assert found == Answer(textbook.outcome, textbook.steps, words)
    [answer] = reduced([term], Budget(steps, limit, limit), [8])
    if found.outcome == "nodes":  # a larger term on the way: the machine gets at least as far
        assert answer[1] >= found.steps
    else:
        assert answer == found


@settings(PROPERTY, max_examples=200)
@given(lively_terms() | open_terms(free=8), st.integers(0, 30), st.integers(0, 200))
def test_substitution_on_arrays_equals_the_textbook_and_the_machine(
    term: Words, steps: int, more: int
) -> None:
    agree(term, steps, len(term) + more)


def test_all_terms_of_18_bits_reduce_by_substitution_as_by_the_machine() -> None:
    for term in all_closed(18):
        found = by_substitution(term, 60, 3000)
        assert found.outcome != "nodes"
        assert reduced([term], Budget(60, 3000, 3000)) == [found]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("text", "steps", "limit", "answer"),
    [
        (OMEGA, 0, 9, ("steps", 0, None)),
        (OMEGA, 25, 9, ("steps", 25, None)),
        ("(λx.x x x) (λx.x x x)", 9, 13, ("nodes", 0, None)),
        ("(λx.x x x) (λx.x x x)", 9, 19, ("nodes", 0, None)),
        ("(λx.x x x) (λx.x x x)", 9, 20, ("nodes", 1, None)),
        ("(λx.λy.y) (λz.z z)", 9, 8, ("normal", 1, parse("λy.y").tolist())),
        ("λx.(λy.λx.y) x", 9, 6, ("normal", 1, parse("λx.λz.x").tolist())),
    ],
)
def test_known_answers(
    form: str, text: str, steps: int, limit: int, answer: Sequence[object]
) -> None:
    assert by_substitution(parse(text), steps, limit, form) == answer


@pytest.mark.parametrize("form", FORMS)
def test_the_buffers_are_long_enough_where_every_node_is_the_argument(form: str) -> None:
    argument = "(λy." + "y " * 20 + ")"
    term = parse("(λx." + "x " * 20 + f") {argument}")
    for limit in range(len(term), 400, 7):
        assert by_substitution(term, 1, limit, form).steps <= 1


@PROPERTY
@given(open_terms(free=3))
def test_the_end_of_a_subterm_is_found_without_offsets(term: Words) -> None:
    bare = np.where(term & 3 == 2, 2, term).astype(np.int32)
    for form in FORMS.values():
        assert form(substitute.span_end)(bare, 0) == len(term)
