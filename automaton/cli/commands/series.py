"""`series LOG`: how a log's population went, a row a tick."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.cli.option_types import PATH, option
from automaton.cli.tabular import form_of, forms, print_chart, print_json, print_rows
from automaton.errors import UsageError
from automaton.format.records import OUTCOMES


@click.command()
@click.argument("log", type=PATH)
@option(
    "--every",
    type=click.IntRange(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="A row for every N-th tick (a count), and one for the last.",
)
@option(
    "--chart",
    metavar="FIGURE",
    show_default="none",
    help="Draw one figure as bars (a word, such as distinct) instead of printing all.",
)
@forms
def series(log: Path, every: int, chart: str | None, json: bool, csv: bool) -> None:
    """Show how LOG's population went, a row of figures a tick.

    Live and distinct terms, sizes, outcomes. It is folded from the log, so a run that
    ended long ago has a series too. distinct counts the different terms among all that
    live after the tick.
    """
    from automaton.analysis.population_series import FIGURES, tick_rows  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    if chart is not None and form != "text":
        raise UsageError("--chart draws for people; leave --json and --csv out, or --chart")
    if chart is not None and chart not in FIGURES:
        raise UsageError(f"--chart {chart}: a figure is one of {', '.join(FIGURES)}")
    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        rows = tick_rows(opened, every)
        if chart is not None:
            print_chart(chart, ((row.tick, getattr(row, chart)) for row in rows))
        elif form == "json":
            print_json(row.as_json() for row in rows)
        else:
            names = ("tick", *FIGURES)
            table = (
                (*(getattr(row, name) for name in names), *(row.outcomes[o] for o in OUTCOMES))
                for row in rows
            )
            print_rows((*names, *OUTCOMES), table, form)
