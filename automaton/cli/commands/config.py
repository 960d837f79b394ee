"""`config` and `tune`: the settings of a run, shown with their sources, and measured.

What is printed is TOML, so that it can be kept as a file for `--config`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from automaton.cli import config_file as files
from automaton.cli.commands.run import ONE, run
from automaton.cli.option_types import PATH, WIDTH, Finite, option
from automaton.cli.text import counted, printable, shown_json
from automaton.format.options import NAMES
from automaton.format.versions import portable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.tuning import Trial, Workload

#: Of commands that measure ticks.
STREAMS = option(
    "--streams",
    metavar="NAMES",
    show_default="as the log was run",
    help="Who competes each round (words): none, all, or names, as in anchor,reason=2.",
)
_OF_A_RUN = [p for p in run.params if isinstance(p, click.Option)]
_FROM = {"COMMANDLINE": "command line", "ENVIRONMENT": "environment"}


@click.pass_context
def show(context: click.Context, /, **values: Any) -> None:
    """Print the settings that a run would have, each with its source and what it means."""
    for parameter in _OF_A_RUN:
        if parameter.expose_value and parameter.name:
            click.echo(_row(context, parameter, values[parameter.name]))


def _row(context: click.Context, parameter: click.Option, value: object) -> str:
    """One line of TOML; what is not set is a comment."""
    name = parameter.name or ""
    if name == "focus_probability" and isinstance(value, int):
        value /= ONE
    where = context.get_parameter_source(name)
    source = _FROM.get(where.name if where else "", "")
    source = source or context.meta.get(files.SOURCES, {}).get(name, "default")
    meaning = f"{source}: {parameter.help}"
    return f"# {name} =  # {meaning}" if value is None else f"{name} = {_toml(value)}  # {meaning}"


def _toml(value: object) -> str:
    value = portable(value) if type(value) is int else value
    value = str(value) if isinstance(value, Path) else value
    return shown_json(json.dumps(value, ensure_ascii=False))


config = click.Command(
    "config",
    params=list(_OF_A_RUN),
    callback=show,
    help="Print the settings that a run would have, each with its source, as TOML.",
    context_settings={"max_content_width": WIDTH},
)


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@option(
    "--seconds",
    type=Finite(0, min_open=True),
    metavar="S",
    default=20,
    show_default=True,
    help="Time for all measurements together, in seconds.",
)
@option(
    "--parallel",
    type=click.IntRange(1, 1 << 22),
    metavar="N",
    show_default="as the log was run",
    help="Rounds a tick to measure with (a count).",
)
@STREAMS
def tune(log: Path, seconds: float, parallel: int | None, streams: str | None) -> None:
    """Measure which settings compute LOG's ticks fastest, and print them as TOML.

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
    yield f"engine = {_toml(best.engine)}"
    yield f"workers = {best.workers}"
    if best.execution_batch_size:
        yield f"execution_batch_size = {best.execution_batch_size}"


assert not NAMES & {"engine", "workers"}, "what is tuned changes no byte"
