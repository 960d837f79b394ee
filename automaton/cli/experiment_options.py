"""Options that several commands share: how many runs, what they are drawn from, under which law.

One place for what they mean; each command says in its help what they count there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from automaton.cli.option_types import PATH, Command, canonical, option

MOST_SEED = (1 << 64) - 1
_AS_RUN = "or as the log was run"


def count_option(
    flag: str, help_: str, default: int | None = None, most: int | None = None, **settings: Any
) -> Callable[[Command], Command]:
    """A whole number above 0; without a default, say by `show_default` what is taken."""
    shown = {} if default is None else {"default": default, "show_default": True}
    return option(
        flag, type=click.IntRange(1, most), **{"metavar": "N", **shown, **settings}, help=help_
    )


def seed_option(
    help_: str, flag: str = "--seed", metavar: str = "N"
) -> Callable[[Command], Command]:
    """A seed of 64 bits, 0 where none is given."""
    return option(
        flag,
        type=click.IntRange(0, MOST_SEED),
        metavar=metavar,
        default=0,
        show_default=True,
        help=help_,
    )


def seeds_options(runs: int) -> Callable[[Command], Command]:
    """How many seeds, so many where nobody says, and the first of them."""

    def decorated(command: Command) -> Command:
        first = seed_option(
            "Seed of the first run (an integer of 64 bits); each next one has the next.",
            "--first-seed", "S",
        )  # fmt: skip
        many = "How many runs (a count), each with a seed of its own."
        return count_option("--seeds", many, runs)(first(command))

    return decorated


def out_option(shown: str, help_: str) -> Callable[[Command], Command]:
    """The folder of a campaign."""
    return option("--out", type=PATH, metavar="DIR", show_default=shown, help=help_)


def workers_option(help_: str) -> Callable[[Command], Command]:
    """How many runs are made at the same time."""
    return count_option("--workers", help_, show_default="a core each")


# The law of a run.


def operator_option(
    help_: str = "Operator of every reaction (a lambda term); needs no machine.",
    shown: object = f"the current automaton's, {_AS_RUN}", **settings: Any,
) -> Callable[[Command], Command]:  # fmt: skip
    """A term, as logs have it."""
    return option(
        "--operator", callback=canonical, metavar="TERM", show_default=shown, help=help_, **settings
    )


def word_option(
    flag: str, metavar: str, usual: str, help_: str, *, inherited: bool = True
) -> Callable[[Command], Command]:
    """A text of the law: what is usual, or what the log was run with."""
    shown = f"{usual}, {_AS_RUN}" if inherited else usual
    return option(flag, metavar=metavar, show_default=shown, help=help_)


COPIES = option(
    "--copies/--no-copies",
    default=None,
    show_default=f"no, {_AS_RUN}",
    help="Whether a result equal to one of its reactants counts (copy reactions).",
)
UPDATING = word_option(
    "--updating", "HOW", "synchronous",
    "When a product may react (a word): synchronous, in the next tick; sequential, at once.",
)  # fmt: skip
STREAMS = word_option(
    "--streams", "NAMES", "none",
    "Who competes each round (words): none, all, or names, as in anchor,reason=2.",
)  # fmt: skip
SALIENCE = word_option(
    "--salience", "WEIGHTS", "the five of docs/streams.md",
    "What a candidate's features weigh (numbers), as in novelty=1,relevance=0.5.",
)  # fmt: skip
