"""`export LOG --to FORMAT -o FILE`: what a log holds, for another tool."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from automaton.cli.export_job import draw_without_display, origin, progress
from automaton.cli.export_job import note as say
from automaton.cli.option_types import PATH, option, switch
from automaton.cli.output_file import STANDARD_OUTPUT, refuse_place, whole_file, whole_folder
from automaton.cli.small_file import read_small
from automaton.cli.text import counted, printable
from automaton.errors import UsageError
from automaton.export import formats
from automaton.export.formats import FORMATS, PARENTS, TABLES, ExportFormat

#: Bytes that a terminal is not for.
_BINARY = frozenset({"parquet"})
#: Bytes of a note that are read.
LONGEST = 1 << 16


@click.command()
@click.argument("log", type=PATH)
@option(
    "--to", "form", type=click.Choice(list(FORMATS)), required=True,
    show_default="none: it must be given", help="The format (a word).",
)  # fmt: skip
@option(
    "-o", "--output", "out", type=PATH, required=True, metavar="FILE",
    show_default="none: it must be given",
    help="The file, or folder, that is made (a path); - is standard output.",
)  # fmt: skip
@option(
    "--table", type=click.Choice(TABLES),
    show_default="winners; of parquet all, in a folder", help="Of csv and parquet: which (a word).",
)  # fmt: skip
@option(
    "--from", "first", type=click.IntRange(min=1), metavar="TICK", default=1, show_default=True,
    help="From this tick on (a count).",
)  # fmt: skip
@option(
    "--until", "last", type=click.IntRange(min=0), metavar="TICK", show_default="the last",
    help="Up to this tick, that one included (a count).",
)  # fmt: skip
@option(
    "--stream", "streams", multiple=True, metavar="NAME", show_default="all",
    help="Only winners of this stream; several times: of these (a word).",
)  # fmt: skip
@option(
    "--dimension", "dimensions", type=int, multiple=True, metavar="D", show_default="all",
    help="Only winners of this dimension; several times: of these (a number).",
)  # fmt: skip
@option(
    "--parent", type=click.Choice(PARENTS), show_default="all three",
    help="Of phylogeny and graphs: which parent counts (a word).",
)  # fmt: skip
@option(
    "--note", type=PATH, metavar="FILE", show_default="the log's head, not signed",
    help="Of tiles: the note of the head that they lead to (a path; of sign or witness).",
)  # fmt: skip
@switch("--force", "Replace what stands at FILE.")
def export(
    log: Path, form: str, out: Path, table: str | None, first: int, last: int | None,
    streams: tuple[str, ...], dimensions: tuple[int, ...], parent: str | None,
    note: Path | None, force: bool,
) -> None:  # fmt: skip
    """Write what LOG holds for another tool.

    Tables, a phylogeny, a canvas, graphs, provenance, a research crate.

    LOG is read only, also while another process runs it; FILE appears whole or not at all.
    """
    from automaton.export import ExportJob, Selection  # noqa: PLC0415  # loads numba
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    row = FORMATS[form]
    _refuse(form, row, out, {"--table": table, "--stream or --dimension": streams or dimensions,
                             "--parent": parent, "--note": note})  # fmt: skip
    refuse_place(out, log, force=force)
    draw_without_display()
    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        roles = {} if parent is None else {"roles": (parent,)}
        meant = Selection(first, last, frozenset(streams), frozenset(dimensions), **roles)
        part = meant.of(opened)
        with progress(part.first, part.stop) as told:
            signed = b"" if note is None else read_small(note, LONGEST)
            job = ExportJob(opened, part, table, told, origin(), say, signed)
            _write(formats.writer(form), job, row.folder and table is None, out, force=force)
    if out != STANDARD_OUTPUT:
        ticks = counted(max(0, part.stop - part.first + 1), "tick")
        click.echo(f"wrote {printable(str(out))}: {form}, {ticks} of {printable(str(log))}")


def _refuse(form: str, row: ExportFormat, out: Path, given: dict[str, Any]) -> None:
    """What the format has no use for, before anything is read."""
    taken = {
        "--table": row.tables, "--stream or --dimension": row.filters, "--parent": row.roles,
        "--note": row.signed,
    }  # fmt: skip
    for name, value in given.items():
        if value and not taken[name]:
            raise UsageError(f"--to {form} takes no {name}: it is of the whole log, tick by tick")
    if out != STANDARD_OUTPUT:
        return
    if row.folder and not (row.tables and given["--table"]):
        hint = "; one --table goes there" if row.tables else ""
        raise UsageError(f"--to {form} makes a folder, which standard output cannot be{hint}")
    if form in _BINARY and sys.stdout.isatty():
        raise UsageError(f"{form} is not for a terminal; name a file, or pipe it")


def _write(
    write: Callable[[Any, Any], None], job: Any, folder: bool, out: Path, *, force: bool
) -> None:  # fmt: skip
    if folder:
        with whole_folder(out, force=force) as made:
            write(job, made)
    else:
        with whole_file(out, force=force) as file:
            write(job, file)
