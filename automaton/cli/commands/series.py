"""`series LOG`: how a log's population went, a row a tick."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.cli.option_types import PATH, option
from automaton.cli.tabular import form_of, forms, print_json, print_rows
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
@forms
def series(log: Path, every: int, json: bool, csv: bool) -> None:
    """Show how LOG's population went, a row of figures a tick.

    Live and distinct terms, sizes, outcomes. It is folded from the log, so a run that
    ended long ago has a series too. distinct counts the different terms among all that
    live after the tick.
    """
    from automaton.analysis.population_series import FIGURES, tick_rows  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        rows = tick_rows(opened, every)
        if form == "json":
            print_json(row.as_json() for row in rows)
        else:
            names = ("tick", *FIGURES)
            table = (
                (*(getattr(row, name) for name in names), *(row.outcomes[o] for o in OUTCOMES))
                for row in rows
            )
            print_rows((*names, *OUTCOMES), table, form)
