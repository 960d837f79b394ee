"""`sweep FILE`: a grid of settings times seeds, as one campaign on all cores."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from automaton.cli.campaign import genesis_of, progress, show
from automaton.cli.experiment_options import out_option, workers_option
from automaton.cli.option_types import PATH, WIDTH, option
from automaton.cli.tabular import form_of, forms
from automaton.cli.text import counted
from automaton.errors import FileError, UsageError
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.soups.sweep_plan import SweepPlan

T = TypeVar("T")


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("file", type=PATH)
@out_option(
    "FILE without its ending",
    "Where logs and manifest stand (a path); a sweep that is there goes on.",
)
@workers_option("Runs at the same time (a count): each takes one core.")
@option(
    "--only",
    type=click.IntRange(min=0),
    metavar="N",
    show_default="all runs",
    help="Make this run alone (its number in the manifest, from 0), and keep its log.",
)
@forms
def sweep(
    file: Path, out: Path | None, workers: int | None, only: int | None, json: bool, csv: bool
) -> None:  # fmt: skip
    """Run a grid of settings under many seeds; print figures.

    FILE is TOML: `log` or a table [genesis], `ticks`, `seeds`, a table [settings] for all
    runs and a table [grid] of lists. Every run is a log of its own with --record commits.
    The manifest has a line and a head for each; a sweep that was stopped or killed goes
    on by the same command.
    """
    from automaton.soups.sweep import Sweep  # noqa: PLC0415  # loads numba

    form = form_of(json=json, csv=csv)
    plan = _plan(file)
    folder = file.with_suffix("") if out is None else out
    if folder == file:
        raise UsageError(f"{file} has no ending to leave out; name the folder by --out DIR")
    chosen = None if only is None else {only}
    if only is not None and only >= len(plan.runs):
        raise UsageError(f"--only {only}: {file} has the runs 0 to {len(plan.runs) - 1}")
    campaign = Sweep(folder, plan, genesis_of(file.parent / plan.log) if plan.log else b"")
    with progress(len(chosen or plan.runs), 0 if chosen else len(campaign.done)) as told:
        campaign.make(workers or available_cores(), told, chosen)
    show(campaign, form, f"{counted(len(plan.runs), 'run')} of {plan.ticks:,} ticks")


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
