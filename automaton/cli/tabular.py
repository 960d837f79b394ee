"""Rows as people, spreadsheets and programs want them: aligned columns, CSV, JSON a line.

Knows no command. Figures arrive as values; a float is shown to people with three digits
behind the point, and whole everywhere else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import Any, Literal

import click

from automaton.cli.option_types import Command, switch
from automaton.cli.text import as_json, printable
from automaton.errors import UsageError

Form = Literal["text", "csv", "json"]
_BAR = 50  # characters of the longest bar
_SAMPLE = 200  # rows by which the widths of columns are told


def forms(command: Command) -> Command:
    """The options --json and --csv of a command that prints rows."""
    for flag, help_ in (
        ("--csv", "Print comma-separated values, the names of the columns first."),
        ("--json", "Print one JSON object a line."),
    ):
        command = switch(flag, help_)(command)
    return command


def form_of(*, json: bool, csv: bool) -> Form:
    """Which form was asked for."""
    if json and csv:
        raise UsageError("--json and --csv exclude each other; give one of them")
    return "json" if json else "csv" if csv else "text"


def print_rows(
    names: Sequence[str], rows: Iterable[Sequence[Any]], form: Literal["text", "csv"]
) -> None:
    """Rows of values under the names of their columns."""
    if form == "csv":
        _print_csv(names, rows)
    else:
        _print_text(names, rows)


def print_json(values: Iterable[Any]) -> None:
    """One JSON object a line."""
    for value in values:
        click.echo(as_json(value))


def print_chart(name: str, points: Iterable[tuple[int, float]]) -> None:
    """A bar a tick, the longest for the greatest value."""
    found = list(points)
    most = max((value for _, value in found), default=0)
    bars = ((tick, value, "#" * round(_BAR * value / most if most else 0)) for tick, value in found)
    _print_text(("tick", name, ""), bars)


def _print_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    for row in chain([names], rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(["" if v is None else v for v in row])
        click.echo(text.getvalue())


def _print_text(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Columns as wide as the first rows need; what is last stands to the left."""
    rest = iter(rows)
    first = [[_shown(value) for value in row] for row in islice(rest, _SAMPLE)]
    widths = [max([len(name), *(len(row[k]) for row in first)]) for k, name in enumerate(names)]
    for row in chain([names], first, ([_shown(value) for value in row] for row in rest)):
        cells = [cell.rjust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        click.echo("  ".join([*cells, row[-1]]).rstrip())


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))
