"""`tune LOG`: which settings run a log fastest, measured and printed as TOML.

Says what was measured; `automaton.tuning.trials` measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.config_file import toml_value
from automaton.cli.option_types import PATH, WIDTH, option
from automaton.cli.text import counted, printable
from automaton.cli.workload_options import PARALLEL, SECONDS, STREAMS

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.tuning import Trial, TrialReport


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@SECONDS
@option(
    "--interval",
    type=click.IntRange(0, 86_400_000),
    metavar="MS",
    default=1000,
    show_default=True,
    help="Interval whose limit is told beside what was measured flat out, in milliseconds.",
)
@PARALLEL
@STREAMS
def tune(
    log: Path, seconds: float, interval: int, parallel: int | None, streams: str | None
) -> None:
    """Measure which settings run LOG fastest; print them as TOML.

    Durable runs on copies are measured; LOG itself is only read. First it tries more and
    more rounds a tick (not with --parallel), then who computes them. Most settings change
    no byte; the one that decides what is appended is marked.
    """
    from automaton.tuning import measure_trials  # noqa: PLC0415  # loads numba, which takes a second

    named = {"parallel": parallel, "streams": streams}
    given = {name: value for name, value in named.items() if value is not None}
    for line in _report(str(log), measure_trials(log, given, seconds), interval):
        click.echo(line)


def _report(log: str, found: TrialReport, interval: int) -> Iterator[str]:
    best = found.best
    yield (
        f"# {printable(log)}: candidates a second of whole durable runs on copies in "
        f"{printable(found.folder)}"
    )
    yield f"# {printable(found.setting.said())}"
    yield from (f"# {line}" for line in _reached(found, interval))
    if found.by_rounds:
        yield "# rounds a tick, until more of them paid no more:"
        yield from (_row(trial, f"{counted(trial.parallel, 'round')}") for trial in found.by_rounds)
    yield f"# who computes, {counted(best.parallel, 'round')} a tick:"
    for trial in found.by_workers:
        size = trial.execution_batch_size or "by time"
        who = f"{trial.engine}, {counted(trial.workers)}, batches {size}"
        yield _row(trial, who) + ("  <- fastest" if trial is best else "")
    yield from _settings(found, best)


def _row(trial: Trial, what: str) -> str:
    low, high = min(trial.rates), max(trial.rates)
    span = f"({low:,.0f} to {high:,.0f})"
    return f"# {trial.candidates_per_s:12,.0f}  {span:24}  {what}, {_memory(trial)}"


def _memory(trial: Trial) -> str:
    return f"{trial.memory_bytes / 1e6:,.0f} MB"


def _reached(found: TrialReport, interval: int) -> Iterator[str]:
    """What runs with the rounds of the log (or those given) reach, at most by their interval."""
    first = (found.by_rounds or [found.best])[0]
    flat_out = f"flat out (interval = 0) {first.candidates_per_s:,.0f} were measured"
    as_it_is = f"{counted(first.parallel, 'round')} a tick"
    if interval:
        made = first.parallel * max(1, len(found.setting.streams))
        most = min(made * 1000 / interval, first.candidates_per_s)
        yield (
            f"{as_it_is}, interval = {interval}: at most {most:,.0f}, since "
            f"{counted(made, 'candidate')} are made every {interval:,} ms"
        )
    yield f"{as_it_is}, {flat_out}"


def _settings(found: TrialReport, best: Trial) -> Iterator[str]:
    """TOML for `--config`."""
    own = found.setting.options.parallel
    yield f"engine = {toml_value(best.engine)}"
    yield f"workers = {best.workers}"
    if best.execution_batch_size:
        yield f"execution_batch_size = {best.execution_batch_size}"
    yield "interval = 0  # flat out; changes no byte of a tick"
    told = "as the log has it" if best.parallel == own else f"the log has {own}; leave it out then"
    yield f"parallel = {best.parallel}  # decides what is appended ({told})"
