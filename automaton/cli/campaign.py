"""What commands that run many logs say: how far they are, and what the logs came to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.tabular import Form, print_json, print_rows
from automaton.cli.text import counted, printable
from automaton.format.options import OF_ISLANDS, from_record

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log import Log
    from automaton.soups.sweep import Sweep

#: Figures of the table that people see; programs get all.
_SHOWN = ("live", "distinct", "effective", "largest_share", "size_mean")

_OF_THE_LOG = ("graph", *OF_ISLANDS)  # what its runs have and others have not


def show(campaign: Sweep, form: Form, head: str) -> None:
    """Print what is known of the runs; `head` is what people read first."""
    if form == "json":
        print_json(campaign.rows())
    elif form == "csv":
        print_csv(campaign)
    else:
        print_table(campaign, head)


def genesis_of(path: Path) -> bytes:
    """What the log held before its first commit."""
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(path, write=False) as log:
        return b"".join(raw + b"\n" for _, raw in log.genesis_lines())


def inherited_options(log: Log, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a log was run with, and those that are given in their place.

    How objects are read is for each run to see, and a run of its own is no island.
    """
    own = dict(log.run.options) if log.run else {}
    from_record(own)  # says what is wrong with it
    kept = {name: value for name, value in own.items() if name not in _OF_THE_LOG}
    return {**kept, **{name: value for name, value in given.items() if value is not None}}


@contextmanager
def progress(runs: int, done: int) -> Iterator[Callable[[int], object]]:
    """A bar on standard error where a terminal is looking; it is told how many are done."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    with click.progressbar(length=runs, label="runs", file=sys.stderr) as bar:
        bar.update(done)
        yield lambda count: bar.update(count - bar.pos)


def print_csv(campaign: Sweep) -> None:
    """A row a run."""
    from automaton.analysis.population_series import FIGURES  # noqa: PLC0415  # see the top

    rows = list(campaign.rows())
    if not rows:
        return
    points = list(rows[0]["settings"])
    outcomes = list(rows[0]["figures"]["outcomes"])
    counts = list(campaign.plan.counted)

    def cells(row: dict[str, Any]) -> list[Any]:
        figures = row["figures"]
        return [
            row["run"], *row["settings"].values(), row["seed"], row["head"],
            *(figures[name] for name in FIGURES), *figures["outcomes"].values(),
            *(row["counts"][name] for name in counts),
        ]  # fmt: skip

    names = ["run", *points, "seed", "head", *FIGURES, *outcomes, *counts]
    print_rows(names, map(cells, rows), "csv")


def print_table(campaign: Sweep, head: str) -> None:
    """A row a point of the grid and figure: the mean over its seeds."""
    from automaton.analysis.population_series import estimate  # noqa: PLC0415  # see the top

    groups: dict[str, list[dict[str, Any]]] = {}
    for row in campaign.rows():
        said = " ".join(f"{name}={value}" for name, value in row["settings"].items())
        own = {**row["figures"], **row.get("counts", {})}
        groups.setdefault(printable(said) or "as the log", []).append(own)
    done = len(campaign.done)
    left = len(campaign.plan.runs) - done
    click.echo(f"{head}; logs and heads: {campaign.folder}")
    if left:
        click.echo(f"{counted(left, 'run')} still to be made: the same command goes on")
    if not done:
        return
    click.echo("after the last tick, the mean over seeds and its 95 % interval:")
    rows = []
    for said, figures in groups.items():
        for name in (*_SHOWN, *campaign.plan.counted):
            mean, low, high = estimate([figure[name] for figure in figures])
            rows.append([mean, low, high, name, said])
    print_rows(("mean", "low", "high", "figure", "settings"), rows, "text")
