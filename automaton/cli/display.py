"""How a run looks: a line that moves on a terminal, blocks of statistics, the end.

Shows values that it is given; it must not know where they come from. Statistics
go to standard output, what is only for the eye to standard error. While a line
moves on a terminal, all that goes there goes through it, so that nothing is glued
to it; lines are broken between words where a terminal is too narrow for them.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import gmtime, monotonic, strftime, time
from typing import Any, Protocol

import click
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from automaton.cli.text import as_json, printable
from automaton.run.stats import Stats, block

_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
REFRESHES = 8  # a second, of the moving line
NOWHERE: Mapping[str, Any] = {}
SHOW_CURSOR = b"\x1b[?25h"


class Progress(Protocol):
    """What of a verification the moving line looks at."""

    def progress(self, tick: int) -> str:
        """How far it is, in words to be added; empty where there is none."""
        ...


class RunView(Protocol):
    """What the moving line looks at."""

    begun: int  # the tick under way, or the last one

    @property
    def tick(self) -> int:
        """The last tick that is done."""
        ...

    @property
    def outcomes(self) -> dict[str, int]:
        """How many candidates had each outcome."""
        ...

    @property
    def pace(self) -> Progress:
        """Where verification is."""
        ...


class Display:
    """The three forms of output: for programs, for a terminal, for a file."""

    def __init__(
        self, *, json: bool, plain: bool = True, origin: Mapping[str, Any] = NOWHERE
    ) -> None:  # fmt: skip
        self.json = json
        self.origin = origin  # what every line for programs says of where it comes from
        self.plain = plain
        self.ticks: int | None = None
        self.seconds: float | None = None
        self.last: Stats | None = None
        self._first, self._started = 0, 0.0
        self._live = False
        self._moving: Live | None = None
        self._stopping = False
        self.run: RunView | None = None
        self.restored = 0

    @contextmanager
    def moving(self) -> Iterator[None]:
        """A line that shows that something happens, where a terminal is looking."""
        try:
            with self._on_terminal():
                yield
        finally:
            self.run = None

    @contextmanager
    def _on_terminal(self) -> Iterator[None]:
        console = Console(stderr=True)
        if not console.is_terminal or console.is_dumb_terminal:
            yield
            return
        same = sys.stdout.isatty()
        self._live = same and not self.plain and not self.json
        with Live(
            get_renderable=self._view, console=console, refresh_per_second=REFRESHES,
            transient=True, redirect_stdout=same,
        ) as moving:  # fmt: skip
            self._moving = moving
            try:
                yield
            finally:
                self._moving = None

    def begin(self, run: RunView, ticks: int | None = None, seconds: float | None = None) -> None:
        """From now on the moving line looks at the run, and at how far it is."""
        self.run = run
        self.ticks, self.seconds = ticks, seconds
        self._first, self._started = run.tick, monotonic()

    def _view(self) -> RenderableType:
        """What a terminal shows: the line, how far the run is, the last statistics."""
        parts: list[RenderableType] = [self._line()]
        share = self._share()
        if share is not None:
            bar = Table.grid()  # alone it would not end its line
            bar.add_row(ProgressBar(total=1.0, completed=share, width=60))
            parts.append(bar)
        if self.last is not None and not self.plain:
            table = Table.grid(padding=(0, 2))
            for label, value in rows_of(self.last):
                table.add_row(Text(label, style="bold"), Text(printable(value)))
            parts.append(table)
        # Room for the ^C that a terminal echoes: on a new line it would move all this.
        return Constrain(Group(*parts), _columns() - len("^C") - 1)

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
        ending = "stopping" if self._stopping else "Ctrl-C ends the run"
        verified = run.pace.progress(run.tick)
        return Text(f"tick {run.tick}, {done:,} modifications{verified}; {ending}")

    def reading(self, tick: int) -> None:
        """So many ticks of the log are folded again."""
        self.restored = tick

    def note(self, text: str) -> None:
        """Something worth knowing that is no error."""
        lines = [f"note: {printable(text)}"]
        if sys.stderr.isatty():
            lines = textwrap.wrap(lines[0], _columns(), subsequent_indent="      ", **_WORDS)
        self._say("\n".join(lines), err=True)

    def stopping(self) -> None:
        """A signal was heard: said at once to whoever looks, while the tick is finished."""
        self._stopping = True
        if self._moving is not None and self.run is not None:
            tick = self.run.begun
            self._say(f"stopping after tick {tick} ... (Ctrl-C again ends it at once)", err=True)

    def show(self, stats: Stats) -> None:
        """One set of statistics; the last one closes the run."""
        if self.json:
            self._say(as_json({"time": _now(), **self.origin, **stats.as_json()}))
            return
        if self._live and not stats.final:
            self.last = stats
            return
        title = "Summary" if stats.final else f"Tick {stats.tick}"
        rows = [(label, printable(value)) for label, value in rows_of(stats)]
        columns = _columns() if sys.stdout.isatty() else None
        self._say("\n".join([title, *table(rows, columns), ""]))

    def end(self, text: str, command: str) -> None:
        """The last lines, and a command for the next thing to do, whole in a line of its own."""
        lines = textwrap.wrap(text, _columns(), **_WORDS) if sys.stdout.isatty() else [text]
        self._say("\n".join([*lines, f"  {command}"]))

    def _say(self, text: str, *, err: bool = False) -> None:
        """Print lines; above the one that moves where they go to its terminal."""
        if self._moving is not None and (err or sys.stdout.isatty()):
            self._moving.console.print(Text(text), soft_wrap=True)
        else:
            click.echo(text, err=err)


def _now() -> str:
    """The time, UTC in ISO 8601 with milliseconds."""
    seconds = time()
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(seconds))}.{int(seconds * 1000) % 1000:03d}Z"


def _columns() -> int:
    """Columns of the terminal; at least some words have room in a line."""
    return max(40, Console().width)


def table(rows: Sequence[tuple[str, str]], columns: int | None) -> Iterator[str]:
    """Labels and values, one a line (None: however long), or broken between words."""
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        head = f"  {label:{width}}  "
        if columns is None or len(head) + len(value) <= columns:
            yield head + value
        elif max(map(len, value.split())) + len(head) <= columns:
            hanging = " " * len(head)
            yield from textwrap.wrap(
                value, columns, initial_indent=head, subsequent_indent=hanging, **_WORDS
            )
        else:  # a word that does not fit beside its label, such as a digest, stays whole below it
            yield f"  {label}"
            yield from textwrap.wrap(
                value, columns, initial_indent="    ", subsequent_indent="    ", **_WORDS
            )


def rows_of(stats: Stats) -> list[tuple[str, str]]:
    """Label and value of every line of statistics."""
    return [*block(stats), *_remarks(stats)]


def _remarks(stats: Stats) -> list[tuple[str, str]]:
    """What is said only where it is so."""
    rows = []
    if stats.unknown_conditions:
        rows.append(("Unknown conditions", f"{', '.join(stats.unknown_conditions)} (false)"))
    if stats.refused:
        reasons = ", ".join(f"{reason} {count}" for reason, count in stats.refused.items())
        rows.append(("Refused input", reasons))
    if stats.inbox_begun_anew:
        rows.append(("Inbox begun anew", f"{stats.inbox_begun_anew} times: read from its start"))
    if not stats.moved and stats.automaton is not None:
        rows.append(("Machine", "no transition fired at the last tick: it stays"))
    if stats.final:
        rows.append(("Head of the chain", stats.head))
    return rows
