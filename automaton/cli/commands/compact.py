"""`compact LOG`: a log sealed into compressed segments, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.option_types import PATH, option, switch
from automaton.cli.resource_options import Size
from automaton.cli.text import counted, printable
from automaton.errors import UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log.segments.segment_reader import LogSegment

GIB = 1 << 30


@click.command()
@click.argument("log", type=PATH)
@option(
    "--segment-bytes",
    type=Size(1),
    metavar="SIZE",
    default=GIB,
    show_default="1GiB",
    help="The log in a segment, at least (in bytes, as in 256MiB); it ends with a commit.",
)
@switch("--rebuild", "Write the list of segments anew, from the segments alone; seal nothing.")
def compact(log: Path, segment_bytes: int, rebuild: bool) -> None:
    """Compress LOG into segments in LOG.segments.

    LOG itself goes on behind them.

    Every command reads the log as before. No run may be under way. Interrupted at any
    point, the log is what it was.
    """
    from automaton.log import Log  # noqa: PLC0415  # loads numba
    from automaton.log.segments.compaction import rebuild_manifest, seal  # noqa: PLC0415

    with Log.open(log, write=True) as opened:
        for notice in opened.notices:
            click.echo(f"note: {printable(notice)}", err=True)
        if rebuild:
            found = rebuild_manifest(opened)
            click.echo(f"{log}.segments/manifest.jsonl: {counted(len(found), 'segment')}")
            return
        if not len(opened.commits):
            raise UsageError(f"{log} has no commits yet, and only what a run sealed is compressed")
        made = seal(opened, segment_bytes)
        for notice in opened.news():
            click.echo(f"note: {printable(notice)}", err=True)
    if not made:
        click.echo(f"{log}: nothing to do, all of it is sealed in segments")
    for segment in made:
        click.echo(_said(segment))


def _said(segment: LogSegment) -> str:
    ratio = segment.bytes / segment.packed
    return (
        f"segment {segment.number}: up to tick {segment.tick:,}, {segment.bytes:,} bytes in "
        f"{segment.packed:,} ({ratio:.1f} to 1), {counted(segment.pages, 'page')}"
    )
