"""`plot LOG --what NAME -o FILE`: a picture."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.cli.export_job import (
    FORCE,
    FROM,
    UNTIL,
    draw_without_display,
    note,
    opened_job,
    output,
)
from automaton.cli.option_types import PATH, option
from automaton.cli.output_file import STANDARD_OUTPUT, refuse_place, whole_file
from automaton.cli.small_file import read_small
from automaton.cli.text import printable
from automaton.errors import UsageError

#: Pictures, as `automaton.export.pictures` has them.
WHAT = (
    "rates", "outcomes", "dimensions", "shares", "entropy", "sizes", "diversity", "population",
    "phylogeny", "memory", "scaling",
)  # fmt: skip
#: Bytes of what `scale` prints that are read at most.
MOST_MEASURED = 16 << 20
FILES = (".svg", ".png", ".pdf")


@click.command()
@click.argument("log", type=PATH)
@option(
    "--what", type=click.Choice(WHAT), required=True, show_default="none: it must be given",
    help="What is drawn (a word).",
)  # fmt: skip
@output("The file (a path): .svg, .png or .pdf; - is standard output, as SVG.")
@option(
    "--measured", type=PATH, metavar="FILE", show_default="none: scaling needs it",
    help="What `scale LOG --json` printed (a path), for --what scaling.",
)  # fmt: skip
@FROM
@UNTIL
@FORCE
def plot(
    log: Path, what: str, out: Path, measured: Path | None, first: int, last: int | None,
    force: bool,
) -> None:  # fmt: skip
    """Draw LOG: rates, outcomes, entropies, population, ancestry.

    The caption says what was read, over which ticks, and how many values that were. LOG is
    read only, also while another process runs it.
    """
    from automaton.export import drawing, pictures  # noqa: PLC0415  # see the top

    if (what == "scaling") != (measured is not None):
        raise UsageError("--what scaling draws what --measured FILE holds, and no other picture "
                         "does; `scale LOG --json > FILE` measures it")  # fmt: skip

    kind = "svg" if out == STANDARD_OUTPUT else out.suffix.lower().removeprefix(".")
    if f".{kind}" not in FILES:
        raise UsageError(f"{out}: a picture is .svg, .png or .pdf; name it so")
    refuse_place(out, log, force=force)
    draw_without_display()
    drawing.require()
    if measured is not None:
        chart = pictures.scaling(read_small(measured, MOST_MEASURED), printable(measured.name))
    else:
        with opened_job(log, first, last) as job:
            chart = pictures.read_picture(what, job)
    with whole_file(out, force=force) as file:
        drawing.draw(chart, file, kind)
    if not chart.series:
        note(f"there is nothing to draw: {chart.note or 'no ticks'}")
    if out != STANDARD_OUTPUT:
        click.echo(f"wrote {printable(str(out))}: {printable(chart.caption)}")
