"""`church`: arithmetic on Church numerals, one question or a file of them, by reduction.

Asks for answers and prints them; how numerals are reduced and checked, others know.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.commands.reduce import ended_at_once, output, paragraph, reducing, source
from automaton.cli.option_types import WIDTH
from automaton.compute.answer_lines import JSON, ROWS
from automaton.errors import UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.compute.budgets import Budgets

NAMES = ("succ", "pred", "add", "mult", "exp")
_LINES = 4096  # of a file that are read at a time
_NUMBER = re.compile(r"-[0-9.]")


@click.command(context_settings={"max_content_width": WIDTH, "ignore_unknown_options": True})
@click.argument("operation", type=click.Choice(NAMES))
@click.argument("numbers", metavar="[N]...", nargs=-1)
@reducing(
    "Take the numbers from a file (a path; - is standard input), a question a line.",
    "numerals are written (a word)",
    "Largest numeral in nodes; that of n has 2n + 3.",
)
def church(
    operation: str, numbers: tuple[str, ...], batch: Path | None, notation: str, max_steps: int,
    max_size: int, max_depth: int, json: bool,
) -> None:  # fmt: skip
    """Compute with Church numerals: succ N, pred N, add M N, mult M N, exp M N (M to the power N).

    The numeral is what reduction makes of the operator and the numerals of the
    numbers; its value is checked by integer arithmetic. Of a file, every line that
    is not empty holds the numbers with spaces between, or as a JSON array, and gives
    one line: numeral, value, beta steps, outcome, with tabs between and - for what
    there is not. A line without an answer stops nothing; the exit code is 2 in the end.
    """
    from automaton.compute.budgets import Budgets  # noqa: PLC0415  # numpy takes a moment

    context = click.get_current_context()
    for word in numbers:
        if word.startswith("-") and not _NUMBER.match(word):
            raise click.NoSuchOption(word, ctx=context)
    if bool(numbers) == (batch is not None):
        raise click.UsageError("give numbers or --batch FILE", context)
    budget = Budgets(max_steps, max_size, max_depth)
    if batch is None:
        _one(operation, numbers, budget, notation, json)
    else:
        with source(batch) as (file, name):
            _many(operation, file, name, budget, notation, json)


def _one(
    operation: str, numbers: tuple[str, ...], budget: Budgets, notation: str, json: bool
) -> None:
    """Answer one question, or say why there is no answer."""
    from automaton.compute import arithmetic  # noqa: PLC0415  # numba takes a second

    row = arithmetic.row_of(operation, [arithmetic.Digits(word) for word in numbers])
    with ended_at_once():
        (answer,) = arithmetic.answers(operation, [row], budget, notation)
    if json:
        sys.stdout.write(JSON.line(answer).decode())
    elif answer.numeral is not None:
        sys.stdout.write(paragraph(answer) + "\n")
    if answer.numeral is None:
        raise UsageError(arithmetic.refusal(operation, row, answer, budget))


def _many(
    operation: str,
    file: Iterable[bytes],
    name: str,
    budget: Budgets,
    notation: str,
    json: bool,
) -> None:
    """Answer the lines of a file; what has no answer is an error at the end."""
    from automaton.compute import arithmetic  # noqa: PLC0415  # numba takes a second

    layout, put = JSON if json else ROWS, output()
    refused, first = 0, ""
    with ended_at_once():
        for lines in _numbered(file):
            rows = [arithmetic.row_of_line(operation, line) for _, line in lines]
            found = arithmetic.answers(operation, rows, budget, notation)
            for (number, _), row, answer in zip(lines, rows, found, strict=True):
                put(layout.line(answer))
                if answer.numeral is None:
                    said = arithmetic.refusal(operation, row, answer, budget)
                    first = first or f"{name}: line {number}: {said}"
                    refused += 1
            sys.stdout.flush()
    if refused:
        others = f" (and {refused - 1:,} more)" if refused > 1 else ""
        raise UsageError(first + others)


def _numbered(file: Iterable[bytes]) -> Iterator[list[tuple[int, str]]]:
    """The lines that are not empty, with their numbers, some at a time."""
    lines = ((k, line.decode("utf-8", "backslashreplace")) for k, line in enumerate(file, 1))
    full = ((number, line) for number, line in lines if line.strip())
    while some := list(islice(full, _LINES)):
        yield some
