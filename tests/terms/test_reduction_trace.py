"""Traces of reductions, and the explanation of their ends."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reductions import lively_terms

from automaton.cli import command_line
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.reduction_trace import MOST_NODES, trace
from automaton.terms.reference import reduce

OMEGA = "(λx.x x) (λx.x x)"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, ["reduce", *arguments])


@settings(deadline=None)
@given(lively_terms(), st.sampled_from(["lambda", "debruijn"]))
def test_each_line_of_a_trace_is_one_beta_step_further(term: Words, notation: str) -> None:
    found = reduce(term, 30, 300, 60, MOST_NODES)
    assume(found.outcome == "normal")
    assert found.words is not None
    *shown, end = trace(term, notation, (), 30)
    assert (len(shown), end) == (found.steps + 1, "")
    assert shown[-1] == format_term(found.words, notation)
    for number, line in enumerate(shown):
        assert line.count("[") == line.count("]") == (number < found.steps)
        text = line.replace("[", "(").replace("]", ")")
        rest = reduce(parse(text, notation), 30, 300, 60, MOST_NODES)
        assert (rest.steps, rest.outcome) == (found.steps - number, "normal")


def test_a_trace_is_bounded_in_steps_and_in_nodes() -> None:
    *shown, end = trace(parse(OMEGA), "lambda", (), 3)
    assert shown == ["[(λa.a a) (λa.a a)]"] * 4
    assert end == "3 steps were shown"
    twice = parse("(λx.x x x) (λx.x x x)")
    *shown, end = trace(twice, "lambda", (), 10_000)
    assert "is more than a trace shows" in end
    assert len(shown) < 1_000


def test_the_command_shows_a_trace_before_the_answer() -> None:
    assert invoke("--trace", "9", "(λx.x x y) (λz.z)").stdout.splitlines() == [
        "0  [(λa.a a y) (λa.a)]",
        "1  [(λa.a) (λa.a)] y",
        "2  [(λa.a) y]",
        "3  y",
        "",
        "y",
        "normal form after 3 beta steps, 1 nodes",
    ]
    assert "... 2 steps were shown" in invoke("--trace", "2", OMEGA).stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([OMEGA], "it goes round for ever"),
        ([OMEGA, "--max-steps", "100"], "--max-steps 100 was met"),
        ([OMEGA, "--max-steps", "none", "--max-work", "5000"], "--max-work 5,000 was met"),
        (["(λx.x x x) (λx.x x x)"], "pending arguments grew from"),
        (["λf.(λx.f (x x)) (λx.f (x x))"], "nodes read out grew from"),
        (["(λx.x) y"], "it ended"),
    ],
)
def test_an_explanation_names_the_budget_and_what_grew(arguments: list[str], said: str) -> None:
    result = invoke("--explain", *arguments)
    assert result.exit_code == (0 if said == "it ended" else 12)
    assert said in result.stdout
    assert "steps made" in result.stdout


@pytest.mark.parametrize("options", [["--json"], ["--batch", "-"]])
@pytest.mark.parametrize("asked", [["--explain"], ["--trace", "3"]])
def test_what_is_for_people_is_not_for_programs(options: list[str], asked: list[str]) -> None:
    term = [] if "--batch" in options else [OMEGA]
    result = invoke(*asked, *options, *term)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "leave out --batch and --json" in result.stderr


def test_a_trace_in_binary_is_refused() -> None:
    result = invoke("--trace", "3", "--notation", "blc", "0010")
    assert result.exit_code == 2
    assert "--notation lambda or debruijn" in result.stderr
