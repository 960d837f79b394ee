"""Where the nodes of a canvas stand: where they stood, or in rows by what they are.

Pure: objects in, boxes out. Nodes that have a place keep it; below them come groups of rows,
definitions first, terms that were made last. Must not know: logs, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, sqrt
from typing import Any, NamedTuple

#: Pixels.
WIDTH, HEIGHT, GAP = 300, 120, 40
#: Sizes that a canvas may have, far above what anybody looks at.
_LARGEST = 1 << 31
_ORDER = ("automaton", "rule", "veto", "text", "", "modification", "composition")


class Box(NamedTuple):
    """Place of the upper left corner, and size, in pixels."""

    x: int
    y: int
    width: int
    height: int


def place(objects: Sequence[Mapping[str, Any]]) -> list[Box]:
    """A box for each object, in their order."""
    own = [_own(members) for members in objects]
    there = [box for box in own if box is not None]
    left = min((box.x for box in there), default=0)
    top = max((box.y + box.height + 2 * GAP for box in there), default=0)
    groups: dict[str, list[int]] = {}
    for number, (members, box) in enumerate(zip(objects, own, strict=True)):
        if box is None:
            kind = str(members.get("type"))
            groups.setdefault(kind if kind in _ORDER else "", []).append(number)
    found = {number: box for number, box in enumerate(own) if box is not None}
    for kind in sorted(groups, key=_ORDER.index):
        numbers = groups[kind]
        columns = max(4, ceil(sqrt(2 * len(numbers))))
        for at, number in enumerate(numbers):
            row, column = divmod(at, columns)
            x, y = left + column * (WIDTH + GAP), top + row * (HEIGHT + GAP)
            found[number] = Box(x, y, WIDTH, HEIGHT)
        top += ceil(len(numbers) / columns) * (HEIGHT + GAP) + GAP
    return [found[number] for number in range(len(objects))]


def _own(members: Mapping[str, Any]) -> Box | None:
    """Where an object says that it stands; rounded, for a canvas counts whole pixels."""
    x, y, width, height = (_pixels(members.get(name)) for name in Box._fields)
    if x is None or y is None:
        return None
    return Box(x, y, max(width or WIDTH, 1), max(height or HEIGHT, 1))


def _pixels(value: Any) -> int | None:
    usable = type(value) in {int, float} and -_LARGEST < value < _LARGEST
    return round(value) if usable else None
