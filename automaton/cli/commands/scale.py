"""`scale LOG`: the rate by workers, measured here, and what it might be elsewhere.

Says what was measured and what was not; `automaton.tuning.scaling_model` computes it.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli.option_types import PATH, WIDTH, option, switch
from automaton.cli.text import as_json, counted, printable
from automaton.cli.workload_options import PARALLEL, SECONDS, STREAMS
from automaton.errors import UsageError
from automaton.tuning.scaling_model import (
    MODELS,
    Fit,
    ProjectionRow,
    Range,
    RateSamples,
    fit,
    project,
    why_not,
)
from automaton.workers import available_cores

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.tuning import Rates

#: Numbers of workers that must have been measured before anything is extrapolated.
ENOUGH_POINTS = 3
#: Most nodes that may be asked for.
_MOST_NODES = 1_000_000
#: Rounds a tick from which workers have something to do on most logs.
ENOUGH = 4096


def _numbers(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[int, ...]:
    """Numbers of nodes, with commas between."""
    words = [] if text is None else text.split(",")
    if not all(word.strip().isdecimal() and 2 <= int(word) <= _MOST_NODES for word in words):
        raise UsageError(f"--nodes {text}: numbers from 2 to {_MOST_NODES} are wanted, as 2,10,100")
    return tuple(sorted({int(word) for word in words}))


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@SECONDS
@option(
    "--max-workers",
    type=click.IntRange(1, 256),
    metavar="N",
    show_default="the cores",
    help="Most workers that are measured (a count of threads).",
)
@PARALLEL
@option(
    "--nodes",
    callback=_numbers,
    metavar="N,...",
    show_default="none",
    help="Numbers of machines like this one (counts) to extrapolate to, from 3 points on.",
)
@STREAMS
@switch("--json", "Print one JSON object.")
def scale(
    log: Path, seconds: float, max_workers: int | None, parallel: int | None,
    nodes: tuple[int, ...], streams: str | None, json: bool,
) -> None:  # fmt: skip
    """Measure LOG's rate with 1 to N workers on this machine.

    Durable runs on copies of LOG in a temporary folder; LOG itself is only read. Two
    laws are fitted, and --nodes says what they would give: everything beyond what was
    measured is called extrapolated. Ctrl-C keeps the finished turns.
    """
    from automaton.tuning import measure_throughput  # noqa: PLC0415  # see the top

    named = {"parallel": parallel, "streams": streams}
    given = {name: value for name, value in named.items() if value is not None}
    with _interrupted() as stop:
        found = measure_throughput(
            log,
            given,
            max_workers or available_cores(),
            seconds,
            lambda text: _note(json, text),
            stop,
        )
    if not found.turns:
        _note(False, "stopped before the first turn was finished; nothing was measured")
        raise KeyboardInterrupt
    fits: list[Fit] = []
    if not found.idle:
        fits = [fitted for model in MODELS if (fitted := fit(found.measured, model)) is not None]
    telling = not found.idle and len(found.measured) >= ENOUGH_POINTS
    rows = project(found.measured, fits, nodes if telling else ())
    if json:
        click.echo(as_json(_facts(found, fits, rows)))
        return
    for line in _paragraphs(log, found, fits, rows, asked=bool(nodes)):
        click.echo(line)


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was heard; a second one ends the command, which removes the copies."""
    heard: list[int] = []

    def hear(number: int, _frame: object) -> None:
        heard.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield lambda: bool(heard)
    finally:
        signal.signal(signal.SIGINT, before)


def _note(quiet: bool, text: str) -> None:
    if not quiet:
        click.echo(f"note: {text}", err=True)


def _facts(found: Rates, fits: list[Fit], rows: list[ProjectionRow]) -> dict[str, Any]:
    fitted = {one.model: one.as_json() for one in fits}
    return {
        "parallel": found.parallel,
        "streams": found.setting.streams,
        "salience": found.setting.options.salience if found.setting.streams else None,
        "archive": found.setting.archive,
        "source": found.setting.source,
        "folder": found.folder,
        "turns": found.turns,
        "measured": [
            {
                "workers": m.workers,
                "median": m.median,
                "rates": m.rates,
                "handed_out": found.handed_out[m.workers],
            }
            for m in found.measured
        ],
        "idle": found.idle,
        "fits": fitted,
        "not_fitted": {m: _why(found, m) for m in MODELS if m not in fitted},
        "rows": [row.as_json() for row in rows],
    }


def _paragraphs(
    log: Path, found: Rates, fits: list[Fit], rows: list[ProjectionRow], *, asked: bool
) -> Iterator[str]:
    yield (
        f"{printable(str(log))}: candidates a second of whole durable runs on copies in "
        f"{printable(found.folder)}, {found.parallel:,} rounds a tick, threads"
    )
    yield printable(found.setting.said())
    if found.turns < found.planned:
        yield f"stopped after {counted(found.turns, 'turn')} of {found.planned}"
    yield from (_point(m, found) for m in found.measured)
    if found.idle:
        yield f"not fitted, and nothing is extrapolated: {_too_small(found)}"
        return
    for model in MODELS:
        fitted = next((one for one in fits if one.model == model), None)
        yield ""
        yield from _law(fitted) if fitted else [f"{model}: not fitted: {_why(found, model)}"]
    if asked and len(found.measured) < ENOUGH_POINTS:
        yield (
            f"nothing is extrapolated: {counted(len(found.measured), 'number')} of workers cannot "
            f"show a law; {ENOUGH_POINTS} can begin to"
        )
    elif asked:
        yield from _table(rows)


def _point(measured: RateSamples, found: Rates) -> str:
    low, high = min(measured.rates), max(measured.rates)
    shared = f", {found.handed_out[measured.workers]:.0%} of the computing shared out"
    return (
        f"  {counted(measured.workers):>11}  {measured.median:12,.0f}  ({low:,.0f} to {high:,.0f}, "
        f"median of {len(measured.rates)} in turn{shared if measured.workers > 1 else ''})"
    )


def _why(found: Rates, model: str) -> str:
    """Why a law is not fitted."""
    return _too_small(found) if found.idle else why_not(found.measured, model)


def _too_small(found: Rates) -> str:
    """Why rates by workers say nothing of workers."""
    larger = max(ENOUGH, 4 * found.parallel)
    return (
        f"ticks of {counted(found.parallel, 'round')} are too small to be shared out among "
        f"workers, so that more of them change little; measure with --parallel {larger}"
    )


def _law(fitted: Fit) -> Iterator[str]:
    freedom = f"{fitted.points} points, {fitted.freedom} degrees of freedom"
    yield f"{fitted.model}: {freedom}; {fitted.note}"
    yield f"  one worker {_said(fitted.rate_1, ',.0f')}/s, sigma {_said(fitted.sigma, '.4f')}"
    if fitted.model == "USL":
        yield f"  kappa {_said(fitted.kappa, '.6f')}"


def _table(rows: list[ProjectionRow]) -> Iterator[str]:
    yield f"{'nodes':>7} {'workers':>8}  {'kind':12}  {'law':8}  candidates/hour, hours to 10^9"
    for row in rows:
        for law, rate in row.per_hour.items():
            hours = row.hours_to_a_billion[law]
            name = "" if law == "measured" else law
            yield (
                f"{row.nodes:7,} {row.workers:8,}  {row.kind:12}  {name:8}  "
                f"{_said(rate, ',.0f')}; {_said(hours, '.3g')}"
            )


def _said(found: Range, form: str) -> str:
    """A value and its interval."""
    if found.low is None or found.high is None:
        return f"{found.value:{form}}"
    return f"{found.value:{form}} ({found.low:{form}} to {found.high:{form}})"
