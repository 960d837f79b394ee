"""How a run looks: a line that moves on a terminal, blocks of statistics, the end.

Shows values that it is given; it must not know where they come from. Statistics
go to standard output, what is only for the eye to standard error.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import Protocol

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
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

    def __init__(self, *, json: bool, plain: bool = True) -> None:
        self.json = json
        self.plain = plain
        self.ticks: int | None = None
        self.seconds: float | None = None
        self.last: Stats | None = None
        self._first, self._started = 0, 0.0
        self._live = False
        self.run: UnderWay | None = None
        self.restored = 0

    def moving(self) -> AbstractContextManager[object]:
        """A line that shows that something happens, where a terminal is looking."""
        console = Console(stderr=True)
        if not console.is_terminal:
            return nullcontext()
        same = sys.stdout.isatty()
        self._live = same and not self.plain and not self.json
        # Blocks go above the line; where stdout is no terminal nobody may touch it.
        return Live(
            get_renderable=self._view,
            console=console,
            refresh_per_second=REFRESHES,
            transient=True,
            redirect_stdout=same,
        )

    def begin(self, run: UnderWay, ticks: int | None = None, seconds: float | None = None) -> None:
        """From now on the moving line looks at the run, and at how far it is."""
        self.run = run
        self.ticks, self.seconds = ticks, seconds
        self._first, self._started = run.tick, monotonic()

    def _view(self) -> RenderableType:
        """What a terminal shows: the line, how far the run is, the last statistics."""
        parts: list[RenderableType] = [self._line()]
        share = self._share()
        if share is not None:
            parts.append(ProgressBar(total=1.0, completed=share, width=60))
        if self.last is not None and not self.plain:
            table = Table.grid(padding=(0, 2))
            for label, value in rows_of(self.last):
                table.add_row(Text(label, style="bold"), Text(printable(value)))
            parts.append(table)
        return Group(*parts)

    def _share(self) -> float | None:
        """How far a bounded run is, from 0 to 1."""
        if self.run is None or (self.ticks is None and self.seconds is None):
            return None
        by_ticks = (self.run.tick - self._first) / self.ticks if self.ticks else 0.0
        by_time = (monotonic() - self._started) / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_ticks, by_time))

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
        if self._live and not stats.final:
            self.last = stats
            return
        rows = rows_of(stats)
        width = max(len(label) for label, _ in rows)
        title = "Summary" if stats.final else f"Tick {stats.tick}"
        lines = [f"  {label:{width}}  {printable(value)}" for label, value in rows]
        click.echo("\n".join([title, *lines, ""]))


def rows_of(stats: Stats) -> list[tuple[str, str]]:
    """Label and value of every line of statistics."""
    return [*block(stats), *_remarks(stats)]


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
