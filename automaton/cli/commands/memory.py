"""`memory reindex LOG`, `memory stats LOG`: what is remembered, and making it anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from automaton.cli.commands.recall import AS_JSON, URL, note_missing, remembered
from automaton.cli.option_types import PATH, Topics, option
from automaton.cli.text import as_json, printable

_EVERY = 20_000  # terms between two words about progress


@click.group(cls=Topics)
def memory() -> None:
    """Fill the memory of a log for `recall`, or describe it.

    It holds terms that won and lost, as vectors.
    """


@memory.command()
@click.argument("log", type=PATH)
@URL
@option(
    "--min-free-disk",
    type=click.IntRange(0, 1 << 30),
    metavar="MB",
    default=1000,
    show_default=True,
    help="Free room below which it stops: a number of millions of bytes.",
)
@option(
    "--shards",
    type=click.IntRange(1, 64),
    metavar="S",
    show_default="1, or as many as there are",
    help="In how many parts a new memory is made (a count); each has a process.",
)
@AS_JSON
def reindex(
    log: Path, url: str | None, min_free_disk: int, shards: int | None, json_: bool
) -> None:
    """Put LOG's winners and its archive into its memory.

    What the memory holds stays as it is. Terms that differ in nothing are one item.
    """
    from automaton.run.reindex_worker import reindexed  # noqa: PLC0415  # see the top

    facts = reindexed(log, (url, shards), min_free_disk * 1_000_000, _Progress())
    for text in facts.pop("notes"):
        click.echo(f"note: {printable(text)}", err=True)
    _show(facts, json_)


@memory.command()
@click.argument("log", type=PATH)
@URL
@AS_JSON
def stats(log: Path, url: str | None, json_: bool) -> None:
    """Show how many terms LOG's memory holds, and where.

    Also how many of them are in its search graph.
    """
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(log, write=False) as opened, remembered(log, url, opened) as store:
        _show(store.facts(), json_)
        note_missing(store)


class _Progress:
    """Says now and then how far it is, to people alone."""

    def __init__(self) -> None:
        self._next = _EVERY

    def __call__(self, terms: int, indexed: int) -> None:
        if terms >= self._next:
            self._next = terms + _EVERY
            click.echo(f"{terms} terms, {indexed} indexed", err=True)


def _show(facts: Mapping[str, object], json_: bool) -> None:
    if json_:
        click.echo(as_json(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {printable(str(value))}")
