"""`recall LOG TERM`: what a log's memory holds that is most like a term."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from automaton.cli.option_types import PATH, option
from automaton.cli.text import as_json, printable
from automaton.errors import FileError, closest
from automaton.format import stream_options
from automaton.format.records import parse_run
from automaton.vector_store import DecayRule

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log import LogReader
    from automaton.vector_store import Filter, Likeness, Store

URL = option(
    "--memory-url",
    "url",
    metavar="URL",
    show_default="the folder LOG.memory",
    help="Keep the memory in the Qdrant server at URL (a word: http://host:6333); of several, "
    "with commas between, each is a shard.",
)
AS_JSON = option("--json", "json_", is_flag=True, show_default="off", help="Print JSON.")


@click.command()
@click.argument("log", type=PATH)
@click.argument("term")
@option(
    "-k", "count", type=click.IntRange(1, 900), default=10, metavar="K", show_default=True,
    help="How many terms (a count), the most alike first.",
)  # fmt: skip
@option(
    "--dimension",
    type=int,
    metavar="D",
    show_default="any",
    help="Only of it (a number).",
)
@option("--stream", metavar="S", show_default="any", help="Only of this stream (a word).")
@option(
    "--from",
    "first",
    type=int,
    metavar="T",
    show_default="1",
    help="From this tick on (a number).",
)
@option(
    "--to", "last", type=int, metavar="T", show_default="last", help="Up to this tick (a number)."
)
@URL
@AS_JSON
def recall(
    log: Path, term: str, count: int, dimension: int | None, stream: str | None,
    first: int | None, last: int | None, url: str | None, json_: bool,
) -> None:  # fmt: skip
    r"""Print the terms in LOG's memory that are most like TERM.

    Each with its likeness. TERM is closed, in any notation (λx.x, \x.x, λ0, or binary).
    Likeness is the cosine of exact counts: 1 for the term itself. What is recalled
    gains strength.
    """
    from automaton.analysis.snapshot import closed_term  # noqa: PLC0415  # as above
    from automaton.log import Log  # noqa: PLC0415  # see the top
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415
    from automaton.vector_store import Filter, most_like  # noqa: PLC0415

    words = closed_term(term)
    with (
        Log.open(log, write=False) as opened, with_omitted_batches(opened),
        remembered(log, url, opened) as store,
    ):  # fmt: skip
        where = Filter(dimension, stream, first, last)
        found = most_like(store, words, count, where)
        _strengthen(store, found, opened)
        nothing = "" if found else _nothing(store, where, opened)
        share = store.answering
        note_missing(store)
    for row in found:
        part = {} if share == 1 else {"of": round(share, 6)}
        click.echo(as_json({**recalled_members(row), **part}) if json_ else recalled_line(row))
    if nothing and not json_:
        click.echo(nothing, err=True)


def note_missing(store: Store, whose: str = "") -> None:
    """Name the shards that did not answer, and say of how much the answer is."""
    for shard, why in store.missing.items():
        click.echo(f"note: {whose}shard {shard} is missing: {printable(why)}", err=True)
    if store.missing:
        click.echo(f"note: {whose}a part of the answer: of {store.answering:.0%}", err=True)


def remembered(log: Path, url: str | None, opened: LogReader) -> Store:
    """The memory of a log that has one of its own."""
    from automaton.vector_store import folder, open_store, ownership  # noqa: PLC0415

    if not log.is_file():
        raise FileError(f"{log}: there is no such log; give the path of a JSONL file")
    if url is None and not folder(log).is_dir():
        raise FileError(
            f"{folder(log)} does not exist: nothing of this log is remembered yet; "
            f"`automaton-scalable memory reindex {log}` makes it"
        )
    note = ownership.require_ownership(opened, None if url else folder(log))
    if note:
        click.echo(f"note: {printable(note)}", err=True)
    store = open_store(log, url, reading=True)
    if store.read_only:
        click.echo("note: the memory may only be read: nothing gains strength by this", err=True)
    return store


def _strengthen(store: Store, found: list[Likeness], log: LogReader) -> None:
    """What was recalled is used, in the period of the log's last tick."""
    if found and not store.read_only:
        rule = DecayRule()
        now = rule.period(len(log.commits))
        store.strengthen({row.number: 1 for row in found}, now, rule)
        store.flush()


def _nothing(store: Store, where: Filter, log: LogReader) -> str:
    """Why nothing was found."""
    from automaton.vector_store import Filter  # noqa: PLC0415  # see the top

    if not store.count():
        return "the memory is empty; `memory reindex` puts in what the log holds"
    if where.stream and not store.count(Filter(stream=where.stream)):
        names = [name for name in _streams(log) if store.count(Filter(stream=name))]
        hint = closest(where.stream, names)
        known = f"there are {', '.join(names)}" if names else "the log was run without streams"
        return f"nothing like that: no item is of a stream `{where.stream}`{hint} ({known})"
    return f"nothing like that: {store.count(where)} of {store.count()} items are so"


def _streams(log: LogReader) -> dict[str, None]:
    """The names of the streams that competed in a log's runs."""
    runs = (parse_run(log.line(line)) for line in log.run_lines)
    competed = (str(run.options.get("streams", "none")) for run in runs if run)
    return dict.fromkeys(
        stream.name for text in competed for stream in stream_options.parse_streams(text)
    )


def recalled_members(row: Likeness) -> dict[str, object]:
    """A row for programs."""
    payload = row.payload
    names = ("id", "term", "tick", "stream", "dimension", "won", "strength")
    return {"likeness": row.cosine, **{name: payload.get(name) for name in names}}


def recalled_line(row: Likeness) -> str:
    """A row for people."""
    payload = row.payload
    said = [f"{np.float64(row.cosine):.6f}", payload["id"], f"tick {payload['tick']}"]
    said += [payload["stream"] or "-", payload["term"]]
    return "  ".join(printable(str(part)) for part in said)
