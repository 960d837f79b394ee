"""How files of graphs name things: ends, references, numbers as ids, dimensions.

Lives here: what CanvasL, networkx, Cytoscape and JSON Graph write otherwise than a log
does, and what it means there. A log is read so only where its run record says `graph`
(docs/format.md), for a log that was begun before keeps the meaning it had. Must not
know: files, lines, the index, which objects there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from automaton.format import objects
from automaton.format.objects import Members, object_id

ENDS = ("fromNode", "toNode", "from", "to")
"""Members that name an end of an edge or transition."""

_EDGES = frozenset({"edge", "vertical", "horizontal", "transition"})
_INT32 = 1 << 31
_DIMENSION = re.compile(r"([0-9]{1,9})D")
_LONE = re.compile(r"[\ud800-\udfff]")
#: What a line holds, as bytes, that may be read otherwise than before: one of these, and
#: then what the pattern says.
SIGNS = (b'"#', b'"dimension"')
HINT = re.compile(
    rb'"(?:from|to|fromNode|toNode|parent)"\s*+:\s*+"#|"dimension"\s*+:\s*+(?:"[0-9]|[0-9])'
)


@dataclass(frozen=True)
class Reading:
    """How the objects of a log are read; without `graph` as ever."""

    graph: bool = False
    integers: bool = False  # ids are integers throughout: each is its decimal text

    def identity(self, members: Mapping[str, Any]) -> str | None:
        """An object's id; None: it has none, and is named by its line."""
        found = object_id(members)
        if not self.graph:
            return found
        if found is not None:
            return None if lone_surrogate(found) else found
        value = members.get("id")
        return str(value) if self.integers and type(value) is int else None


#: How every log was read before there were graphs, and most are.
AS_EVER = Reading()


def lone_surrogate(text: str) -> bool:
    """Whether a text holds half a pair, which no UTF-8 has and few programs read."""
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return _LONE.search(paired) is not None


def plain(members: Members) -> Members:
    """The members with ends that are integers as text, and a dimension as the level."""
    changed: Members = {name: str(v) for name in ENDS if type(v := members.get(name)) is int}
    if (level := _level(members)) is not None:
        changed["dimensionalLevel"] = level
    return {**members, **changed} if changed else members


def _level(members: Mapping[str, Any]) -> int | None:
    """What `dimension` says where there is no `dimensionalLevel`: "8D", or a number."""
    value = members.get("dimension")
    if "dimensionalLevel" in members or value is None:
        return None
    if isinstance(value, str) and (match := _DIMENSION.fullmatch(value)):
        return int(match[1])
    return value if type(value) is int and 0 <= value < _INT32 else None


def meant(name: str, known: Callable[[str], object]) -> str:
    """The object that an end names: `#id` is `id`, unless an object is called `#id` itself."""
    return name[1:] if name[:1] == "#" and not known(name) else name


def parent(members: Mapping[str, Any]) -> str | None:
    """The object that `parent` refers to, as `#id`; without # it may be anybody's word."""
    found = members.get("parent")
    return found if isinstance(found, str) and found[:1] == "#" and found[1:] else None


def differs(members: Mapping[str, Any]) -> bool:
    """Whether an object is read otherwise here than it was before there was this reading."""
    if _level(members) is not None:
        return True
    ends = objects.edge_ends(members) if is_edge(members) else None
    return parent(members) is not None or (
        ends is not None and any(end.startswith("#") for end in ends)
    )


def is_edge(members: Mapping[str, Any]) -> bool:
    """Whether an object is meant as an edge or transition; `from` and `to` alone are not."""
    return "fromNode" in members or "toNode" in members or objects.object_type(members) in _EDGES


def broken_ends(members: Mapping[str, Any]) -> Iterator[tuple[Literal["from", "to"], str]]:
    """The ends of an edge or transition that are no texts, where it has not both, and why."""
    if not is_edge(members) or objects.edge_ends(members) is not None:
        return
    first, second = ENDS[:2] if {"fromNode", "toNode"} & members.keys() else ENDS[2:]
    ends: tuple[tuple[Literal["from", "to"], str], ...] = (("from", first), ("to", second))
    for end, name in ends:
        if name not in members:
            yield end, "missing"
        elif not isinstance(value := members[name], str):
            yield end, _kind(value)


def no_name(value: object) -> str:
    """Why an `id` names nothing."""
    if isinstance(value, str):
        return "half a surrogate pair, which no UTF-8 has; the object is named by its line"
    return f"{_kind(value)}, not a text"


def _kind(value: object) -> str:
    return _KINDS.get(type(value), f"the number {value}")


_KINDS = {type(None): "null", bool: "true or false", list: "an array", dict: "an object"}
