"""`observe LOG`: what a log's winners show, each figure with where it comes from.

Says what was measured; what it means, `automaton.analysis.figures` and `evidence` know.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.option_types import PATH, WIDTH, option, switch
from automaton.cli.text import as_json, printable
from automaton.errors import UsageError

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.figures import Figure, Observation
    from automaton.analysis.series import Series

_HOW = (
    "copy the genesis (replay {log} --to 0 --out NULL), run it with the same --seed, --ticks and "
    "--parallel and with --streams none, and give it as --null NULL"
)
_CUT = (
    "the window begins at tick {tick}, with the streams that compete now, or none: what was "
    "before cannot be taken together with it"
)
_COLUMNS = ("figure", "value", "95 % interval", "unit", "source", "window", "n", "age", "note")


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@option(
    "--window",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    default=10_000,
    show_default=True,
    help="Winners and ticks that are looked at, the last ones (a count).",
)
@option(
    "--null",
    type=PATH,
    metavar="LOG",
    show_default="none: the label cannot be EMERGENT",
    help="A log of the same genesis and seed, run with --streams none (a path).",
)
@switch("--json", "Print one JSON object.")
def observe(log: Path, window: int, null: Path | None, json: bool) -> None:
    """Show entropies, order and diversity of LOG's last winners.

    Shares too, and a label. Also while another process runs it. Every figure names its
    source, its window, how many values are in it and how old it is; the label stands
    with its evidence.
    """
    from automaton.analysis.figures import observe  # noqa: PLC0415  # see the top

    series, age = read_log_series(log, window)
    compared = _null(null, window, series) if null else None
    why = f"the null model is missing; {_HOW.format(log=printable(str(log)))}"
    found = observe(series, compared, why, age)
    if json:
        figures = [figure.as_json() for figure in found.figures]
        click.echo(as_json({"figures": figures, "label": found.verdict.as_json()}))
        return
    for line in _paragraphs(log, series, found):
        click.echo(line)


def read_log_series(log: Path, window: int) -> tuple[Series, float]:
    """The window of a log, and seconds since the log was last written to."""
    from automaton.analysis.series import read_series  # noqa: PLC0415
    from automaton.log import Log  # noqa: PLC0415  # see the top
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        for notice in opened.notices:
            click.echo(f"note: {printable(notice)}", err=True)
        series = read_series(opened, window)
        if series.cut:
            click.echo(f"note: {printable(str(log))}: {_CUT.format(tick=series.since)}", err=True)
        return series, max(0.0, time.time() - log.stat().st_mtime)


def null_of(null: Path, window: int, log: Path) -> Series:
    """The window of the null model of a log; raises `UsageError` where it is none of it."""
    return _null(null, window, read_log_series(log, window)[0])


def _null(null: Path, window: int, of: Series) -> Series:
    """The null model's window, if it is one of this log."""
    series, _ = read_log_series(null, window)
    reason = ""
    if series.names:
        reason = "streams compete in it; run it with --streams none"
    elif series.since > 1:
        reason = f"streams competed in it before tick {series.since}; run it with --streams none"
    elif series.genesis != of.genesis:
        reason = "its genesis is another; make it with replay --to 0"
    elif series.seed != of.seed:
        reason = f"its seed is {series.seed}, not {of.seed}; run it with --seed {of.seed}"
    else:
        reason = _other(series, of)
    if reason:
        raise UsageError(f"{null} is not the null model of this log: {reason}")
    return series


def _other(null: Series, of: Series) -> str:
    """Which deciding option, or the number of ticks, is another in the null model."""
    for name, value in of.options.items():
        if null.options.get(name) != value:
            flag = "--" + name.replace("_", "-")
            return f"it was run with {flag} {null.options.get(name)}, this log with {value}"
    if null.ticks != of.ticks:
        return f"it has {null.ticks:,} ticks, this log {of.ticks:,}"
    return ""


def _paragraphs(log: Path, series: Series, found: Observation) -> Iterator[str]:
    yield f"{printable(str(log))}: {series.ticks:,} ticks"
    yield from table([_COLUMNS, *map(_row, found.figures)])
    verdict = found.verdict
    yield f"label: {verdict.label or 'none'}"
    yield from (f"  {printable(fact)}" for fact in verdict.evidence)


def _row(figure: Figure) -> tuple[str, ...]:
    interval = "-"
    if figure.low is not None and figure.high is not None:
        interval = f"{_number(figure.low)} to {_number(figure.high)}"
    age = "-" if figure.age is None else f"{figure.age:,.0f} s"
    return (
        figure.name, _number(figure.value), interval, figure.unit, figure.source, figure.window,
        f"{figure.n:,}", age, figure.note,
    )  # fmt: skip


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:,.4g}"


def table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Columns side by side, as wide as their widest cell."""
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
