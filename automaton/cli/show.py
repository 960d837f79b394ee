"""`show LOG ID`: an object as it stands, its versions, and where it comes from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from automaton.errors import UsageError
from automaton.objects import Object, object_type, parse_line

from .kinds import PATH, option, switch
from .words import as_json, printable

if TYPE_CHECKING:  # loads numba, which takes a second
    from automaton.log import Log

ROLES = ("op", "a", "b")  # of a reaction's parents, as they stand in its line
MOST = 1000  # ancestors that are followed; a lineage can be as long as the log


class Ancestor(NamedTuple):
    """One object of a lineage: the version that its descendant was made from."""

    id: str
    line: int | None
    parents: list[str]


class Branch(NamedTuple):
    """A line of a drawn lineage."""

    depth: int
    role: str  # operator, a or b of what it stands under; "" at the root
    ancestor: Ancestor
    above: bool  # drawn before, with all that it stems from
    last: bool  # of its siblings


@click.command()
@click.argument("log", type=PATH)
@click.argument("id_", metavar="ID")
@switch("--lineage", "Draw the ancestry to the genesis as a tree: operator, a and b of each.")
@option("--json", "json_", is_flag=True, show_default="off", help="Print one JSON object.")
def show(log: Path, id_: str, lineage: bool, json_: bool) -> None:
    """Show the object ID of LOG: as it stands, its versions, its lineage to the genesis."""
    from automaton.log import Log  # noqa: PLC0415  # see the top

    with Log.open(log, write=False) as opened:
        versions, raw = opened.find(id_), opened.current(id_)
        if raw is None:
            raise UsageError(f"{log}: no object has the id {id_!r}; ids are case-sensitive")
        if lineage:
            branches = list(tree(opened, id_))
            click.echo(as_json(_nested(branches)) if json_ else "\n".join(_drawn(branches)))
            return
        ancestors = ancestry(opened, id_)
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


def ancestry(log: Log, identity: str) -> list[Ancestor]:
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


def tree(log: Log, identity: str) -> Iterator[Branch]:
    """The lineage in the order in which it is drawn; each version is followed once."""
    waiting = [(0, "", identity, log.lines + 1, True)]
    seen: set[tuple[str, int | None]] = set()
    for _ in range(MOST):
        if not waiting:
            return
        depth, role, name, before, last = waiting.pop()
        row = _ancestor(log, name, before)
        above = (name, row.line) in seen
        yield Branch(depth, role, row, above and bool(row.parents), last)
        if not above:
            seen.add((name, row.line))
            kin = list(zip(ROLES, row.parents, strict=False))
            waiting += [
                (depth + 1, role, parent, row.line or before, k == len(kin) - 1)
                for k, (role, parent) in reversed(list(enumerate(kin)))
            ]


def _drawn(branches: list[Branch]) -> Iterator[str]:
    """The tree in lines; `open_` says at which depths a sibling is still to come."""
    open_: list[bool] = []
    for depth, role, row, above, last in branches:
        del open_[max(depth - 1, 0) :]
        stem = "".join("│  " if more else "   " for more in open_)
        corner = "" if not depth else "└─ " if last else "├─ "
        open_ += [not last] if depth else []
        where = "not in this log" if row.line is None else f"line {row.line}"
        label = f"{role}: " if role else ""
        yield f"{stem}{corner}{label}{printable(row.id)}  {where}{' (above)' if above else ''}"
    if len(branches) == MOST:
        yield f"and possibly more: {MOST} ancestors were followed"


def _nested(branches: list[Branch]) -> dict[str, object]:
    """The tree as JSON: id, line, role, and what it was made from."""
    path: list[dict[str, object]] = []
    for depth, role, row, above, _ in branches:
        node: dict[str, object] = {"id": row.id, "line": row.line, "role": role or None}
        node |= {"above": above, "parents": []}
        del path[depth:]
        if path:
            kin = path[-1]["parents"]
            assert isinstance(kin, list)
            kin.append(node)
        path.append(node)
    return path[0]


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
