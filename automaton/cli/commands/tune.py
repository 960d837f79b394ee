"""`tune LOG`: which settings run a log fastest, measured and printed as TOML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.config_file import toml_value
from automaton.cli.option_types import PATH, WIDTH
from automaton.cli.text import counted, printable
from automaton.cli.workload_options import PARALLEL, SECONDS, STREAMS
from automaton.format.options import NAMES

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.tuning import Trial, Workload


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@SECONDS
@PARALLEL
@STREAMS
def tune(log: Path, seconds: float, parallel: int | None, streams: str | None) -> None:
    """Measure which settings run LOG fastest; print them as TOML.

    Nothing is appended. Only settings that change no byte are tried.
    """
    from automaton.tuning import measure_trials  # noqa: PLC0415  # loads numba, which takes a second

    named = {"parallel": parallel, "streams": streams}
    given = {name: value for name, value in named.items() if value is not None}
    setting, trials = measure_trials(log, given, seconds)
    for line in _report(str(log), setting, trials):
        click.echo(line)


def _report(log: str, setting: Workload, trials: list[Trial]) -> Iterator[str]:
    best = max(trials, key=lambda trial: trial.candidates_per_s)
    rounds = f"{setting.options.parallel:,} rounds a tick"
    yield f"# {printable(log)}: candidates a second, without writing to the disk, {rounds}"
    yield f"# {printable(setting.said())}"
    for trial in trials:
        mark = "  <- fastest" if trial is best else ""
        size = trial.execution_batch_size or "by time"
        yield (
            f"# {trial.candidates_per_s:12,.0f}  {trial.engine}, {counted(trial.workers)}, "
            f"batches {size}, {trial.memory_bytes / 1e6:.0f} MB{mark}"
        )
    yield f"engine = {toml_value(best.engine)}"
    yield f"workers = {best.workers}"
    if best.execution_batch_size:
        yield f"execution_batch_size = {best.execution_batch_size}"


assert not NAMES & {"engine", "workers"}, "what is tuned changes no byte"
