"""The machine against the textbook reducer, published normal forms and all small terms."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reductions import (
    NODES,
    OMEGA,
    PROPERTY,
    TIGHT,
    Answer,
    Budget,
    all_closed,
    bodies,
    lively_terms,
    reduced,
    suites,
)
from strategies import closed_terms, open_terms
from targets import FORMS

from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import APP, LAM, VAR, apply, linked
from automaton.terms.reference import reduce

AMPLE = Budget(2000, 4096, 4096)


def by_textbook(term: Words, budget: Budget) -> Answer | None:
    """The answer of literal substitution; None where a term on the way is too large for it."""
    found = reduce(term, *budget, max_nodes=NODES)
    if found.outcome == "nodes":
        return None
    words = None if found.words is None else found.words.tolist()
    return Answer(found.outcome, found.steps, words)


def agree(batch: Sequence[Words], budget: Budget, free: Sequence[int] = ()) -> None:
    """Both forms of the machine give the textbook's answers."""
    answers = reduced(batch, budget, free)
    assert reduced(batch, budget, free, "python") == answers
    for term, answer in zip(batch, answers, strict=True):
        expected = by_textbook(term, budget)
        assert expected is None or expected == answer, format_term(term)


# -- every term with at most so many bits ---------------------------------


def bits_of(words: Sequence[int]) -> int:
    """The length of a term in binary lambda calculus."""
    return sum((word >> 2) + 2 if word & 3 == VAR else 2 for word in words)


def test_the_closed_terms_are_as_many_as_the_published_sequence_says() -> None:
    a114852 = [0, 0, 0, 0, 1, 0, 1, 1, 2, 1, 6, 5, 13, 14, 37, 44, 101, 134, 298, 431, 883]
    assert [len(bodies(bits, 0)) for bits in range(21)] == a114852


@pytest.mark.parametrize(
    ("bits", "closed", "normal", "largest"), [(18, 298, 297, 18), (24, 8574, 8549, 30)]
)
def test_all_closed_terms_of_so_many_bits_have_the_known_normal_forms(
    bits: int, closed: int, normal: int, largest: int
) -> None:
    answers = reduced(all_closed(bits), AMPLE)
    found = [words for _, _, words in answers if words is not None]
    assert (len(answers), len(found)) == (closed, normal)
    assert max(map(bits_of, found)) == largest
    assert max(steps for _, steps, words in answers if words is not None) < 500


def test_all_terms_of_18_bits_reduce_as_by_substitution() -> None:
    agree(all_closed(18), Budget(60, 400, 40))


def test_all_small_terms_meet_every_small_limit_as_by_substitution() -> None:
    small = [term for bits in range(13) for term in all_closed(bits)]
    for budget in itertools.starmap(Budget, itertools.product(range(4), range(7), range(4))):
        assert reduced(small, budget) == [by_textbook(term, budget) for term in small]


# -- the machine and the textbook ------------------------------------------


@settings(PROPERTY, max_examples=200)
@given(st.lists(lively_terms(), min_size=1, max_size=4), TIGHT)
def test_the_machine_equals_the_textbook_under_tight_budgets(
    batch: list[Words], budget: Budget
) -> None:
    agree(batch, budget)


@PROPERTY
@given(lively_terms())
def test_the_machine_equals_the_textbook_with_room_to_spare(term: Words) -> None:
    agree([term], Budget(100, 2000, 200))


@PROPERTY
@given(st.integers(1, 4).flatmap(lambda free: st.tuples(st.just(free), open_terms(free))), TIGHT)
def test_free_variables_stay_what_they_are(given_: tuple[int, Words], budget: Budget) -> None:
    free, term = given_
    agree([term], budget, [free])
    agree([term], budget, [free + 3])  # more than occur do no harm


def test_free_variables_keep_their_indices_under_lambdas() -> None:
    term, names = parse("(λx.λy.x) a (λz.b) (λw.w a b c)", free=True)
    assert names == ["a", "b", "c"]
    [(_, _, words)] = reduced([term], AMPLE, [3])
    assert format_term(np.array(words, np.int32), "lambda", names) == "a (λd.d a b c)"
    term, names = parse("λk.(λx.λy.x b) a (λz.b)", free=True)
    [(_, _, words)] = reduced([term], AMPLE, [2])
    assert format_term(np.array(words, np.int32), "lambda", names) == "λc.a b"


@PROPERTY
@given(st.lists(lively_terms(), min_size=1, max_size=4), TIGHT, TIGHT)
def test_raising_a_budget_never_changes_a_normal_answer(
    batch: list[Words], budget: Budget, more: Budget
) -> None:
    raised = Budget(*map(sum, zip(budget, more, strict=True)))
    for small, large in zip(reduced(batch, budget), reduced(batch, raised), strict=True):
        assert small[0] != "normal" or large == small
        assert large[1] >= small[1]


@PROPERTY
@given(st.lists(lively_terms(), min_size=1, max_size=6), TIGHT, st.data())
def test_answers_depend_neither_on_the_order_nor_on_the_split_of_a_batch(
    batch: list[Words], budget: Budget, data: st.DataObject
) -> None:
    answers = reduced(batch, budget)
    order = data.draw(st.permutations(range(len(batch))))
    assert reduced([batch[i] for i in order], budget) == [answers[i] for i in order]
    cut = data.draw(st.integers(0, len(batch)))
    assert reduced(batch[:cut], budget) + reduced(batch[cut:], budget) == answers
    assert [answer for term in batch for answer in reduced([term], budget)] == answers


@PROPERTY
@given(closed_terms(), st.integers(0, 30), st.integers(0, 30))
def test_a_normal_form_has_no_redex_and_is_its_own_normal_form(
    term: Words, steps: int, size: int
) -> None:
    [(outcome, _, words)] = reduced([term], Budget(steps, size, 40))
    if outcome == "normal":
        assert words is not None
        pairs = itertools.pairwise(words)
        assert not any(this & 3 == APP and after == LAM for this, after in pairs)
        again = Budget(0, len(words), 40)
        assert reduced([np.array(words, np.int32)], again) == [("normal", 0, words)]


# -- known terms -----------------------------------------------------------

KNOWN = [
    ("(λa.a(λb.((λc.λd.b(c d))a)))(λe.e e)", "λx.λy.(x x)(y y)"),
    ("(λf.λx.f(f x))(λf.λx.f(f x))", "λf.λx.f(f(f(f x)))"),
    ("(λx.λy.x) (λz.z) ((λx.x x) (λx.x x))", "λz.z"),
    ("λx.(λy.λx.y) x", "λx.λz.x"),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("text", "normal"), KNOWN)
def test_terms_that_other_evaluators_get_wrong(form: str, text: str, normal: str) -> None:
    [(outcome, _, words)] = reduced([parse(text)], AMPLE, form=form)
    assert (outcome, words) == ("normal", parse(normal).tolist())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("text", "budget", "answer"),
    [
        (OMEGA, Budget(0, 9, 9), ("steps", 0, None)),
        (OMEGA, Budget(300, 9, 9), ("steps", 300, None)),
        ("(λx.x x x) (λx.x x x)", Budget(50, 9, 9), ("depth", 9, None)),
        ("λf.(λx.f (x x)) (λx.f (x x))", Budget(50, 9, 9), ("size", 5, None)),
        (f"λx.x (λy.y) ({OMEGA})", Budget(5, 5, 9), ("size", 0, None)),
        (f"λx.x (λy.y) ({OMEGA})", Budget(5, 6, 9), ("steps", 5, None)),
        ("(λx.x) (λy.y)", Budget(1, 2, 1), ("normal", 1, [1, 0])),
        ("(λx.x) (λy.y)", Budget(1, 1, 1), ("size", 1, None)),
        ("(λx.x) (λy.y)", Budget(1, 2, 0), ("depth", 0, None)),
        ("λx.x", Budget(0, 0, 0), ("size", 0, None)),
    ],
)
def test_the_first_limit_that_is_met_decides(
    form: str, text: str, budget: Budget, answer: Answer
) -> None:
    assert reduced([parse(text)], budget, form=form) == [answer]


@pytest.mark.parametrize("form", FORMS)
def test_the_arena_is_long_enough_where_every_cell_of_it_is_used(form: str) -> None:
    lambdas, steps = 40, 40
    text = "λ" * (lambdas - 1) + "(λ0) (" * steps + "λ0" + ")" * steps
    [answer] = reduced([parse(text)], Budget(steps, lambdas + 1, 1), form=form)
    assert answer == ("normal", steps, [LAM] * lambdas + [VAR])
    [answer] = reduced([parse(OMEGA)], Budget(64, 0, 1), [5], form)
    assert answer == ("steps", 64, None)


def test_100000_lambdas_and_arguments_are_reduced_without_recursion() -> None:
    deep = linked([APP, LAM, VAR, *[LAM] * 100_000, VAR])
    [answer] = reduced([deep], Budget(9, 1 << 17, 9))
    assert answer[:2] == ("normal", 1)
    wide = linked([LAM, *[APP] * 50_000, *[VAR] * 50_001])
    [answer] = reduced([wide], Budget(9, 1 << 17, 1 << 16))
    assert answer == ("normal", 0, wide.tolist())


def test_church_arithmetic_comes_out() -> None:
    exponent = parse("λm.λn.n m")
    cases = list(itertools.product(range(1, 5), range(1, 5)))
    batch = [
        apply(apply(operator, encodings.numeral(m)), encodings.numeral(n))
        for m, n in cases
        for operator in (encodings.ADDITION, exponent)
    ]
    found = [encodings.numeral_value(np.array(words)) for _, _, words in reduced(batch, AMPLE)]
    assert found == [value for m, n in cases for value in (m + n, m**n)]


# -- published normal forms ------------------------------------------------


@pytest.mark.shared_data
def test_every_published_normal_form_and_step_count_comes_out(shared_data: Path) -> None:
    names, batch, normals, free, counts = zip(*suites(shared_data / "lambda"), strict=True)
    answers = reduced(batch, Budget(1_000_000, 65_536, 4_096), free)
    assert len(answers) == 541
    for name, normal, count, answer in zip(names, normals, counts, answers, strict=True):
        outcome, steps, words = answer
        assert (outcome, words) == ("normal", normal), name
        assert count in {None, steps}, name
