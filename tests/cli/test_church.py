"""`church`: arithmetic on numerals by reduction, on the command line and from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.calculator import arithmetic
from automaton.calculator.arithmetic import Digits, row_of, row_of_line
from automaton.cli import exit_codes
from automaton.cli.commands.church import NAMES
from automaton.cli.commands.church import church as command
from automaton.compute import church
from automaton.compute.budgets import Budgets
from automaton.errors import MismatchError
from automaton.terms import encodings
from automaton.terms.notation import parse

PROPERTY = settings(deadline=None, max_examples=60)
MEANING = {
    "succ": lambda m: m + 1,
    "pred": lambda m: max(m - 1, 0),
    "add": lambda m, n: m + n,
    "mult": lambda m, n: m * n,
    "exp": lambda m, n: m**n,
}
BUDGET = Budgets(20_000, 7_000, 64)


def invoke(*arguments: object, stdin: str | None = None) -> Result:
    """The command on its own, with the endings that every command has."""

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def whole(words: tuple[str, ...]) -> None:
        raise SystemExit(exit_codes.status(lambda: run(words)))

    def run(words: tuple[str, ...]) -> int:
        with command.make_context("church", list(words)) as context:
            command.invoke(context)
        return 0

    return CliRunner().invoke(whole, list(map(str, arguments)), input=stdin)


def refused(*arguments: object, stdin: str | None = None, code: int = 2) -> str:
    """The one line that such a call ends with."""
    result = invoke(*arguments, stdin=stdin)
    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    return line.removeprefix("error: ")


def test_every_operation_has_a_name_and_a_meaning() -> None:
    assert set(NAMES) == set(arithmetic.OPERATIONS) == set(MEANING)


@PROPERTY
@given(st.sampled_from(NAMES), st.lists(st.integers(0, 5), min_size=2, max_size=2))
def test_answers_are_numerals_of_the_value_with_the_beta_steps_of_the_machine(
    name: str, numbers: list[int]
) -> None:
    operator, arity = arithmetic.OPERATIONS[name]
    given = [Digits(n) for n in numbers[:arity]]
    (answer,) = arithmetic.answers(name, [row_of(name, given)], BUDGET, "debruijn")
    due: int = MEANING[name](*numbers[:arity])  # type: ignore[operator]
    numerals = tuple(church.encode([n]) for n in numbers[:arity])
    reduced = church.operate(operator, numerals, BUDGET)
    assert (answer.outcome, answer.numeral, answer.size) == ("normal", due, 2 * due + 3)
    assert answer.steps == reduced.steps[0]
    assert parse(str(answer.term), "debruijn").tolist() == encodings.numeral(due).tolist()


def test_a_sum_is_printed_with_its_numeral_and_its_steps() -> None:
    result = invoke("add", 3, 4)
    assert result.exit_code == 0
    assert result.stdout == (
        "λa.λb.a (a (a (a (a (a (a b))))))\n"
        "normal form after 6 beta steps, 17 nodes, the numeral 7\n"
    )
    answer = json.loads(invoke("mult", 2, 0, "--json", "--notation", "debruijn").stdout)
    assert answer == {"outcome": "normal", "steps": 7, "size": 3, "term": "λλ0", "numeral": 0}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("add", "3"), "add takes 2 numbers, here are 1"),
        (("succ", "3", "4"), "succ takes one number, here are 2"),
        (("add", "-3", "4"), "-3 is negative"),
        (("add", "3.5", "4"), "3.5 is no whole number"),
        (("add", "-0.5", "4"), "-0.5 is no whole number"),
        (("mult", "x", "4"), "x is no whole number"),
        (("mult", "9" * 5000, "4"), "9... is more than 2**63 - 1"),
        (("mult", str(1 << 63), "4"), "more than 2**63 - 1"),
        (("add",), "give numbers or --batch FILE"),
        (("add", "1", "2", "--batch", "x"), "give numbers or --batch FILE"),
        (("add", "1", "2", "--jsn"), "No such option"),
        (("power", "1", "2"), "'power' is not one of"),
    ],
)
def test_what_is_no_arithmetic_is_refused_in_one_line(words: tuple[str, ...], part: str) -> None:
    assert part in refused(*words)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("exp", "9", "9"), "outcome size: the numeral has more nodes than --max-size 65536"),
        (("mult", str((1 << 63) - 1), "0"), "outcome input"),
        (("exp", "2", "9", "--max-steps", "99"), "outcome steps: it takes more beta steps"),
        (("exp", "2", "2", "--max-depth", "2"), "outcome depth"),
    ],
)
def test_a_question_whose_answer_exceeds_a_budget_has_an_exit_code_of_its_own(
    words: tuple[str, ...], part: str
) -> None:
    assert part in refused(*words, code=12)
    single = invoke(*words, "--json")
    assert (single.exit_code, json.loads(single.stdout)["numeral"]) == (12, None)
    batch = invoke(words[0], "--batch", "-", *words[3:], stdin=" ".join(words[1:3]))
    assert (batch.exit_code, "standard input: line 1" in batch.stderr) == (12, True)


def test_signs_and_zeros_before_a_number_do_not_count() -> None:
    assert "the numeral 7" in invoke("add", "+003", "04").stdout
    assert "the numeral 1" in invoke("succ", "-0").stdout


def test_a_file_gives_a_line_for_every_question_and_says_in_the_end_what_failed(
    tmp_path: Path,
) -> None:
    lines = ["3 4", "", "[2, 5]", "-1 2", '["1", 2]', "[1.0, 2]", "[1", "1 2 3", "99999 0", "0\t7"]
    path = tmp_path / "questions"
    path.write_text("\n".join(lines))
    result = invoke("mult", "--batch", path, "--notation", "debruijn", "--max-size", 60)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[1:4:2] for row in rows] == [
        ["12", "normal"], ["10", "normal"], *[["-", "error"]] * 5, ["-", "input"], ["0", "normal"],
    ]  # fmt: skip
    assert rows[3][4] == '"1" is no whole number; a numeral stands for 0, 1, 2, ...'
    assert result.exit_code == 2
    assert f"{path}: line 4: -1 is negative" in result.stderr
    assert "(and 4 more)" in result.stderr


def test_a_batch_may_come_from_standard_input_and_be_of_any_size() -> None:
    questions = "".join(f"[{m},{n}]\n" for m in range(60) for n in range(90))
    result = invoke("add", "--batch", "-", "--json", stdin=questions)
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [a["numeral"] for a in answers] == [m + n for m in range(60) for n in range(90)]
    assert {a["steps"] for a in answers} == {6}
    assert invoke("add", "--batch", "-", stdin="\n \n").stdout == ""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_and_any_line_end_are_no_part_of_a_question(
    tmp_path: Path, end: str
) -> None:
    path = tmp_path / "questions"
    path.write_bytes(end.join(["\ufeff3 4", "", "\ufeff[1,2]", "5 6"]).encode())
    result = invoke("add", "--batch", path)
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == ["7", "3", "11"]
    assert result.exit_code == 0


def test_a_file_that_is_not_there_is_a_file_error(tmp_path: Path) -> None:
    assert invoke("add", "--batch", tmp_path / "none").exit_code == 4


def test_a_value_that_the_integers_deny_is_a_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    operator, _ = arithmetic.OPERATIONS["mult"]
    wrong = {**arithmetic.OPERATIONS, "add": arithmetic.Operation(operator, 2)}
    monkeypatch.setattr(arithmetic, "OPERATIONS", wrong)
    with pytest.raises(MismatchError, match="add 2 3 was reduced to 6, and integers say 5"):
        list(arithmetic.answers("add", [row_of_line("add", "2 3")], BUDGET, "debruijn"))
    assert invoke("add", 2, 3).exit_code == 1


@PROPERTY
@given(st.text(max_size=30) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3), max_leaves=4,
).map(json.dumps))  # fmt: skip
def test_no_line_is_a_traceback(line: str) -> None:
    row = row_of_line("add", line)
    assert (row.reason is None) == (len(row.numbers) == 2)
    assert all(0 <= n <= arithmetic.MOST for n in row.numbers)


def test_a_deep_array_is_refused() -> None:
    reason: Any = row_of_line("add", "[" * 100_000).reason
    assert "neither numbers" in reason
