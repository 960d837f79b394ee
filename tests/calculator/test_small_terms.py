"""Answers to small terms without a compiler, and what a command loads."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reductions import lively_terms

from automaton.calculator import small_terms
from automaton.calculator.text_batch import TextReducer
from automaton.compute.budgets import UNLIMITED, Budgets
from automaton.terms.arrays import Words
from automaton.terms.notation import NOTATIONS, format_term

BUDGETS = st.builds(
    Budgets,
    st.sampled_from([1, 7, 100, small_terms.STEPS, 1000, UNLIMITED]),
    st.sampled_from([1, 9, 200, small_terms.SIZE, 2000]),
    st.sampled_from([2, 5, 100, small_terms.DEPTH, 999]),
    st.sampled_from([1, 50, 600, 1 << 20]),
)


@settings(deadline=None, max_examples=150)
@given(lively_terms(), BUDGETS, st.sampled_from(NOTATIONS))
def test_an_answer_without_kernels_is_theirs(term: Words, budgets: Budgets, notation: str) -> None:
    text = format_term(term, notation)
    answer = small_terms.answer(text, budgets, notation)
    expected = TextReducer(budgets, notation).answer(text)
    assert answer in (expected, None)
    assert answer is not None or expected.steps > 30 or expected.outcome == "work"


def test_what_takes_many_steps_is_left_to_the_kernels() -> None:
    endless = "(λx.x x) (λx.x x)"
    assert small_terms.answer(endless, Budgets(1000, 9, 9), "lambda") is None
    assert small_terms.answer(endless, Budgets(400, 9, 9, 300), "lambda") is None
    answer = small_terms.answer(endless, Budgets(400, 9, 9), "lambda")
    assert answer is not None
    assert (answer.outcome, answer.steps) == ("steps", 400)
    assert small_terms.answer("λx." * 9000 + "x", Budgets(9, 9, 9), "lambda") is None


LOADED = """
import sys
from automaton.cli import main
try:
    main()
finally:
    heavy = ("numba", "rich", "automaton.cli.commands.run")
    print(*(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize("arguments", [["reduce", "(λx.x) λy.y"], ["init", "--help"]])
def test_a_command_loads_no_compiler_and_no_other_command(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == ""
