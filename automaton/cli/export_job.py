"""What exports and pictures have in common: how far they are, who made them, what is noted."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING

import click

from automaton.cli.group import version
from automaton.cli.text import printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.export import Origin

#: Packages whose version a document names, where they are there.
_PACKAGES = ("numpy", "numba", "pyarrow", "matplotlib")


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
