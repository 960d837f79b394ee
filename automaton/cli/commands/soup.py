"""`soup LOG`: many soups of one log's genesis, side by side on all cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from automaton.cli.campaign import genesis_of, progress, show
from automaton.cli.option_types import PATH, WIDTH, canonical, option
from automaton.cli.tabular import form_of, forms
from automaton.cli.text import counted, printable
from automaton.errors import NothingToRunError
from automaton.format.options import Options
from automaton.workers import available_cores

_USUAL = Options()


@click.command(context_settings={"max_content_width": WIDTH})
@click.argument("log", type=PATH)
@option(
    "--collisions",
    type=click.IntRange(min=1),
    metavar="N",
    required=True,
    show_default="must be given",
    help="Collisions of each soup (a count), one after another.",
)
@option(
    "--soups",
    type=click.IntRange(min=1),
    metavar="M",
    default=1,
    show_default=True,
    help="Soups (a count), each under a seed of its own: a core each at a time.",
)
@option(
    "--seed",
    type=click.IntRange(0, (1 << 64) - 1),
    metavar="N",
    default=0,
    show_default=True,
    help="What the soups' seeds are drawn from (an integer of 64 bits).",
)
@option(
    "--every",
    type=click.IntRange(1, 1 << 22),
    metavar="N",
    show_default="up to 10,000",
    help="Collisions of a commit (a count): where a soup can be looked at again.",
)
@option(
    "--out",
    type=PATH,
    metavar="DIR",
    show_default="LOG with .soups behind it",
    help="Where logs and manifest stand (a path); soups that are there go on.",
)
@option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="a core each",
    help="Soups at the same time (a count).",
)
@option(
    "--operator",
    callback=canonical,
    metavar="TERM",
    default="λx.λy.x y",
    show_default=True,
    help="The law of collision (a lambda term): (TERM a) b is reduced.",
)
@option(
    "--copies/--no-copies",
    default=True,
    show_default=True,
    help="Whether a product equal to one of its reactants enters (copy actions).",
)
@option(
    "--max-objects",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="as many as the log has terms",
    help="Capacity (a count): a soup that is full is diluted.",
)
@option(
    "--max-steps",
    type=int,
    metavar="N",
    show_default=str(_USUAL.max_steps),
    help="Budget of a collision in beta steps.",
)
@option(
    "--max-size",
    type=int,
    metavar="N",
    show_default=str(_USUAL.max_size),
    help="Largest product in nodes; of hybrid-applicative, largest term on the way.",
)
@option(
    "--evaluation",
    metavar="HOW",
    show_default=_USUAL.evaluation,
    help="How a collision is evaluated (a word): normal, or hybrid-applicative.",
)
@option(
    "--amplifiers",
    metavar="LAW",
    show_default=_USUAL.amplifiers,
    help="Test functions make copies (numbers), as in copies=100,kept=all.",
)
@option(
    "--inflow",
    metavar="LAW",
    show_default=_USUAL.inflow,
    help="Terms enter, as in every=10000,terms=200,λx.x=3,tree:20=1.",
)
@forms
def soup(
    log: Path, collisions: int, soups: int, seed: int, every: int | None, out: Path | None,
    workers: int | None, json: bool, csv: bool, **given: Any,
) -> None:  # fmt: skip
    """Run many soups of LOG's genesis, collision by collision.

    Each soup is a log of its own with --record commits, which replays and verifies; the
    manifest has a line and a head for each. What was stopped or killed goes on by the same
    command. LOG is only read.
    """
    from automaton.log import Log  # noqa: PLC0415  # loads numba
    from automaton.soups.living_terms import count_terms  # noqa: PLC0415  # loads numba
    from automaton.soups.many_soups import many_soups  # noqa: PLC0415  # loads numba
    from automaton.soups.sweep import Sweep  # noqa: PLC0415  # loads numba

    form = form_of(json=json, csv=csv)
    genesis = genesis_of(log)
    given = {name: value for name, value in given.items() if value is not None}
    if "max_objects" not in given:
        with Log.open(log, write=False) as opened:
            terms = count_terms(opened, given.get("max_size"))
        if not terms:
            raise NothingToRunError(
                f"{printable(str(log))}: nothing to react: it holds no closed lambda term that "
                "fits; `check` says what it holds, `init PATH --random 1000` makes a soup"
            )
        given["max_objects"] = terms
    if every is not None:
        given["parallel"] = every
    plan = many_soups(log.name, soups, collisions, seed, given)
    folder = log.with_name(f"{log.name}.soups") if out is None else out
    campaign = Sweep(folder, plan, genesis)
    with progress(soups, len(campaign.done)) as told:
        campaign.make(workers or available_cores(), told)
    said = f"{counted(soups, 'soup')} of {collisions:,} collisions"
    show(campaign, form, f"{said}, a commit every {plan.settings['parallel']:,}")
