"""`match LOG PATTERN...`: lines by literals, by fields, by patterns of terms.

Says what was found; how it is found, `automaton.analysis.query` knows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from automaton.cli.option_types import PATH, option, switch
from automaton.cli.text import as_json, printable, shown_json
from automaton.format.graphs import Reading
from automaton.format.objects import Object, parse_line
from automaton.terms.notation import format_term

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.query import BlockMatches, LineBlock, Query
    from automaton.log import Log


@click.command()
@click.argument("log", type=PATH)
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@option(
    "--field",
    metavar="EXPR",
    show_default="none",
    help="Only objects of which this holds, in words: type = rule and size > 5.",
)
@option(
    "--term",
    "terms",
    metavar="PATTERN",
    multiple=True,
    show_default="none",
    help="Only objects with a term of this form (λx.?f (?g x)); may be given again.",
)
@switch("--count", "Print how many lines were found, and how many hold each PATTERN.")
@switch("--gpu", "Search on the GPU where there is one, else on the CPU; says why.")
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object a line.")
def match(
    log: Path, patterns: tuple[str, ...], field: str | None, terms: tuple[str, ...], count: bool,
    gpu: bool, json_: bool,
) -> None:  # fmt: skip
    """Print the lines of LOG that hold a PATTERN.

    Each with its number. A PATTERN is text as it stands in the line, byte for byte; any
    of several will do. All versions of an object are looked at, each with its own line.
    """
    from automaton.analysis.query import Query, search  # noqa: PLC0415
    from automaton.compute import dispatch  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415  # see the top
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    query = Query.of(patterns, field, terms)
    if gpu:
        dispatch.set_device("auto", lambda text: click.echo(f"note: {printable(text)}", err=True))
    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        for notice in opened.notices:
            click.echo(f"note: {printable(notice)}", err=True)
        found = search(replace(query, reading=opened.reading), _blocks(opened))
        if count:
            _count(patterns, query, found, json_)
        else:
            show = partial(_as_json, opened.reading) if json_ else _as_text
            for matched in found:
                sys.stdout.writelines(f"{text}\n" for text in show(patterns, matched))


def _blocks(log: Log) -> Iterator[LineBlock]:
    """The log's lines up to its last commit, those that its file leaves out among them."""
    from automaton.analysis.query import LineBlock  # noqa: PLC0415  # see the top

    first, size = 1, log.genesis.bytes if log.commits.omitting else log.size
    for lines in log.lines_between(0, size):
        ends = np.minimum(lines.ends + 1, size - lines.base)  # the last may lack a line break
        yield LineBlock(first, lines.data, np.concatenate((lines.starts[:1], ends)))
        first += len(ends)
    for tick in range(1, len(log.commits) + 1) if log.commits.omitting else ():
        row = log.commits.row(tick)
        whole = bytes(log.batch(tick)) + log.line(row.first_line + row.lines) + b"\n"
        data = bytearray(whole.removeprefix(b"\n"))  # in tick 1: the end of the genesis
        buffer = np.frombuffer(data, np.uint8)
        yield LineBlock(row.first_line, buffer, np.append(0, np.flatnonzero(buffer == 10) + 1))


def _count(
    patterns: tuple[str, ...], query: Query, found: Iterator[BlockMatches], json_: bool
) -> None:
    total = 0
    counts = np.zeros(len(query.literals), dtype=np.int64)
    for matched in found:
        total += len(matched.rows)
        counts += matched.counts(len(counts))
    pairs = list(zip(patterns, counts.tolist(), strict=True))
    if json_:
        rows = [{"pattern": pattern, "lines": lines} for pattern, lines in pairs]
        click.echo(as_json({"lines": total, "patterns": rows}))
        return
    click.echo(f"{total} lines")
    for pattern, lines in pairs:
        click.echo(f"{lines}\t{printable(pattern)}")


def _as_text(_patterns: tuple[str, ...], matched: BlockMatches) -> Iterator[str]:
    block = matched.block
    for row in matched.rows.tolist():
        text = block.line(row).decode("utf-8", "backslashreplace")
        yield f"{block.first + row}:{shown_json(printable(text))}"


def _as_json(reading: Reading, patterns: tuple[str, ...], matched: BlockMatches) -> Iterator[str]:
    terms: dict[int, list[dict[str, object]]] = {}
    for row, name, bindings in matched.terms:
        said = {meta: format_term(words) for meta, words in bindings.items()}
        terms.setdefault(row, []).append({"id": name, "bindings": said})
    for k, row in enumerate(matched.rows.tolist()):
        line = parse_line(matched.block.line(row))
        yield as_json(
            {
                "line": matched.block.first + row,
                "id": reading.identity(line.members) if isinstance(line, Object) else None,
                "patterns": [patterns[number] for number in matched.literals(k)],
                "terms": terms.get(row, []),
            }
        )
