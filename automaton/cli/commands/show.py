"""`show LOG ID`: its term, the object as it stands, its versions; where it comes from if asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from automaton.cli.option_types import PATH, option, switch
from automaton.cli.text import as_json, counted, printable, shown_json
from automaton.errors import AutomatonError, UsageError
from automaton.format.objects import Object, parse_line, term_sources
from automaton.terms.arrays import Words
from automaton.terms.encodings import operator_named
from automaton.terms.notation import format_term, parse, spans

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.analysis.lineage import Ancestor, Branch, Lineage, Version

DEPTH = 8  # steps of a lineage that people are shown
LINES = 200  # and lines, where they did not ask for a depth


@click.command()
@click.argument("log", type=PATH)
@click.argument("id_", metavar="ID")
@switch("--lineage", "Draw the ancestry to the genesis as a tree: operator, a and b of each.")
@option(
    "--depth",
    type=click.IntRange(min=0),
    metavar="N",
    show_default=f"no lineage; with --lineage {DEPTH}, and {LINES} lines; all with --json",
    help="List the ancestry so far (a count of steps), nearest first.",
)
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def show(log: Path, id_: str, lineage: bool, depth: int | None, json_: bool) -> None:
    """Show an object of LOG: its term, its line, its versions.

    Where it comes from is shown on request: --lineage draws it, --depth N lists it.
    """
    from automaton.analysis.lineage import Lineage, ancestry, tree  # noqa: PLC0415  # see the top
    from automaton.log import Log  # noqa: PLC0415  # see the top
    from automaton.replay.omitted_batches import with_omitted_batches  # noqa: PLC0415

    with Log.open(log, write=False) as opened, with_omitted_batches(opened):
        versions, raw = opened.find(id_), opened.current(id_)
        if raw is None:
            raise UsageError(f"{log}: no object has the id {id_!r}; ids are case-sensitive")
        known = Lineage(opened)
        root = known.now(id_)
        steps = depth if depth is not None or json_ else DEPTH
        most = None if depth is not None or json_ else LINES
        if lineage:
            branches = tree(known, root, steps)
            lines = _nested(branches) if json_ else _drawn(branches, steps, most)
        elif json_:
            lines = _facts(known, root, versions, raw, steps)
        else:
            found = None if depth is None else ancestry(known, root, steps)
            lines = _paragraphs(versions, raw, found, steps, most)
        for line in lines:
            click.echo(line, nl=not json_)
        if json_:
            click.echo()


def _facts(
    known: Lineage, root: Version, versions: list[int], raw: bytes, steps: int | None
) -> Iterator[str]:
    """The object's JSON, in pieces: a lineage can be as long as the log."""
    from automaton.analysis.lineage import ancestry  # noqa: PLC0415  # see the top

    yield f'{{"id":{as_json(root.id)},"versions":{as_json(versions)},"lineage":['
    for k, row in enumerate(ancestry(known, root, steps)):
        ids, lines = ([p.version[field] for p in row.parents] for field in (0, 1))
        fact = {"id": row.version.id, "line": row.version.line, "parents": ids}
        more = {"parent_lines": lines, "roles": [p.role for p in row.parents], "depth": row.depth}
        yield "," * (k > 0) + as_json(fact | more)
    parsed = parse_line(raw)
    yield f'],"object":{as_json(parsed.members if isinstance(parsed, Object) else None)}}}'


def _paragraphs(
    versions: list[int], raw: bytes, found: Iterator[Ancestor] | None,
    steps: int | None, most: int | None,
) -> Iterator[str]:  # fmt: skip
    """The term, the object, its lines, and its ancestors where they are asked for."""
    yield from _terms(raw)
    yield shown_json(printable(raw.decode("utf-8", "backslashreplace")))
    yield f"versions: line {', '.join(map(str, versions))}"
    if found is None:
        yield "its ancestry: --lineage draws it, --depth N lists N steps of it"
    else:
        yield from _ancestors(found, steps, most)


def _terms(raw: bytes) -> Iterator[str]:
    """The terms of an object: with names, in de Bruijn notation, and their nodes."""
    parsed = parse_line(raw)
    if not isinstance(parsed, Object):
        return
    source = term_sources(parsed.members)
    found: list[Words] = []
    if source.kind == "term":
        try:
            found = [parse(source.value)]
        except AutomatonError as error:
            yield f"term: cannot be read: {printable(str(error))}"
    elif source.kind == "state":
        found = [operator_named(source.value)]
    elif source.kind == "text" and "`" in source.value:
        found = [words for _, words in spans(source.value)]
    for words in found:
        nodes = counted(len(words), "node")
        yield f"term: {format_term(words, 'lambda')}   de Bruijn: {format_term(words)}   {nodes}"


def _ancestors(found: Iterator[Ancestor], steps: int | None, most: int | None) -> Iterator[str]:
    """Ancestors, nearest first, and what of them is not shown."""
    yield "lineage:"
    shown: set[Version] = set()
    ends: list[Version] = []
    for row in islice(found, most):
        shown.add(row.version)
        ends += [parent.version for parent in row.parents]
        yield f"  {printable(row.version.id)}  {_origin(row)}"
    if left := len({version for version in ends if version not in shown}):
        yield f"  and more: {left} of their parents are not shown; {_ways(steps)}"


def _ways(steps: int | None) -> str:
    """How to see what was left out."""
    return f"--depth {(steps or 0) + DEPTH} goes further, --json shows all"


def _place(version: Version) -> str:
    return "not in this log" if version.line is None else f"line {version.line}"


def _origin(row: Ancestor) -> str:
    """Where a version stands, and what it was made from."""
    names = [f"{printable(p.version.id)} ({_place(p.version)})" for p in row.parents]
    return f"{_place(row.version)}, from {', '.join(names)}" if names else _place(row.version)


def _drawn(branches: Iterable[Branch], steps: int | None, most: int | None) -> Iterator[str]:
    """The tree in lines; `open_` says at which depths a sibling is still to come."""
    open_: list[bool] = []
    deeper, left = 0, False
    for number, (depth, role, version, above, more, last) in enumerate(branches):
        if left := most is not None and number == most:
            break
        del open_[max(depth - 1, 0) :]
        stem = "".join("│  " if waits else "   " for waits in open_)
        corner = "" if not depth else "└─ " if last else "├─ "
        open_ += [not last] if depth else []
        label = f"{role}: " if role else ""
        mark = " (above)" if above else " (…)" if more else ""
        deeper += more
        yield f"{stem}{corner}{label}{printable(version.id)}  {_place(version)}{mark}"
    if left:
        yield f"and more: {most} lines are drawn; {_ways(steps)}"
    elif deeper:
        yield f"and more: of {deeper} (…) the parents are not drawn; {_ways(steps)}"


def _nested(branches: Iterable[Branch]) -> Iterator[str]:
    """The tree as JSON, in pieces: a lineage is deeper than a recursive writer may go."""
    before = -1
    for depth, role, version, above, more, _ in branches:
        yield "]}" * (before - depth + 1) + "," * (depth <= before)
        node = {"id": version.id, "line": version.line, "role": role or None, "above": above}
        yield as_json(node | {"more": more})[:-1] + ',"parents":['
        before = depth
    yield "]}" * (before + 1)
