"""`show LOG ID`: an object as it stands, its versions, and where it comes from."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from automaton.errors import UsageError
from automaton.objects import Object, object_type, parse_line

from .kinds import PATH, option
from .words import as_json, printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log import Log

MOST = 1000  # ancestors that are followed; a lineage can be as long as the log


class Ancestor(NamedTuple):
    """One object of a lineage: the version that its descendant was made from."""

    id: str
    line: int | None
    parents: list[str]


@click.command()
@click.argument("log", type=PATH)
@click.argument("id_", metavar="ID")
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def show(log: Path, id_: str, json_: bool) -> None:
    """Show the object ID of LOG: as it stands, its versions, its lineage to the genesis."""
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(log, write=False) as opened:
        versions, raw = opened.find(id_), opened.current(id_)
        if raw is None:
            raise UsageError(f"{log}: no object has the id {id_!r}; ids are case-sensitive")
        ancestors = lineage(opened, id_)
    text = raw.decode("utf-8", "backslashreplace")
    if json_:
        rows = [row._asdict() for row in ancestors]
        facts = {"id": id_, "versions": versions, "lineage": rows}
        members = parse_line(raw)
        object_ = members.members if isinstance(members, Object) else None
        click.echo(as_json({**facts, "object": object_}))
        return
    click.echo(printable(text))
    click.echo(f"versions: line {', '.join(map(str, versions))}")
    click.echo("lineage:")
    for row in ancestors:
        click.echo(f"  {printable(row.id)}  {_origin(row)}")
    if len(ancestors) == MOST:
        click.echo(f"  and possibly more: {MOST} ancestors were followed")


def _origin(row: Ancestor) -> str:
    where = "not in this log" if row.line is None else f"line {row.line}"
    return f"{where}, from {printable(', '.join(row.parents))}" if row.parents else where


def lineage(log: Log, identity: str) -> list[Ancestor]:
    """The object and its ancestors, nearest first, each once."""
    found: list[Ancestor] = []
    waiting, seen = deque([(identity, log.lines + 1)]), {identity}
    while waiting and len(found) < MOST:
        name, before = waiting.popleft()
        row = _ancestor(log, name, before)
        found.append(row)
        for parent in row.parents:
            if parent not in seen:
                seen.add(parent)
                waiting.append((parent, row.line or before))
    return found


def _ancestor(log: Log, name: str, before: int) -> Ancestor:
    """The version of `name` that stood above line `before`, and what it was made from."""
    lines = [line for line in _lines(log, name) if line < before]
    for line in reversed(lines):
        match parse_line(log.line(line)):
            case Object(members):
                parents = members.get("parents")
                ours = object_type(members) == "modification" and isinstance(parents, list)
                return Ancestor(name, line, [str(p) for p in parents or ()] if ours else [])
    return Ancestor(name, None, [])


def _lines(log: Log, name: str) -> list[int]:
    """The lines of an object by the name it has in a population: id, id#span, line:n."""
    if lines := log.find(name):
        return lines
    kind, _, number = name.partition(":")
    if kind == "line" and number.isdecimal() and 1 <= int(number) <= log.lines:
        return [int(number)]
    stem, hash_, _span = name.rpartition("#")
    return log.find(stem) if hash_ else []
