"""`pairs LOG LOG`: soups merged two by two, and what became of their organisations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.campaign import progress
from automaton.cli.option_types import PATH, WIDTH, FiniteFloat, option, switch
from automaton.cli.tabular import Form, form_of, forms, print_json, print_rows
from automaton.cli.text import counted
from automaton.errors import UsageError
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.soups.pair_campaign import PairCampaign

_SIDES = ("left", "right")
_FIGURES = ("at_first", "similarity", "retained")


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("logs", type=PATH, nargs=-1, required=True)
@option(
    "--out",
    type=PATH,
    metavar="DIR",
    default="pairs",
    show_default=True,
    help="Where logs and manifest stand (a path); merged soups that are there go on.",
)
@option(
    "--generations",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    default=100,
    show_default=True,
    help="Collisions of a merged soup for each of its places (a count).",
)
@option(
    "--repeats",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Merged soups of each pair (a count), each under a seed of its own.",
)
@option(
    "--seed",
    type=click.IntRange(0, (1 << 64) - 1),
    metavar="N",
    default=0,
    show_default=True,
    help="What the merged soups' seeds are drawn from (an integer of 64 bits).",
)
@option(
    "--maintained",
    type=FiniteFloat(0, 1),
    metavar="SHARE",
    default=0.0,
    show_default="0, all logs",
    help="Leave out logs of whose objects less (a share) maintains itself without copies.",
)
@switch("--between", "Merge with a pair all logs that stand between its two in the list.")
@option(
    "--keep-logs/--discard-logs",
    default=True,
    show_default="kept",
    help="Whether a log stays when its line is in the manifest; --only makes it again.",
)
@option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="a core each",
    help="Merged soups at the same time (a count): each takes one core.",
)
@option(
    "--only",
    type=click.IntRange(min=0),
    metavar="N",
    show_default="all",
    help="Make this one alone (its number in the manifest, from 0), and keep its log.",
)
@forms
def pairs(
    logs: tuple[Path, ...], out: Path, generations: int, repeats: int, seed: int,
    maintained: float, between: bool, keep_logs: bool, workers: int | None, only: int | None,
    json: bool, csv: bool,
) -> None:  # fmt: skip
    """Merge the soups of LOGS two by two; say what is left.

    What lives in two logs after their last ticks is put into one soup, of a capacity a
    quarter larger, and runs on under the logs' own law. Then each part's terms are
    compared with those that live: domination, coexistence or destruction. Every merged
    soup is a log with --record commits; the manifest has a line and a head for each. What
    was stopped or killed goes on by the same command. LOGS are only read.
    """
    from automaton.soups.pair_campaign import PairCampaign, parts_of  # noqa: PLC0415  # loads numba
    from automaton.soups.pair_plan import Merging, PairPlan  # noqa: PLC0415  # loads numba

    form = form_of(json=json, csv=csv)
    parts = parts_of(logs, workers or available_cores())
    how = Merging(generations, seed, repeats, maintained, between, keep_logs)
    plan = PairPlan.of(parts, how)
    if only is not None and only >= len(plan.runs):
        raise UsageError(f"--only {only}: there are the soups 0 to {len(plan.runs) - 1}")
    campaign = PairCampaign(out, plan)
    chosen = None if only is None else {only}
    with progress(len(chosen or plan.runs), 0 if chosen else len(campaign.done)) as told:
        campaign.make(workers or available_cores(), told, chosen)
    _show(campaign, form)


def _show(campaign: PairCampaign, form: Form) -> None:
    """A row a merged soup for programs, a row an outcome for people."""
    rows = list(campaign.rows())
    if form == "json":
        print_json(rows)
    elif form == "csv":
        names = [f"{figure}_{side}" for figure in _FIGURES for side in _SIDES]
        print_rows(["run", *_SIDES, "repeat", "seed", "head", "outcome", *names],
                   map(_cells, rows), "csv")  # fmt: skip
    else:
        _print_table(campaign, rows)


def _cells(row: dict[str, Any]) -> list[Any]:
    merger = row["merger"]
    figures = [value for figure in _FIGURES for value in merger[figure]]
    return [row["run"], *row["settings"].values(), row["seed"], row["head"], merger["outcome"],
            *figures]  # fmt: skip


def _print_table(campaign: PairCampaign, rows: list[dict[str, Any]]) -> None:
    from automaton.analysis.population_series import wilson  # noqa: PLC0415  # see the top
    from automaton.soups.merger import OUTCOMES  # noqa: PLC0415  # see the top

    plan = campaign.plan
    said = f"{counted(len(plan.runs), 'merged soup')} of {counted(len(plan.parts), 'log')}"
    click.echo(f"{said}, {plan.ticks:,} ticks each; logs and heads: {campaign.folder}")
    if plan.left_out:
        click.echo(
            f"left out, for too little maintains itself: {counted(len(plan.left_out), 'log')}"
        )
    if left := len(campaign.plan.runs) - len(rows):
        click.echo(f"{counted(left, 'soup')} still to be made: the same command goes on")
    if len(rows) == 1:
        merger = rows[0]["merger"]
        for k, side in enumerate(_SIDES):
            click.echo(
                f"{rows[0]['settings'][side]}: {counted(merger['terms'][k], 'term')}, "
                f"{merger['retained'][k]:.1%} of them live; similarity "
                f"{merger['at_first'][k]:.3f} at first, {merger['similarity'][k]:.3f} at the end"
            )
    if rows:
        click.echo("what became of them, with Wilson's 95 % interval:")
        found = [row["merger"]["outcome"] for row in rows]
        table = []
        for name in OUTCOMES:
            share = wilson(found.count(name), len(found))
            table.append([found.count(name), share.value, share.low, share.high, name])
        print_rows(("soups", "share", "low", "high", "outcome"), table, "text")
