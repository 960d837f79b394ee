"""Options of the commands that measure runs: with what, and for how long."""

from __future__ import annotations

import click

from automaton.cli.option_types import FiniteFloat, option

SECONDS = option(
    "--seconds",
    type=FiniteFloat(0, min_open=True),
    metavar="S",
    default=20,
    show_default=True,
    help="Time for all measurements together, in seconds.",
)
PARALLEL = option(
    "--parallel",
    type=click.IntRange(1, 1 << 22),
    metavar="N",
    show_default="as the log was run",
    help="Rounds a tick to measure with (a count); few leave workers nothing to do.",
)
STREAMS = option(
    "--streams",
    metavar="NAMES",
    show_default="as the log was run",
    help="Who competes each round (words): none, all, or names, as in anchor,reason=2.",
)
