"""The textbook reducer: known answers, budgets, published normal forms."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from reductions import OMEGA, SUITES
from strategies import closed_terms, open_terms, published

from automaton.terms import packed
from automaton.terms.arrays import Words
from automaton.terms.encodings import numeral, numeral_value
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import apply
from automaton.terms.reference import Reduction, growth, lift, reduce, substitute


def reduce_text(text: str, steps: int = 1000, size: int = 1000, depth: int = 1000) -> Reduction:
    return reduce(parse(text), steps, size, depth)


@pytest.mark.parametrize(
    ("text", "normal", "steps"),
    [
        ("λx.x", "λx.x", 0),
        ("(λx.x) (λy.y)", "λy.y", 1),
        ("(λx.x x) ((λx.x) (λy.y))", "λy.y", 4),  # the argument is copied unreduced
        ("(λx.λy.x) (λz.z) ((λx.x x) (λx.x x))", "λz.z", 2),  # and dropped unreduced
        ("λx.(λy.λx.y) x", "λx.λz.x", 1),  # no capture
        ("(λa.a(λb.((λc.λd.b(c d))a)))(λe.e e)", "λx.λy.x x (y y)", None),
        ("(λf.λx.f(f x)) (λf.λx.f(f x))", "λf.λx.f (f (f (f x)))", None),
        ("λx.x ((λy.y) x) ((λy.y) x)", "λx.x x x", 2),
    ],
)
def test_known_normal_forms_and_step_counts(text: str, normal: str, steps: int | None) -> None:
    result = reduce_text(text)
    assert result.outcome == "normal"
    assert result.words is not None
    assert format_term(result.words) == format_term(parse(normal))
    assert steps is None or result.steps == steps


@pytest.mark.parametrize(
    ("text", "budgets", "outcome", "steps"),
    [
        (OMEGA, (7, 10, 10), "steps", 7),
        ("(λx.x) (λy.y)", (0, 10, 10), "steps", 0),
        ("(λx.x) (λy.y)", (1, 10, 10), "normal", 1),
        ("λx.λy.x", (0, 3, 0), "normal", 0),
        ("λx.λy.x", (0, 2, 9), "size", 0),
        ("λx.x x x", (0, 6, 2), "normal", 0),
        ("λx.x x x", (0, 5, 2), "size", 0),
        ("λx.x x x", (0, 6, 1), "depth", 0),
        (f"λx.λy.λz.x ({OMEGA})", (5, 4, 9), "size", 0),  # the spine counts before its arguments
        (f"λx.λy.λz.x ({OMEGA})", (5, 5, 9), "steps", 5),
        (f"λx.x (λy.y) ({OMEGA})", (5, 5, 9), "size", 0),  # read out before omega is looked at
        (f"λx.x ({OMEGA}) (λy.y)", (5, 5, 9), "steps", 5),
        ("λx.x (λy.y) (x x)", (0, 99, 2), "normal", 0),
        ("λx.x (x x) x", (0, 99, 2), "normal", 0),  # one argument waits, one is pending
        ("λx.x (x x x) x", (0, 99, 2), "depth", 0),  # one waits, two would be pending
        ("(λx.x x x) (λx.x x x)", (5, 9, 9), "steps", 5),
        ("(λx.x x x) (λx.x x x)", (50, 9, 9), "depth", 9),
    ],
)
def test_the_first_limit_that_is_met_decides(
    text: str, budgets: tuple[int, int, int], outcome: str, steps: int
) -> None:
    result = reduce_text(text, *budgets)
    assert (result.outcome, result.steps) == (outcome, steps)
    assert (result.words is None) is (outcome != "normal")


def test_a_term_that_grows_on_the_way_ends_as_nodes() -> None:
    words = parse("(λx.λy.y) ((λx.x x) (λx.x x)) (λx.x)")
    assert reduce(words, 9, 9, 9, max_nodes=8).outcome == "normal"
    power = apply(apply(numeral(2), numeral(2)), numeral(2))
    assert reduce(power, 1000, 1000, 1000, max_nodes=20).outcome == "nodes"
    assert reduce(power, 1000, 1000, 1000).outcome == "normal"


def test_free_variables_stay_what_they_are() -> None:
    words, names = parse("(λx.λy.x) a b (λz.a)", free=True)
    result = reduce(words, 9, 9, 9)
    assert result.words is not None
    assert names == ["a", "b"]
    assert format_term(result.words, "lambda", names) == "a (λc.a)"


@given(open_terms(), open_terms(free=1))
def test_growth_foretells_the_size_after_a_step(argument: Words, body: Words) -> None:
    tree, value = packed.unpack(body), packed.unpack(argument)
    before = len(argument) + len(body) + 2
    assert len(packed.pack(substitute(tree, value))) == before + growth(tree, value)


@given(open_terms(), open_terms())
def test_substituting_for_a_variable_that_does_not_occur_gives_the_body(
    body: Words, argument: Words
) -> None:
    lifted = lift(packed.unpack(body), 1)
    assert substitute(lifted, packed.unpack(argument)) == packed.unpack(body)


@given(closed_terms())
def test_a_normal_form_is_its_own_normal_form_in_no_steps(words: Words) -> None:
    result = reduce(words, 50, 200, 50, 5000)
    if result.words is not None:
        again = reduce(result.words, 0, len(result.words), 50)
        assert again.outcome in {"normal", "depth"}
        if again.words is not None:
            np.testing.assert_array_equal(again.words, result.words)


@given(closed_terms())
def test_raising_a_budget_never_changes_a_normal_answer(words: Words) -> None:
    small = reduce(words, 10, 40, 10, 5000)
    large = reduce(words, 20, 80, 20, 5000)
    if small.words is not None and large.outcome != "nodes":
        assert large.words is not None
        assert large.steps == small.steps
        np.testing.assert_array_equal(large.words, small.words)


@given(closed_terms())
def test_a_normal_form_holds_no_redex(words: Words) -> None:
    result = reduce(words, 50, 200, 50, 5000)
    if result.words is not None:
        found = result.words.tolist()
        pairs = pairwise(found)
        assert not any(this & 3 == packed.APP and after == packed.LAM for this, after in pairs)


def test_church_arithmetic_by_substitution() -> None:
    exp = parse("λm.λn.n m")
    for m in range(4):
        for n in range(1, 4):
            result = reduce(apply(apply(exp, numeral(m)), numeral(n)), 10_000, 1000, 1000)
            assert result.words is not None
            assert numeral_value(result.words) == m**n


def test_100000_lambdas_and_arguments_reduce_without_recursion() -> None:
    deep = parse("(λx.x x) (" + "λ" * 100_000 + "0)")
    result = reduce(deep, 9, 1 << 20, 9, 1 << 20)
    assert (result.outcome, result.steps) == ("normal", 2)
    wide = parse("λx." + "x " * 100_000)
    assert reduce(wide, 0, 1 << 20, 1 << 20, 1 << 20).outcome == "normal"


@pytest.mark.shared_data
@pytest.mark.parametrize("suite", SUITES)
def test_published_normal_forms_and_step_counts(shared_data: Path, suite: str) -> None:
    cases = list(published(shared_data / "lambda", suite))
    assert cases
    for case in cases:
        result = reduce(case.term, 10_000, 100_000, 10_000, 1 << 20)
        assert result.outcome == "normal", case.name
        assert np.array_equal(result.words, case.normal), case.name  # type: ignore[arg-type]
        assert case.steps in {None, result.steps}, case.name


@pytest.mark.shared_data
def test_the_step_counts_of_the_suites_are_read(shared_data: Path) -> None:
    cases = [case for suite in SUITES for case in published(shared_data / "lambda", suite)]
    assert len(cases) == 541
    assert sum(case.steps is not None for case in cases) == 521
