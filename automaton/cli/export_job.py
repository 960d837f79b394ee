"""What exports and pictures have in common: how far they are, who made them, what is noted."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.group import version
from automaton.cli.option_types import PATH, Command, option, switch
from automaton.cli.text import printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.export import ExportJob, Origin

#: Packages whose version a document names, where they are there.
_PACKAGES = ("numpy", "numba", "pyarrow", "matplotlib")

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


def origin() -> Origin:
    """This program, today, on this machine."""
    from automaton.export import Origin  # noqa: PLC0415  # see the top

    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    found["platform"] = f"{platform.system()} {platform.machine()}"
    return Origin(version(), time.strftime("%Y-%m-%d", time.gmtime()), found)


def draw_without_display() -> None:
    """Have pictures drawn as files, whatever the environment asks for.

    A notebook's kernel asks for a way to draw that need not be installed with this program.
    """
    os.environ["MPLBACKEND"] = "agg"


def note(text: str) -> None:
    """Something worth knowing that is no error."""
    click.echo(f"note: {printable(text)}", err=True)


@contextmanager
def progress(first: int, last: int) -> Iterator[Callable[[int], object]]:
    """A bar on standard error where a terminal is looking; it is told ticks."""
    if not sys.stderr.isatty() or last < first:
        yield lambda _tick: None
        return
    bar = click.progressbar(length=last - first + 1, label="ticks", file=sys.stderr)
    with bar as shown:
        yield lambda tick: shown.update(max(0, tick - first + 1 - shown.pos))


@contextmanager
def opened_job(log: Path, first: int, last: int | None) -> Iterator[ExportJob]:
    """An opened log, and the ticks of it that are meant."""
    from automaton.export import ExportJob, Selection  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        part = Selection(first, last).of(opened)
        with progress(part.first, part.stop) as told:
            yield ExportJob(opened, part, None, told, origin(), note)
