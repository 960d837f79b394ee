"""`islands observe DIR`, `islands recall DIR TERM`: questions that all islands are asked."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.commands.observe import read_log_series, table
from automaton.cli.commands.recall import (
    URL,
    note_missing,
    recalled_line,
    recalled_members,
    remembered,
)
from automaton.cli.option_types import PATH, WIDTH, option, switch
from automaton.cli.text import as_json, counted, printable
from automaton.errors import DeviceError, FileError

if TYPE_CHECKING:
    from automaton.analysis.figures import Figure
    from automaton.islands.folder import Folder
    from automaton.vector_store import Likeness


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("folder", type=PATH, metavar="DIR")
@option("--window", type=click.IntRange(1, 1_000_000), metavar="N", default=10_000,
        show_default=True,
        help="Winners and ticks of each island that are looked at (a count).")  # fmt: skip
@switch("--json", "Print one JSON object.")
def observe(folder: Path, window: int, json: bool) -> None:
    """Show what the winners of every island show.

    These are the figures of `observe`, island by island.
    """
    from automaton.analysis.figures import observe as observed  # noqa: PLC0415  # loads numba
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # with it

    opened = open_folder(folder)
    rows: list[list[Figure]] = []
    for path in opened.logs:
        series, age = read_log_series(path, window)
        rows.append(observed(series, None, "islands are compared with each other", age).figures)
    if json:
        islands = [
            {"island": k, "figures": [figure.as_json() for figure in figures]}
            for k, figures in enumerate(rows)
        ]
        click.echo(as_json({"archipelago": opened.archipelago.digest, "islands": islands}))
        return
    click.echo(f"{printable(str(folder))}: {counted(len(rows), 'island')}")
    for line in table(
        [("figure", "lowest", "median", "highest", "islands", "unit"), *_spread(rows)]
    ):
        click.echo(line)


def _spread(rows: list[list[Figure]]) -> Iterator[tuple[str, ...]]:
    """Each figure over the islands that have it; one name may stand for several windows."""
    values: dict[tuple[str, str, int], list[float | None]] = {}
    for figures in rows:
        seen: Counter[str] = Counter()
        for figure in figures:
            key = figure.name, figure.unit, seen[figure.name]
            values.setdefault(key, []).append(figure.value)
            seen[figure.name] += 1
    for (name, unit, _), found in values.items():
        known = [value for value in found if value is not None]
        three = (min(known), statistics.median(known), max(known)) if known else ()
        cells = [f"{value:,.4g}" for value in three] or ["-"] * 3
        yield (name, *cells, f"{len(known)}", unit)


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@click.argument("term")
@option("-k", "count", type=click.IntRange(1, 900), default=10, metavar="K", show_default=True,
        help="How many terms (a count), the most alike first.")  # fmt: skip
@URL
@switch("--json", "Print one JSON object a line.")
def recall(folder: Path, term: str, count: int, url: str | None, json: bool) -> None:
    """Print what all memories hold that is most like TERM.

    Every island's memory is asked (`memory reindex` of its log makes one), and the answers
    are ranked together by their exact likeness. Islands that have none are named, shards that
    are missing too, and the answer then is of a part. Nothing gains strength by this.
    """
    from automaton.analysis.snapshot import closed_term  # noqa: PLC0415  # loads numba
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # as above

    opened, words = open_folder(folder), closed_term(term)
    found: list[tuple[int, Likeness]] = []
    silent: dict[int, FileError | DeviceError] = {}
    answering = 0.0  # islands, those of which a part answers in part
    for island in range(opened.archipelago.count):
        try:
            rows, part = _of_island(opened, (island, url), words, count)
            found += [(island, row) for row in rows]
            answering += part
        except (FileError, DeviceError) as error:
            silent[island] = error
    if len(silent) == opened.archipelago.count:
        if isinstance(silent[0], DeviceError):  # what is missing is a package, or a server
            raise silent[0]
        raise FileError(f"no island has a memory: {silent[0]}")
    found.sort(key=lambda pair: (-pair[1].cosine, pair[0], str(pair[1].payload.get("id"))))
    share = answering / opened.archipelago.count
    for island, row in found[:count]:
        members: dict[str, Any] = {"island": island, **recalled_members(row), "of": round(share, 6)}
        click.echo(as_json(members) if json else f"island {island}  {recalled_line(row)}")
    for why in silent.values():
        click.echo(f"note: {printable(str(why))}", err=True)
    if share < 1:
        asked = opened.archipelago.count - len(silent)
        click.echo(
            f"note: a part of the answer: {asked} of {opened.archipelago.count} islands "
            f"({share:.0%}) have a memory",
            err=True,
        )


def _of_island(
    folder: Folder, of: tuple[int, str | None], words: Any, count: int
) -> tuple[list[Likeness], float]:
    """What one island's memory answers, and how much of it does; `of`: the island, servers."""
    from automaton.log import Log  # noqa: PLC0415  # loads numba
    from automaton.vector_store import Filter, most_like  # noqa: PLC0415  # with it

    island, url = of
    path = folder.log(island)
    with Log.open(path, write=False) as log, remembered(path, url, log) as store:
        rows = most_like(store, words, count, Filter(None, None, None, None))
        note_missing(store, f"island {island}: ")
        return rows, store.answering
