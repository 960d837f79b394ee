"""Options of a run that say where it computes and what it may use; profiles of them.

None of them changes an appended byte. What they mean is `automaton.workers.autoscale_policy`'s.
"""

from __future__ import annotations

from typing import Any

import click

from automaton.cli.option_types import Command, FiniteFloat, option
from automaton.workers.autoscale_policy import NAMES, ScalingOptions

#: Three sets of settings, as guides to the original name them. Rounds of `maximum`: where
#: more of them stopped to pay on the machines that were measured (docs/scaling.md).
PROFILES: dict[str, dict[str, object]] = {
    "maximum": {"interval": 0, "parallel": 65_536, "gpu": True},
    "balanced": {"workers": 4, "interval": 500},
    "conservative": {"workers": 2, "interval": 1000, "auto_scale": False},
}
#: Other names of options in files: those of the original.
ALIASES = {
    "max_workers": "workers",
    "parallel_modifications": "parallel",
    "use_gpu": "gpu",
}
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
          "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}  # fmt: skip
_DEFAULT = ScalingOptions()


class Count(click.IntRange):
    """A number of workers, or `auto`: None."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; `auto` stays a word, so that a flag can overrule a file."""
        return "auto" if value == "auto" else super().convert(value, param, ctx)


class Size(click.IntRange):
    """An amount of memory: bytes, or a number with a unit (`800MB`, `2GiB`)."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes."""
        text = str(value).strip().lower()
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
        unit = text[len(digits) :].strip()
        try:
            size = int(float(digits) * _UNITS[unit])
        except (ValueError, KeyError, OverflowError):
            self.fail(f"{value!r} is no amount of memory; write bytes, 800MB or 2GiB", param, ctx)
        return int(super().convert(size, param, ctx))


OPTIONS = (
    option(
        "--engine",
        type=click.Choice(["process", "thread", "serial"]),
        default=_DEFAULT.engine,
        show_default=True,
        help="Who computes (a word): worker processes beside the program, threads, or it alone.",
    ),
    option(
        "--workers",
        "--max-workers",
        "workers",
        type=Count(1, 1024),
        metavar="N|auto",
        default="auto",
        show_default=True,
        help="Workers at the start (a count); auto: a core each, but one less with processes.",
    ),
    option(
        "--auto-scale/--no-auto-scale",
        default=True,
        show_default="on",
        help="Let the number of workers follow memory and benefit, or keep it.",
    ),
    option(
        "--min-workers",
        type=click.IntRange(1, 1024),
        metavar="N",
        default=_DEFAULT.min_workers,
        show_default=True,
        help="Fewest workers that scaling leaves (a count).",
    ),
    option(
        "--max-workers-limit",
        type=click.IntRange(1, 1024),
        metavar="N",
        show_default="twice the cores",
        help="Most workers that scaling starts (a count); --workers above it raises it.",
    ),
    option(
        "--scale-up-threshold",
        type=FiniteFloat(0, 1),
        metavar="P",
        default=_DEFAULT.scale_up_threshold,
        show_default=True,
        help="Add workers while less than this share of memory is used (0 to 1).",
    ),
    option(
        "--scale-down-threshold",
        type=FiniteFloat(0, 1),
        metavar="P",
        default=_DEFAULT.scale_down_threshold,
        show_default=True,
        help="End workers when less than this share of memory is free (0 to 1).",
    ),
    option(
        "--execution-batch-size",
        type=click.IntRange(1, 1 << 22),
        metavar="N",
        show_default="by the time that they take",
        help="Most candidates handed to a worker at a time (a count).",
    ),
    option(
        "--memory-limit",
        type=Size(1),
        metavar="SIZE",
        show_default="the machine's",
        help="Memory that the run and its workers may use (bytes, 800MB, 2GiB).",
    ),
    option(
        "--memory-pressure-threshold",
        type=FiniteFloat(0, 1),
        metavar="P",
        default=_DEFAULT.memory_pressure_threshold,
        show_default=True,
        help="From this share of memory used on, less is handed out at a time (0 to 1).",
    ),
    option(
        "--gc-interval",
        type=click.IntRange(0, 86_400_000),
        metavar="MS",
        default=_DEFAULT.gc_interval,
        show_default=True,
        help="Time between collections of garbage, in milliseconds; 0: none of our own.",
    ),
    option(
        "--trim-interval",
        type=click.IntRange(0, 86_400_000),
        metavar="MS",
        default=_DEFAULT.trim_interval,
        show_default=True,
        help="Time between trimmings of caches, in milliseconds; 0: none.",
    ),
    option(
        "--max-execution-history",
        type=click.IntRange(1, 1 << 20),
        metavar="N",
        default=_DEFAULT.max_execution_history,
        show_default=True,
        help="Ticks' times and decisions that are remembered (a count).",
    ),
)


def resources(command: Command) -> Command:
    """Give a command these options."""
    for add in reversed(OPTIONS):
        command = add(command)
    return command


def scaling_of(settings: dict[str, Any]) -> ScalingOptions:
    """Take these options out of a command's settings."""
    chosen = {name: settings.pop(name) for name in NAMES & settings.keys()}
    chosen["workers"] = None if chosen["workers"] == "auto" else chosen["workers"]
    return ScalingOptions(**chosen)
