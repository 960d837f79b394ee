"""`islands export DIR --to FORMAT -o FILE`: what all islands hold, for another tool."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from automaton.cli.export_job import FORCE, draw_without_display, note, origin, output, progress
from automaton.cli.option_types import PATH, option
from automaton.cli.output_file import STANDARD_OUTPUT, refuse_place, whole_file, whole_folder
from automaton.cli.text import counted, printable
from automaton.errors import UsageError
from automaton.export import formats
from automaton.export.formats import FORMATS, PARENTS, TABLES, ExportFormat

if TYPE_CHECKING:
    from automaton.export import ExportJob
    from automaton.islands.folder import Folder


@click.command()
@click.argument("folder", type=PATH, metavar="DIR")
@option(
    "--to", "form", type=click.Choice(list(FORMATS)), required=True,
    show_default="none: it must be given", help="The format (a word).",
)  # fmt: skip
@output("The file, or folder, that is made (a path); - is standard output.")
@option(
    "--table", type=click.Choice(TABLES),
    show_default="winners; of parquet all, in a folder", help="Of csv and parquet: which (a word).",
)  # fmt: skip
@option(
    "--until", "last", type=click.IntRange(min=0), metavar="TICK", show_default="each log's last",
    help="Up to this tick, that one included (a count).",
)  # fmt: skip
@option(
    "--parent", type=click.Choice(PARENTS), show_default="all three",
    help="Of phylogeny and graphs: which parent counts (a word).",
)  # fmt: skip
@FORCE
def export(
    folder: Path, form: str, out: Path, table: str | None, last: int | None, parent: str | None,
    force: bool,
) -> None:  # fmt: skip
    """Write what all islands of DIR hold for another tool.

    csv has a column `island`; parquet a partition for each, as in island=3; the phylogeny
    crosses islands: a migrant descends from the winner that it was where it left. Every other
    format makes a folder, with a file or a folder for each island.
    """
    from automaton.islands.folder import open_folder  # noqa: PLC0415  # loads numba

    opened, row = open_folder(folder), FORMATS[form]
    _refuse(form, row, out, table, parent)
    for log in opened.logs:
        refuse_place(out, log, force=force)
    draw_without_display()
    jobs = _jobs(opened, table, last, parent)
    joint = formats.joint_writer(form)
    if joint is None:
        with whole_folder(out, force=force) as made:
            _each(form, row, jobs, made)
    else:
        from automaton.export import JointJob  # noqa: PLC0415  # loads numba

        job = JointJob(jobs, "island", _winner_of(opened.archipelago.prefix), table)
        in_files = row.folder and table is None
        whole: Any = whole_folder if in_files else whole_file
        with whole(out, force=force) as target:
            joint(job, target)
    if out != STANDARD_OUTPUT:
        islands = counted(opened.archipelago.count, "island")
        click.echo(f"wrote {printable(str(out))}: {form}, {islands} of {printable(str(folder))}")


def _refuse(form: str, row: ExportFormat, out: Path, table: str | None, parent: str | None) -> None:
    """What the format has no use for, before anything is read."""
    for name, value, taken in (("--table", table, row.tables), ("--parent", parent, row.roles)):
        if value and not taken:
            raise UsageError(f"--to {form} takes no {name}")
    if out == STANDARD_OUTPUT and (not row.joint or (row.folder and table is None)):
        raise UsageError(f"--to {form} makes a folder, which standard output cannot be")


def _jobs(
    folder: Folder, table: str | None, last: int | None, parent: str | None
) -> Iterator[ExportJob]:
    """Each island's export in turn; its log is open meanwhile."""
    from automaton.export import ExportJob, Selection  # noqa: PLC0415  # loads numba
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    roles: dict[str, Any] = {} if parent is None else {"roles": (parent,)}
    for path in folder.logs:
        with Log.open(path, write=False) as log, with_omitted_batches(log):
            part = Selection(1, last, **roles).of(log)
            with progress(part.first, part.stop) as told:
                yield ExportJob(log, part, table, told, origin(), note)


class _SubFolder:
    """A folder within one that is under way."""

    def __init__(self, folder: Any, name: str) -> None:
        self._folder, self._name = folder, name

    def file(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new file of it."""
        made: AbstractContextManager[BinaryIO] = self._folder.file(f"{self._name}/{name}")
        return made


def _each(form: str, row: ExportFormat, jobs: Iterator[ExportJob], out: Any) -> None:
    """Each island's own file or folder."""
    write = formats.writer(form)
    for island, job in enumerate(jobs):
        if row.folder:
            write(job, _SubFolder(out, f"islands/{island}"))
            continue
        with out.file(f"islands/{island}.{row.ending or form}") as file:
            write(job, file)


def _winner_of(prefix: str) -> Callable[[str], tuple[int, int, int] | None]:
    """Reads ids of migrants: island, tick and slot of the winner."""
    shape = re.compile(r"([a-z]*)island:([0-9]{1,9}):[a-z]*m([0-9]{1,9})\.([0-9]{1,9})")

    def read(name: str) -> tuple[int, int, int] | None:
        found = shape.fullmatch(name)
        if found is None or found[1] != prefix:
            return None
        return int(found[2]), int(found[3]), int(found[4])

    return read
