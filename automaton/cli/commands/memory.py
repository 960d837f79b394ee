"""`memory reindex LOG`, `memory stats LOG`: what is remembered, and making it anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.commands.recall import AS_JSON, URL, remembered
from automaton.cli.option_types import PATH, Topics
from automaton.cli.text import as_json, printable
from automaton.vector_store import DecayRule

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log import LogReader
    from automaton.log.archive import ReadReport
    from automaton.vector_store import IndexCounts, Store

_EVERY = 20_000  # terms between two words about progress


@click.group(cls=Topics)
def memory() -> None:
    """The memory of a log: vectors of terms that won and lost, for `recall`."""


@memory.command()
@click.argument("log", type=PATH)
@URL
@AS_JSON
def reindex(log: Path, url: str | None, json_: bool) -> None:
    """Put into the memory all winners of LOG, and all of its archive that is there.

    What the memory holds stays as it is. Terms that differ in nothing are one item.
    """
    from automaton.log import Log  # noqa: PLC0415
    from automaton.log.archive import ReadReport  # noqa: PLC0415
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415
    from automaton.vector_store import folder, open_store, ownership  # noqa: PLC0415  # see the top

    archive = ReadReport()
    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        note = ownership.claim_ownership(opened, None if url else folder(log))
        with open_store(log, url) as store:
            learned, items = _indexed(opened, store, archive)
        ownership.mark(opened)
        for text in filter(None, (note, archive.note(opened))):
            click.echo(f"note: {printable(text)}", err=True)
    facts = {
        "terms": learned.rows, "indexed": learned.indexed, "known": learned.known,
        "large": learned.large, "full": learned.full, "items": items,
        "archive_ticks": archive.ticks,
    }  # fmt: skip
    _show(facts, json_)


def _indexed(log: LogReader, store: Store, archive: ReadReport) -> tuple[IndexCounts, int]:
    """Put everything in; what became of it, and how many items there are."""
    from automaton.vector_store import log_entries  # noqa: PLC0415  # see the top
    from automaton.vector_store import reindex as enter  # noqa: PLC0415

    entries = log_entries(log, archive)
    period = DecayRule().period(len(log.commits))
    learned = enter(store, log.prefix, entries, period, _Progress())
    return learned, store.count()


@memory.command()
@click.argument("log", type=PATH)
@URL
@AS_JSON
def stats(log: Path, url: str | None, json_: bool) -> None:
    """Show how many terms LOG's memory holds, how many are in its search graph, and where."""
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(log, write=False) as opened, remembered(log, url, opened) as store:
        _show(store.facts(), json_)


class _Progress:
    """Says now and then how far it is, to people alone."""

    def __init__(self) -> None:
        self._next = _EVERY

    def __call__(self, learned: IndexCounts) -> None:
        if learned.rows >= self._next:
            self._next = learned.rows + _EVERY
            click.echo(f"{learned.rows} terms, {learned.indexed} indexed", err=True)


def _show(facts: Mapping[str, object], json_: bool) -> None:
    if json_:
        click.echo(as_json(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):{width}}  {printable(str(value))}")
