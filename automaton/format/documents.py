"""What a file that is no log says: one JSON document, a canvas, compressed bytes.

Lives here: how such a file is told from JSONL, and the lines that its objects make.
Items are cut out of the document and only lose the spaces between their tokens, so
that every member stays as it was written. Must not know: files, other lines, terms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from automaton.format import objects
from automaton.format.objects import Object, parse_line

Kind = Literal["canvas", "array", "object"]

#: How a compressed file begins, and what it is called; those of `UNPACKED` can be read.
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"PK\3\4": "zip",
}
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # a frame of zstd that holds no data
UNPACKED = ("gzip", "zstd")

LISTS = ("nodes", "edges", "links")
"""Members of an object whose items are a graph's: JSON Canvas, and node-link data."""

REPLACED = "automaton:object"
"""Member of a canvas' node that says how the object had what the canvas wanted otherwise."""

_NAMING = frozenset({"id", "type"})  # an object that holds one of them is an object of a log
_BOM = b"\xef\xbb\xbf"
_OPENING = b"{["


@dataclass(frozen=True)
class Document:
    """A file that is one JSON document: what it is, and how many items it holds."""

    kind: Kind
    nodes: int = 0  # of an array: its items
    edges: int = 0

    def __str__(self) -> str:
        """What the document is, as a phrase for people."""
        if self.kind == "canvas":
            nodes, edges = _counted(self.nodes, "node"), _counted(self.edges, "edge")
            return f"one JSON document, a canvas with {nodes} and {edges}"
        if self.kind == "array":
            return f"one JSON document, an array with {self.nodes} items"
        return "one JSON document, an object on several lines"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Item(NamedTuple):
    """A line that a document makes, or why an item of it makes none."""

    where: str  # as in "nodes, item 3"
    line: bytes  # without a newline; b"" where there is a reason
    reason: str = ""


def compression(head: bytes) -> str | None:
    """What a file is compressed with, by its first bytes (6 are enough); None: it is not."""
    found = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    return "zstd" if found is None and _SKIPPABLE.match(head) else found


def document(data: memoryview) -> Document | None:
    """What a whole file is if it is one JSON document and no line of a log; else None.

    An object on one line is a line of a log, unless it is without `id` and `type` and
    holds a list of nodes or edges.
    """
    start, first = _first_line(data)
    if not first.startswith((b"{", b"[")):
        return None
    line = parse_line(first)
    if isinstance(line, Object):
        alone = _skip_space(data, start + len(first)) == len(data)
        return _graph(line.members) if alone and not _NAMING & set(line.members) else None
    value = _whole(data[start:])
    if isinstance(value, list):
        return Document("array", len(value))
    if isinstance(value, dict):
        return _graph(value) or Document("object")
    return None


def _graph(members: objects.Members) -> Document | None:
    """A canvas or node-link data, by the lists that it holds."""
    held = [name for name in LISTS if isinstance(members.get(name), list)]
    if not held:
        return None
    edges = sum(len(members[name]) for name in held if name != "nodes")
    return Document("canvas", len(members["nodes"]) if "nodes" in held else 0, edges)


def items(data: bytes) -> Iterator[Item]:
    """The lines that the objects of a document make, in the order in which they stand.

    `data` is one JSON document. Of a graph all that is in none of its lists stands
    first, in a line of its own; an object that is no graph is one line.
    """
    start = _first_line(data)[0]
    end = _value_end(data, start)
    found = _array_items(data, start, end, "")
    found = _graph_items(data, start, end) if found is None else found
    yield from [_item("the object", data[start:end])] if found is None else found


def values(data: bytes) -> Iterator[Item]:
    """The lines that JSON values make which stand one after another, on several lines each.

    Raises `ValueError`, as a phrase for people, where what stands there is no JSON.
    """
    text, decoder = data.decode("utf-8-sig"), json.JSONDecoder()
    at, number = 0, 0
    while found := _NO_SPACES.search(text, at):
        number += 1
        try:
            _, at = decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"value {number} is not JSON: {error}") from None
        yield _item(f"value {number}", text[found.start() : at].encode())


def _graph_items(data: bytes, start: int, end: int) -> list[Item] | None:
    """The lines of an object that is a graph; None where it is none."""
    members = list(_members(data, start, end))
    lists = [m for m in members if m.name in LISTS and data[m.value] == _OPENING[1]]
    if not lists or _NAMING & {member.name for member in members}:
        return None
    rest = [compact(data[m.key : m.end]) for m in members if m not in lists]
    about = [_item("the canvas", b"{" + b",".join(rest) + b"}")] if rest else []
    found = (_array_items(data, m.value, m.end, f"{m.name}, ") or [] for m in lists)
    return [*about, *(item for listed in found for item in listed)]


def _array_items(data: bytes, start: int, end: int, name: str) -> list[Item] | None:
    """The lines of an array's items; None where no array stands."""
    if data[start] != _OPENING[1]:
        return None
    found: list[Item] = []
    at = _skip_space(data, start + 1)
    while at < end - 1:
        after = _value_end(data, at)
        found.append(_item(f"{name}item {len(found) + 1}", data[at:after]))
        at = _skip_comma(data, after)
    return found


def _item(where: str, raw: bytes) -> Item:
    line = compact(raw)
    match parse_line(line):
        case Object(members) if isinstance(members.get(REPLACED), dict):
            return Item(where, _restored(members))
        case Object():
            return Item(where, line)
        case objects.MalformedInput(reason):
            return Item(where, b"", reason)
    return Item(where, b"", "no JSON")


def _restored(members: objects.Members) -> bytes:
    """The object that an export put on a canvas: see `REPLACED`; null there: it was absent."""
    before = members[REPLACED]
    found = {name: before.get(name, value) for name, value in members.items() if name != REPLACED}
    own = {n: v for n, v in found.items() if v is not None or n not in before}
    try:
        return json.dumps(own, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(own, separators=(",", ":")).encode()


class _Member(NamedTuple):
    """Where a member of an object stands."""

    name: str
    key: int
    value: int
    end: int


def _members(data: bytes, brace: int, end: int) -> Iterator[_Member]:
    at = _skip_space(data, brace + 1)
    while at < end - 1:
        key_end = _value_end(data, at)
        value = _skip_space(data, _skip_space(data, key_end) + 1)
        after = _value_end(data, value)
        yield _Member(json.loads(data[at:key_end]), at, value, after)
        at = _skip_comma(data, after)


def compact(raw: bytes) -> bytes:
    """A JSON text without the spaces between its tokens; its strings and numbers as they were."""
    return _SPACES.sub(lambda found: found.group(1) or b"", raw)


# How a value is found. The patterns are ours, possessive and never nested.


def _first_line(data: bytes | memoryview) -> tuple[int, bytes]:
    """Where the first line that is not blank begins, behind a mark, and its bytes."""
    found = _LINE.search(data, len(_BOM) if data[: len(_BOM)] == _BOM else 0)
    return (found.start(), found.group()) if found else (len(data), b"")


def _whole(data: memoryview) -> object:
    """The value of a JSON text; None where it is none. What is no document fails early."""
    try:
        return objects.read_json(data)
    except (ValueError, RecursionError):
        return None


def _value_end(data: bytes, start: int) -> int:
    """Where a JSON value ends; of what is none, the end of its line."""
    if data[start] not in b'{["':
        scalar = _SCALAR.match(data, start)
        return scalar.end() if scalar else start + 1
    depth = 0
    for token in _STRUCTURE.finditer(data, start):
        depth += _STEP.get(token.group(), 0)
        if depth == 0:
            return token.end()
    return len(data)


def _skip_space(data: bytes | memoryview, at: int) -> int:
    found = _NO_SPACE.search(data, at)
    return len(data) if found is None else found.start()


def _skip_comma(data: bytes, at: int) -> int:
    at = _skip_space(data, at)
    return _skip_space(data, at + 1) if data[at : at + 1] == b"," else at


_LINE = re.compile(rb"[^ \t\r\n][^\n]*+")
_NO_SPACES = re.compile(r"[^ \t\r\n]")
_NO_SPACE = re.compile(rb"[^ \t\r\n]")
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_SCALAR = re.compile(rb"[^,}\] \t\r\n]++")
_SPACES = re.compile(rb'("(?:[^"\\]++|\\.)*+")|[ \t\r\n]++', re.DOTALL)
_STEP = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
