"""How a run looks: a line that moves on a terminal, blocks of statistics, the end.

Shows values that it is given; it must not know where they come from. Statistics
go to standard output, what is only for the eye to standard error.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from automaton.stats import Stats, block

from .words import as_json, printable

REFRESHES = 8  # a second, of the moving line
SHOW_CURSOR = b"\x1b[?25h"


class UnderWay(Protocol):
    """What the moving line looks at."""

    tick: int
    outcomes: dict[str, int]


class Display:
    """The three forms of output: for programs, for a terminal, for a file."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.run: UnderWay | None = None
        self.restored = 0

    def moving(self) -> AbstractContextManager[object]:
        """A line that shows that something happens, where a terminal is looking."""
        console = Console(stderr=True)
        if not console.is_terminal:
            return nullcontext()
        same = sys.stdout.isatty()  # then blocks go above the line; else nobody may touch stdout
        return Live(
            get_renderable=self._line,
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=same,
        )

    def begin(self, run: UnderWay) -> None:
        """From now on the moving line looks at the run."""
        self.run = run

    def _line(self) -> Text:
        run = self.run
        if run is None:
            if not self.restored:
                return Text("preparing (the first run on a machine compiles the kernels)")
            return Text(f"reading the log: tick {self.restored}")
        done = run.outcomes.get("normal", 0)
        return Text(f"tick {run.tick}, {done:,} modifications; Ctrl-C ends it after the tick")

    def reading(self, tick: int) -> None:
        """So many ticks of the log are folded again."""
        self.restored = tick

    def note(self, text: str) -> None:
        """Something worth knowing that is no error."""
        click.echo(f"note: {printable(text)}", err=True)

    def show(self, stats: Stats) -> None:
        """One set of statistics; the last one closes the run."""
        if self.json:
            click.echo(as_json(stats.as_json()))
            return
        rows = [*block(stats), *_remarks(stats)]
        width = max(len(label) for label, _ in rows)
        title = "Summary" if stats.final else f"Tick {stats.tick}"
        lines = [f"  {label:{width}}  {printable(value)}" for label, value in rows]
        click.echo("\n".join([title, *lines, ""]))


def _remarks(stats: Stats) -> list[tuple[str, str]]:
    """What is said only where it is so."""
    rows = []
    if stats.unknown_conditions:
        rows.append(("Unknown conditions", f"{', '.join(stats.unknown_conditions)} (false)"))
    if not stats.moved and stats.automaton is not None:
        rows.append(("Machine", "no transition fired at the last tick: it stays"))
    if stats.final:
        rows.append(("Head of the chain", stats.head))
    return rows
