"""`population LOG`: the terms that live after a tick, with their counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.option_types import PATH, option
from automaton.cli.tabular import form_of, forms, print_json, print_rows
from automaton.cli.text import counted, printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.snapshot import Species

_SPECIES = ("count", "share", "size", "first_tick", "made_by", "ids", "term", "de_bruijn")


@click.command()
@click.argument("log", type=PATH)
@option(
    "--at",
    type=click.IntRange(min=0),
    metavar="TICK",
    show_default="the last",
    help="After which tick (a count; 0 is the genesis).",
)
@option(
    "--top",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="20; all with --json and --csv",
    help="The N most frequent terms (a count).",
)
@forms
def population(log: Path, at: int | None, top: int | None, json: bool, csv: bool) -> None:
    """Show which terms live in LOG after a tick.

    Each with count, share, size, age and makers. Objects that carry the same term are
    one row. It is read from the log alone, also of a run that ended long ago, or is
    under way.
    """
    from automaton.analysis import snapshot  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    form = form_of(json=json, csv=csv)
    most = top if top is not None or form != "text" else 20
    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        tick = len(opened.commits) if at is None else at
        world = snapshot.world_at(opened, tick)
        found = snapshot.survivors(opened, world, tick, most)
    if form == "json":
        print_json(species.as_json() for species in found.species)
        return
    if form == "text":
        click.echo(
            f"{log} after tick {tick:,}: {found.live:,} live, "
            f"{counted(found.distinct, 'distinct term')} among them"
        )
    print_rows(_SPECIES, map(_species, found.species), form)
    left = found.distinct - len(found.species)
    if form == "text" and left:
        click.echo(f"and {counted(left, 'more term')}; --top {found.distinct} shows all")


def _species(species: Species) -> tuple[Any, ...]:
    """A row: made_by are operator, a and b."""
    more = " ..." if species.count > len(species.ids) else ""
    return (
        species.count, species.share, species.size, species.first_tick,
        " ".join(map(printable, species.makers)) or None,
        " ".join(map(printable, species.ids)) + more, species.readable, species.term,
    )  # fmt: skip
