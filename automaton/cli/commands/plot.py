"""`plot LOG --what NAME -o FILE`: a picture; `report LOG -o FILE.html`: all of them on a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.export_job import draw_without_display, note, origin, progress
from automaton.cli.option_types import PATH, Command, option, switch
from automaton.cli.output_file import STANDARD_OUTPUT, refuse_place, whole_file
from automaton.cli.text import printable
from automaton.errors import UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.export import ExportJob

#: Pictures, as `automaton.export.pictures` has them.
WHAT = (
    "rates", "outcomes", "dimensions", "shares", "entropy", "sizes", "diversity", "population",
    "phylogeny",
)  # fmt: skip
FILES = (".svg", ".png", ".pdf")

FROM = option(
    "--from", "first", type=click.IntRange(min=1), metavar="TICK", default=1, show_default=True,
    help="From this tick on (a count).",
)  # fmt: skip
UNTIL = option(
    "--until", "last", type=click.IntRange(min=0), metavar="TICK", show_default="the last",
    help="Up to this tick, that one included (a count).",
)  # fmt: skip
FORCE = switch("--force", "Replace what stands at FILE.")


def output(help_: str) -> Callable[[Command], Command]:
    """The option that names the file."""
    return option(
        "-o", "--output", "out", type=PATH, required=True, metavar="FILE",
        show_default="none: it must be given", help=help_,
    )  # fmt: skip


@click.command()
@click.argument("log", type=PATH)
@option(
    "--what", type=click.Choice(WHAT), required=True, show_default="none: it must be given",
    help="What is drawn (a word).",
)  # fmt: skip
@output("The file (a path): .svg, .png or .pdf; - is standard output, as SVG.")
@FROM
@UNTIL
@FORCE
def plot(
    log: Path, what: str, out: Path, first: int, last: int | None, force: bool
) -> None:  # fmt: skip
    """Draw a picture of LOG.

    The caption says what was read, over which ticks, and how many values that were. LOG is
    read only, also while another process runs it.

    Example: automaton-scalable plot my.jsonl --what diversity -o diversity.svg
    """
    from automaton.export import drawing, pictures  # noqa: PLC0415  # see the top

    kind = "svg" if out == STANDARD_OUTPUT else out.suffix.lower().removeprefix(".")
    if f".{kind}" not in FILES:
        raise UsageError(f"{out}: a picture is .svg, .png or .pdf; name it so")
    refuse_place(out, log, force=force)
    draw_without_display()
    drawing.require()
    with _job(log, first, last) as job:
        chart = pictures.read_picture(what, job)
    with whole_file(out, force=force) as file:
        drawing.draw(chart, file, kind)
    if not chart.series:
        note(f"there is nothing to draw: {chart.note or 'no ticks'}")
    if out != STANDARD_OUTPUT:
        click.echo(f"wrote {printable(str(out))}: {printable(chart.caption)}")


@click.command()
@click.argument("log", type=PATH)
@output("The page (a path); - is standard output.")
@FROM
@UNTIL
@FORCE
def report(log: Path, out: Path, first: int, last: int | None, force: bool) -> None:
    """Write one HTML page on LOG, with all pictures.

    Also its outcomes, settings and head, and how to verify it. The page loads
    nothing and needs no network: it can be sent and kept.

    Example: automaton-scalable report my.jsonl -o report.html
    """
    from automaton.export import drawing, html_report  # noqa: PLC0415  # see the top

    refuse_place(out, log, force=force)
    draw_without_display()
    drawing.require()
    with _job(log, first, last) as job, whole_file(out, force=force) as file:
        html_report.write(job, file)
    if out != STANDARD_OUTPUT:
        click.echo(f"wrote {printable(str(out))}: open it in a browser")


@contextmanager
def _job(log: Path, first: int, last: int | None) -> Iterator[ExportJob]:
    """An opened log, and the ticks of it that are meant."""
    from automaton.export import ExportJob, Selection  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        part = Selection(first, last).of(opened)
        with progress(part.first, part.stop) as told:
            yield ExportJob(opened, part, None, told, origin(), note)
