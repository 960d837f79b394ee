"""`church`: arithmetic on Church numerals, one question or a file of them, by reduction.

Asks for answers and prints them; how numerals are reduced and checked, others know.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.calculator.answer_lines import JSON, ROWS, Answer
from automaton.cli.commands.reduce import (
    DEPTH,
    budget,
    ended_at_once,
    output,
    paragraph,
    reducing,
    source,
)
from automaton.cli.option_types import WIDTH
from automaton.errors import AutomatonError, BudgetError, UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.compute.budgets import Budgets

NAMES = ("succ", "pred", "add", "mult", "exp")
_LINES = 4096  # of a file that are read at a time
_CHUNK = 1 << 20  # bytes of a file that are read at a time
_NUMBER = re.compile(r"-[0-9.]")


@click.command(context_settings={"max_content_width": WIDTH, "ignore_unknown_options": True})
@click.argument("operation", type=click.Choice(NAMES))
@click.argument("numbers", metavar="[N]...", nargs=-1)
@reducing(
    "Take the numbers from a file (a path; - is standard input), a question a line.",
    "numerals are written (a word)",
    [
        budget("--max-steps", 1_000_000, "Budget of a reduction in beta steps."),
        budget("--max-size", 65_536, "Largest numeral in nodes; that of n has 2n + 3."),
        DEPTH,
    ],
    "outcome, steps, size, term, numeral",
)
def church(
    operation: str, numbers: tuple[str, ...], batch: Path | None, notation: str, max_steps: int,
    max_size: int, max_depth: int, json: bool,
) -> None:  # fmt: skip
    """Compute with Church numerals, by reduction.

    succ N, pred N, add M N, mult M N, exp M N (M to the power N). The numeral is what
    reduction makes of the operator and the numerals of the numbers; its value is
    checked by integer arithmetic. Of a file, every line that is not empty holds the
    numbers with spaces between, or as a JSON array, and gives one line: numeral, value,
    beta steps, outcome, with tabs between and - for what there is not. A line without
    an answer stops nothing; the exit code is 2 in the end, or 12 where all lines can be
    meant and some exceed a budget.
    """
    from automaton.compute.budgets import Budgets  # noqa: PLC0415  # numpy takes a moment

    context = click.get_current_context()
    for word in numbers:
        if word.startswith("-") and not _NUMBER.match(word):
            raise click.NoSuchOption(word, ctx=context)
    if bool(numbers) == (batch is not None):
        raise click.UsageError("give numbers or --batch FILE", context)
    limits = Budgets(max_steps, max_size, max_depth)
    if batch is None:
        _one(operation, numbers, limits, notation, json)
    else:
        with source(batch) as (file, name):
            _many(operation, file, name, limits, notation, json)


def _one(
    operation: str, numbers: tuple[str, ...], budget: Budgets, notation: str, json: bool
) -> None:
    """Answer one question, or say why there is no answer."""
    from automaton.calculator import arithmetic  # noqa: PLC0415  # numba takes a second

    row = arithmetic.row_of(operation, [arithmetic.Digits(word) for word in numbers])
    with ended_at_once():
        (answer,) = arithmetic.answers(operation, [row], budget, notation)
    if json:
        output(json=True)(JSON.line(answer))
    elif answer.numeral is not None:
        sys.stdout.write(paragraph(answer) + "\n")
    if answer.numeral is None:
        raise _error(answer)(arithmetic.refusal(operation, row, answer, budget))


def _error(answer: Answer) -> type[AutomatonError]:
    """The kind of error that an answer without a numeral is."""
    return BudgetError if answer.reason is None else UsageError


def _many(
    operation: str,
    file: BufferedReader,
    name: str,
    budget: Budgets,
    notation: str,
    json: bool,
) -> None:
    """Answer the lines of a file; what has no answer is an error at the end."""
    from automaton.calculator import arithmetic  # noqa: PLC0415  # numba takes a second

    layout, put = JSON if json else ROWS, output(json=json)
    refused: Counter[type[AutomatonError]] = Counter()
    first: dict[type[AutomatonError], str] = {}
    with ended_at_once():
        for lines in _numbered(file):
            rows = [arithmetic.row_of_line(operation, line) for _, line in lines]
            found = arithmetic.answers(operation, rows, budget, notation)
            for (number, _), row, answer in zip(lines, rows, found, strict=True):
                put(layout.line(answer))
                if answer.numeral is None:
                    said = arithmetic.refusal(operation, row, answer, budget)
                    kind = _error(answer)
                    first.setdefault(kind, f"{name}: line {number}: {said}")
                    refused[kind] += 1
            sys.stdout.flush()
    for kind in (UsageError, BudgetError):
        if more := refused[kind]:
            raise kind(first[kind] + (f" (and {more - 1:,} more)" if more > 1 else ""))


def _numbered(file: BufferedReader) -> Iterator[list[tuple[int, str]]]:
    """The lines that are not empty, with their numbers, some at a time."""
    from automaton.calculator.text_batch import whole_lines  # noqa: PLC0415  # numba takes a second

    chunks = whole_lines(file.read1, _CHUNK)
    numbered = enumerate((line for chunk in chunks for line in chunk.splitlines()), 1)
    lines = ((k, _text(line)) for k, line in numbered)
    full = ((number, line) for number, line in lines if line.strip())
    while some := list(islice(full, _LINES)):
        yield some


def _text(line: bytes) -> str:
    """A line without the byte order mark that a file, or one behind it, begins with."""
    return line.decode("utf-8", "backslashreplace").removeprefix("\ufeff")
