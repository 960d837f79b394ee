"""`automaton-scalable [LOG]`: the options of a run. The loop itself is `runner`."""

from __future__ import annotations

from pathlib import Path

import click

from automaton.notation import format_term, parse

from . import config
from .kinds import PATH, WIDTH, Finite, deciding, option, switch

#: Options that wait for the parts they speak to; until then they say so.
LATER = ("workers", "gpu", "no_auto_scale")
ONE = 1 << 32  # probabilities are kept as 32-bit integers


def in_units(
    _context: click.Context, _option: click.Parameter, probability: float | None
) -> int | None:
    """A probability in units of 2**-32."""
    return None if probability is None else round(probability * ONE)


def canonical(_context: click.Context, _option: click.Parameter, term: str | None) -> str | None:
    """The term as logs have it."""
    return None if term is None else format_term(parse(term))


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH, default="automaton.jsonl")
@option(
    "--ticks",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="no limit",
    help="Stop after so many ticks of this run (a count).",
)
@option(
    "--seconds",
    type=Finite(0, min_open=True),
    metavar="S",
    show_default="no limit",
    help="Stop after this time, in seconds; the tick that runs is finished.",
)
@option(
    "--interval",
    type=click.IntRange(0, 86_400_000),
    metavar="MS",
    show_default="1000",
    help="Time from the start of a tick to the start of the next, in milliseconds; 0 is flat out.",
)
@deciding("--parallel", "N", "Rounds a tick (a count): each has at most one winner.")
@deciding("--seed", "N", "Seed of all draws, an integer of 64 bits: same seed, same bytes.")
@option(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    show_default="1",
    help="Worker processes (a count); has no effect yet, and says so.",
)
@switch("--gpu", "Reduce on the GPU; has no effect yet, and says so.")
@switch("--no-auto-scale", "Keep the number of workers; has no effect yet, and says so.")
@deciding("--max-objects", "N", "Terms alive at once (a count); the log keeps all.")
@deciding("--max-steps", "N", "Budget of a reaction in beta steps.")
@deciding("--max-size", "N", "Largest normal form in nodes.")
@deciding("--max-depth", "N", "Most pending arguments of a reaction (a count).")
@option(
    "--operator",
    callback=canonical,
    metavar="TERM",
    show_default="the current automaton's, or as the log was run",
    help="Operator of every reaction (a lambda term); runs a log that has no machine.",
)
@deciding(
    "--lock-dimension", "D", "Stay in this dimension (a number): the machine does not move.", "none"
)
@deciding(
    "--focus-dimension", "D", "Dimension whose operator takes a tick now and then (a number).", "0"
)
@option(
    "--focus-probability",
    type=Finite(0, 1),
    callback=in_units,
    metavar="P",
    show_default="0, or as the log was run",
    help="How often it does: a probability a tick, from 0 to 1.",
)
@option(
    "--durability",
    type=click.Choice(["commit", "interval", "off"]),
    show_default="commit",
    help="When the disk is waited for (a word): every commit, once a second, or never.",
)
@switch("--as-genesis", "Take a damaged log as mere data and begin anew after it.")
@option(
    "--stats-interval",
    type=Finite(0, min_open=True),
    metavar="S",
    show_default="10",
    help="Time from one set of statistics to the next, in seconds.",
)
@switch("--json", "Print statistics as one JSON object a line.")
@option(
    "--config",
    type=PATH,
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=config.load,
    show_default="none",
    help="TOML file with options by their names (a path); options given here win.",
)
def run(log: Path, **settings: object) -> None:
    """Run LOG and append to it what wins (default: ./automaton.jsonl).

    Ctrl-C finishes the tick, commits, prints the summary and exits with 0.
    """
    from automaton import runner  # noqa: PLC0415  # loads numba, which takes a second

    _name_what_waits({name: settings.pop(name) for name in LATER})
    runner.run(log, **{name: value for name, value in settings.items() if value is not None})


def _name_what_waits(options: dict[str, object]) -> None:
    """Say once, in one line, that these options change nothing yet."""
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if given:
        click.echo(f"note: {', '.join(given)}: this run uses one process on the CPU", err=True)
