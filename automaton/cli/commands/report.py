"""`report LOG -o FILE.html`: all pictures of a log, its settings and its head on a page."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.cli.export_job import (
    FORCE,
    FROM,
    UNTIL,
    draw_without_display,
    opened_job,
    output,
)
from automaton.cli.option_types import PATH
from automaton.cli.output_file import STANDARD_OUTPUT, refuse_place, whole_file
from automaton.cli.text import printable


@click.command()
@click.argument("log", type=PATH)
@output("The page (a path); - is standard output.")
@FROM
@UNTIL
@FORCE
def report(log: Path, out: Path, first: int, last: int | None, force: bool) -> None:
    """Write one HTML page on LOG: figures, settings, head.

    It also says how to verify the log.

    The page loads nothing and needs no network: it can be sent and kept.
    """
    from automaton.export import drawing, html_report  # noqa: PLC0415  # see the top

    refuse_place(out, log, force=force)
    draw_without_display()
    drawing.require()
    with opened_job(log, first, last) as job, whole_file(out, force=force) as file:
        html_report.write(job, file)
    if out != STANDARD_OUTPUT:
        click.echo(f"wrote {printable(str(out))}: open it in a browser")
