"""`fork LOG --out NEW`: a log to be changed, that begins where another one stood."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.commands.init import write_new
from automaton.cli.option_types import PATH, option
from automaton.cli.text import printable
from automaton.format.options import OF_ISLANDS, Options

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.snapshot import ForkLine

ONE = 1 << 32  # probabilities are kept as 32-bit integers
NAMED = 5  # objects left out that are named


@click.command()
@click.argument("log", type=PATH)
@option(
    "--to",
    type=click.IntRange(min=0),
    metavar="TICK",
    show_default="the last",
    help="Begin where LOG stood after this tick (a count; 0 is the genesis, byte for byte).",
)
@option(
    "--out",
    type=PATH,
    required=True,
    metavar="NEW",
    show_default="none: it must be given",
    help="A path that does not exist yet.",
)
def fork(log: Path, to: int | None, out: Path) -> None:
    """Write a new log that begins where LOG stood, to be edited.

    It begins where LOG stood after a tick. A log that has run is never edited: its
    chain would no longer hold. NEW holds every object as it stood and the terms that
    lived, and no commits, so that it can be changed with any editor. LOG stays as it
    is.
    """
    from automaton.analysis import snapshot  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        tick = len(opened.commits) if to is None else to
        world = snapshot.world_at(opened, tick)
        left: list[str] = []
        lines, size = write_new(out, _pieces(snapshot.fork_lines(opened, world, tick), left))
    click.echo(f"wrote {out}: {lines:,} lines, {size:,} bytes, from {log} after tick {tick:,}")
    if left:
        names = ", ".join(map(printable, left[:NAMED]))
        more = f" and {len(left) - NAMED:,} more" if len(left) > NAMED else ""
        click.echo(f"note: left out, since their terms no longer live: {names}{more}", err=True)
    current = world.current
    if current and current != (lowest := world.program.lowest().id):
        click.echo(
            f"note: its machine starts in {printable(lowest)}; that of {log} stood in "
            f"{printable(current)}",
            err=True,
        )
    click.echo("edit it with any editor as long as it has not run, then run it:")
    click.echo(f"automaton-scalable {shlex.quote(str(out))}{_flags(world.options)}")


def _pieces(kept: Iterator[ForkLine], left: list[str]) -> Iterator[bytes]:
    """The lines that are taken over; the names of the others go to `left`."""
    for line, name in kept:
        if line is None:
            left.append(name)
        else:
            yield line + b"\n"


def _flags(options: Options) -> str:
    """The deciding options that the log was run with, where they are not the defaults."""
    words = []
    default = vars(Options())
    for name, value in vars(options).items():
        if name in {"graph", "max_input", *OF_ISLANDS} or value in {None, default[name]}:
            continue
        flag = "--" + name.replace("_", "-")
        if name == "focus_probability":
            value = value / ONE  # noqa: PLW2901  # as it is given
        words.append(flag if isinstance(value, bool) else f"{flag} {shlex.quote(str(value))}")
    return "".join(f" {word}" for word in words)
