"""`sweep FILE`: a grid of settings times seeds, as one campaign on all cores."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from automaton.cli.option_types import PATH, WIDTH, option
from automaton.cli.tabular import form_of, forms, print_json, print_rows
from automaton.cli.text import counted, printable
from automaton.errors import FileError, UsageError
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.soups.sweep import Sweep
    from automaton.soups.sweep_plan import SweepPlan

T = TypeVar("T")

#: Figures of the table that people see; programs get all.
_SHOWN = ("live", "distinct", "effective", "largest_share", "size_mean")


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("file", type=PATH)
@option(
    "--out",
    type=PATH,
    metavar="DIR",
    show_default="FILE without its ending",
    help="Where logs and manifest stand (a path); a sweep that is there goes on.",
)
@option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="a core each",
    help="Runs at the same time (a count): each takes one core.",
)
@forms
def sweep(file: Path, out: Path | None, workers: int | None, json: bool, csv: bool) -> None:
    """Run a grid of settings under many seeds; print figures.

    FILE is TOML: `log`, `ticks`, `seeds`, a table [settings] for all runs and a table
    [grid] of lists. Every run is a log of its own with --record commits. The manifest has
    a line and a head for each; a sweep that was stopped or killed goes on by the same
    command.
    """
    from automaton.soups.sweep import Sweep  # noqa: PLC0415  # loads numba

    form = form_of(json=json, csv=csv)
    plan = _plan(file)
    folder = file.with_suffix("") if out is None else out
    if folder == file:
        raise UsageError(f"{file} has no ending to leave out; name the folder by --out DIR")
    campaign = Sweep(folder, plan, genesis_of(file.parent / plan.log))
    with runs_progress(len(plan.runs), len(campaign.done)) as told:
        campaign.make(workers or available_cores(), told)
    if form == "json":
        print_json(campaign.rows())
    elif form == "csv":
        _print_csv(campaign)
    else:
        _print_table(campaign)


def _plan(file: Path) -> SweepPlan:
    from automaton.soups.sweep_plan import SweepPlan  # noqa: PLC0415  # see the top

    return planned(file, SweepPlan.of)


def planned(file: Path, of: Callable[[dict[str, Any]], T]) -> T:
    """The plan that `of` makes of a TOML file's values."""
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise FileError(f"{file} is no text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is no TOML: {error}") from None
    try:
        return of(values)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None


def genesis_of(path: Path) -> bytes:
    """What the log held before its first commit."""
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(path, write=False) as log:
        return b"".join(raw + b"\n" for _, raw in log.genesis_lines())


@contextmanager
def runs_progress(runs: int, done: int) -> Iterator[Callable[[int], object]]:
    """A bar on standard error where a terminal is looking; it is told how many are done."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    with click.progressbar(length=runs, label="runs", file=sys.stderr) as bar:
        bar.update(done)
        yield lambda count: bar.update(count - bar.pos)


def _print_csv(campaign: Sweep) -> None:
    from automaton.analysis.population_series import FIGURES  # noqa: PLC0415  # see the top

    rows = list(campaign.rows())
    points = list(rows[0]["settings"])
    outcomes = list(rows[0]["figures"]["outcomes"])

    def cells(row: dict[str, Any]) -> list[Any]:
        figures = row["figures"]
        return [
            row["run"], *row["settings"].values(), row["seed"], row["head"],
            *(figures[name] for name in FIGURES), *figures["outcomes"].values(),
        ]  # fmt: skip

    print_rows(["run", *points, "seed", "head", *FIGURES, *outcomes], map(cells, rows), "csv")


def _print_table(campaign: Sweep) -> None:
    """A row a point of the grid and figure: the mean over its seeds."""
    from automaton.analysis.population_series import estimate  # noqa: PLC0415  # see the top

    groups: dict[str, list[dict[str, Any]]] = {}
    for row in campaign.rows():
        said = " ".join(f"{name}={value}" for name, value in row["settings"].items())
        groups.setdefault(printable(said) or "as the log", []).append(row["figures"])
    runs = counted(len(campaign.plan.runs), "run")
    click.echo(f"{runs} of {campaign.plan.ticks:,} ticks; logs and heads: {campaign.folder}")
    click.echo("after the last tick, the mean over seeds and its 95 % interval:")
    rows = []
    for said, figures in groups.items():
        for name in _SHOWN:
            mean, low, high = estimate([figure[name] for figure in figures])
            rows.append([mean, low, high, name, said])
    print_rows(("mean", "low", "high", "figure", "settings"), rows, "text")
