"""`cat LOG`: the bytes of a log, whether they stand in one file or in segments."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from automaton.cli.option_types import PATH, option
from automaton.errors import UsageError


@click.command()
@click.argument("log", type=PATH)
@option(
    "--from",
    "first",
    type=click.IntRange(min=1),
    metavar="TICK",
    show_default="the genesis",
    help="Begin with the batch of this tick (a count).",
)
@option(
    "--to",
    "last",
    type=click.IntRange(min=0),
    metavar="TICK",
    show_default="the last",
    help="End with the commit of this tick (a count; 0 is the genesis alone).",
)
def cat(log: Path, first: int | None, last: int | None) -> None:
    """Print the lines of LOG as they stand.

    From its genesis to its last commit.

    Segments are decompressed: the bytes are those that the log would have in one file.
    What no commit covers is not printed.
    """
    from automaton.log import Log  # noqa: PLC0415  # loads numba

    with Log.open(log, write=False) as opened:
        count = len(opened.commits)
        for tick in (first or 0, last or 0):
            if tick > count:
                raise UsageError(f"{log}: there is no tick {tick}; the last is {count}")
        if first is not None and last is not None and first > last:
            raise UsageError(f"--from {first} is after --to {last}; give the earlier tick first")
        start = 0 if first is None else opened.commits.row(first).batch_start
        stop = opened.size if last is None else opened.end_of(last)
        if first == 1:
            start += opened.separator
        for data in opened.blocks(start, stop):
            sys.stdout.buffer.write(data)
