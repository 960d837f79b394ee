"""`canvas`: the objects as they stand after a tick, and the terms that live, as JSON Canvas 1.0.

https://jsoncanvas.org/spec/1.0. What is no edge is a node; objects keep their places where
they have some, others are laid out by what they are. Members that a canvas wants otherwise
than the object has them stand in `automaton:object` as they were (null: not there), from
where `init --from` takes them back. Must not know: populations, how a canvas is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from automaton.analysis import snapshot
from automaton.export.canvas_layout import Box, place
from automaton.export.job import ExportJob
from automaton.export.lineage_graph import pieces
from automaton.format import graphs, objects
from automaton.format.documents import REPLACED
from automaton.format.objects import Object, parse_line, term_sources
from automaton.terms import notation

#: Colours of the presets of JSON Canvas, by what an object is.
_COLOURS = {"automaton": "4", "rule": "5", "veto": "1", "modification": "6", "composition": "6"}
_PRESETS = frozenset("123456")
_HEX = frozenset("0123456789abcdefABCDEF")
#: Members that a node of a type must have beside the common ones.
_NEEDS = {"text": "text", "file": "file", "link": "url", "group": None}
SHOWN = 200  # characters of a term in a node


@dataclass(frozen=True)
class CanvasItem:
    """A node or an edge: its id, its object, and whether it joins two nodes."""

    id: str
    members: dict[str, Any]
    ends: tuple[str, str] | None


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write the canvas after the last tick of the selection."""
    items = list(canvas_items(job))
    nodes = [item for item in items if item.ends is None]
    boxes = place([item.members for item in nodes])
    own = [_node(item, box) for item, box in zip(nodes, boxes, strict=True)]
    out.writelines(pieces(_lines(own), '{"nodes":[\n', "],\n"))
    edges = [_edge(item, item.ends) for item in items if item.ends is not None]
    out.writelines(pieces(_lines(edges), '"edges":[\n', "]}\n"))


def canvas_items(job: ExportJob) -> Iterator[CanvasItem]:
    """What stands in the log after a tick, in order; an edge to nowhere is a node."""
    tick = job.selection.stop
    world = snapshot.world_at(job.log, tick)
    found = []
    for line in snapshot.fork_lines(job.log, world, tick):
        parsed = parse_line(line.line or b"")
        if isinstance(parsed, Object):
            members = parsed.members
            name = job.log.reading.identity(members)
            found.append((line.identity if name is None else name, members))
        elif (line.line or b"").strip():
            job.note(f"{line.identity} is no JSON object, and is left out")
    last = dict(found)  # the last version of an id is the object
    known = {name for name, members in last.items() if _ends(job, members) is None}
    for name, members in last.items():
        ends = _ends(job, members)
        joins = ends is not None and known.issuperset(ends)
        yield CanvasItem(name, members, ends if joins else None)


def _ends(job: ExportJob, members: dict[str, Any]) -> tuple[str, str] | None:
    if not graphs.is_edge(members):
        return None
    graph = job.log.reading.graph
    ends = objects.edge_ends(graphs.plain(members) if graph else members)
    if ends is None or not graph:
        return ends
    first, second = (graphs.meant(end, job.log.find) for end in ends)
    return first, second


def _node(item: CanvasItem, box: Box) -> dict[str, Any]:
    members = item.members
    kind = members.get("type")
    needed = _NEEDS.get(kind) if isinstance(kind, str) else None
    fits = kind in _NEEDS and (needed is None or isinstance(members.get(needed), str))
    wanted: dict[str, Any] = {
        "id": item.id, "type": kind if fits else "text", "x": box.x, "y": box.y,
        "width": box.width, "height": box.height,
    }  # fmt: skip
    if wanted["type"] == "text" and not isinstance(members.get("text"), str):
        wanted["text"] = _text(item)
    return _replaced(members, {**wanted, **_coloured(members)})


def _edge(item: CanvasItem, ends: tuple[str, str]) -> dict[str, Any]:
    members = item.members
    wanted: dict[str, Any] = {"id": item.id, "fromNode": ends[0], "toNode": ends[1]}
    words = [members.get("action"), members.get("condition")]
    label = " if ".join(word for word in words if isinstance(word, str))
    if label and not isinstance(members.get("label"), str):
        wanted["label"] = label
    return _replaced(members, {**wanted, **_coloured(members)})


def _coloured(members: dict[str, Any]) -> dict[str, str]:
    """The colour that an object has, or what its type has."""
    colour = members.get("color")
    good = isinstance(colour, str) and (
        colour in _PRESETS or (len(colour) == 7 and colour[0] == "#" and set(colour[1:]) <= _HEX)
    )
    own = _COLOURS.get(str(members.get("type")))
    return {} if good or own is None else {"color": own}


def _replaced(members: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """An object with what a canvas wants, and what that replaced."""
    other = {k: v for k, v in wanted.items() if k not in members or members[k] != v}
    found = {**members, **other}
    before = {name: members.get(name) for name in other}
    return {**found, REPLACED: before} if before else found


def _text(item: CanvasItem) -> str:
    """What a person reads of an object that has no text: its id, and its term with names."""
    source = term_sources(item.members)
    shown = ""
    if source.kind == "term":
        try:
            shown = notation.format_term(notation.parse(source.value), "lambda")
        except ValueError:
            shown = source.value
    short = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
    state = item.members.get("currentState")
    about = f"`{short}`" if short else state if isinstance(state, str) else ""
    return f"**{item.id}**\n\n{about}" if about else f"**{item.id}**"


def _lines(items: list[dict[str, Any]]) -> Iterator[str]:
    for number, item in enumerate(items):
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
        try:
            text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair
            text = json.dumps(item, separators=(",", ":"))
        yield (",\n" if number else "") + text
