"""`organisation LOG`: whether the living terms make each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.option_types import PATH, option, switch
from automaton.cli.text import as_json, counted
from automaton.errors import UsageError
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.soups.merger import Merger
    from automaton.soups.organisation import Organisation

_SHOWN = 20  # terms of the core that are listed
_TICK = click.IntRange(min=0)


@click.command()
@click.argument("log", type=PATH)
@option(
    "--at",
    type=_TICK,
    metavar="TICK",
    show_default="the last",
    help="After which tick (a count; 0 is the genesis).",
)
@option(
    "--against",
    type=_TICK,
    metavar="TICK",
    show_default="none",
    help="Also how alike the terms are to those after this tick (a count): Jaccard's index.",
)
@option(
    "--most",
    type=click.IntRange(1, 20_000),
    metavar="N",
    default=2000,
    show_default=True,
    help="The N most frequent terms (a count): N * N collisions are computed.",
)
@option(
    "--copies/--no-copies",
    default=False,
    show_default="no",
    help="Whether a collision that makes one of its own reactants maintains it.",
)
@switch("--json", "Print one JSON object.")
def organisation(
    log: Path, at: int | None, against: int | None, most: int, copies: bool, json: bool
) -> None:
    """Say whether the terms that live in LOG make each other.

    All of them are collided with each other under the operator that works after the
    tick. A set is closed where no collision leads out of it, and maintains itself where
    a collision of its terms makes each of them. LOG is only read.
    """
    from automaton.analysis import snapshot  # noqa: PLC0415  # loads numba
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415
    from automaton.soups import collision_table, living_terms, merged_soup  # noqa: PLC0415
    from automaton.soups import organisation as sets  # noqa: PLC0415
    from automaton.terms.notation import format_term  # noqa: PLC0415

    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        last = len(opened.commits)
        tick = last if at is None else at
        ticks = sorted({tick} if against is None else {tick, against})
        if ticks[-1] > last:
            raise UsageError(f"{log}: there is no tick {ticks[-1]}; the last is {last}")
        worlds = {number: snapshot.world_at(opened, number) for number in ticks}
        merged = merged_soup.merger_of(opened, worlds[tick])
    living = living_terms.living_terms(worlds[tick], most)
    every = living_terms.living_terms(worlds[tick])
    alike = None
    if against is not None:
        before = living_terms.living_terms(worlds[against])
        alike = sets.jaccard(before.as_set(), every.as_set())
    law = living_terms.collision_law(worlds[tick])
    table = collision_table.collisions(living.terms, law, available_cores())
    found = sets.organisation(table.products, copies=copies)
    core = [format_term(living.terms[k]) for k in found.core.nonzero()[0]]
    if json:
        more = {
            "tick": tick, "distinct": len(every.terms), "left_out": living.left_out,
            "operator": format_term(law.operator), "jaccard": alike, "core": core,
            "merger": None if merged is None else merged.as_json(),
        }  # fmt: skip
        click.echo(as_json({**found.as_json(), **more}))
        return
    click.echo(f"{log} after tick {tick:,}, operator {format_term(law.operator)}")
    for line in _lines(found, len(every.terms), living.left_out):
        click.echo(line)
    for line in _merged(merged):
        click.echo(line)
    if alike is not None:
        click.echo(f"Terms shared with those after tick {against:,}: {alike:.3f} (Jaccard's index)")
    if core:
        click.echo("The part that maintains itself, the most frequent first:")
    for text in core[:_SHOWN]:
        click.echo(f"  {text}")
    if len(core) > _SHOWN:
        click.echo(f"  and {counted(len(core) - _SHOWN, 'more term')}; --json lists all")


def _merged(merger: Merger | None) -> list[str]:
    """What became of the two parts of a merged soup; nothing where it is none."""
    if merger is None:
        return []
    lines = [f"Merged of two, {counted(merger.shared, 'term')} in both: {merger.outcome}"]
    for k, side in enumerate(("left", "right")):
        lines.append(
            f"  {side}: {counted(merger.terms[k], 'term')}, {merger.retained[k]:.1%} of them live; "
            f"similarity {merger.at_first[k]:.3f} at first, {merger.similarity[k]:.3f} now"
        )
    return lines


def _lines(found: Organisation, distinct: int, left_out: int) -> list[str]:
    """What was found, a line each."""
    pairs = found.terms * found.terms
    made = pairs - found.elastic
    taken = "" if distinct == found.terms else f" of {distinct:,}: the most frequent"
    beside = f"; {counted(left_out, 'term')} not in normal form left out" if left_out else ""
    size = int(found.core.sum())
    copies = f"{_share(found.copies, made)} copies of a reactant"
    lines = [
        f"Terms: {found.terms:,}{taken}{beside}",
        f"Collisions: {pairs:,}; {_share(found.elastic, pairs)} elastic (out of budget)",
        f"Products: {_share(found.outside, made)} out of the set, {copies}",
        f"Largest part that maintains itself: {counted(size, 'term')}",
    ]
    if size:
        out = "closed" if not found.core_outside else f"{found.core_outside:,} collisions lead out"
        lines.append(
            f"Its collisions: {found.core_made:,} stay within it, of these "
            f"{_share(found.core_copies, found.core_made)} copies; {out}"
        )
    return [*lines, f"Organisation: {_LEVELS[found.level]}"]


_LEVELS = {
    "none": "none: nothing that is closed and maintains itself",
    "L0": "level 0: closed, and maintained by copying",
    "L1": "level 1: closed, and each term is made by others",
    "L2": "level 2: two organisations of level 1, and what they make of each other",
}


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"
