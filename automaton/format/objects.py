"""What is an object: one line's bytes in, a value or a reason out, and bytes again.

Lives here: how a line is read, what its members mean, how one member is changed
and how a string is written. Must not know: files, other lines, the index, what a
term means. A line that is not an object is never an exception; it says why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, NamedTuple, NoReturn

from automaton.format.json_edit import DEPTH_STEP, SPACE, STRUCTURE

_fast: Callable[[bytes | memoryview], Any] | None
try:
    from orjson import loads as _fast
except ImportError:  # it has no wheel for free-threaded Python
    _fast = None
FAST = _fast is not None
"""Whether orjson reads lines; else the standard library does, to the same values."""

MAX_LINE_BYTES = 16 * 1024 * 1024
"""Longest line that is read, in bytes without its line ending (the format's limit)."""

MAX_EXACT_DEPTH = 512
"""Levels of nesting in lines that the (recursive) standard library must read; else 1,024."""

Members = dict[str, Any]
"""An object's members as JSON gives them; of duplicate names the last one counts."""

OTHER_VALUE = "the top level is"  # so begins the reason where JSON is no object
_BOM = b"\xef\xbb\xbf"
_INT32 = 1 << 31
_ALIKE = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
_WIDE = b"0" * 19  # 19 digits are the fewest that may not fit 64 bits
_INTEGER_DIGITS = 4300  # Python's own guard against quadratic conversion


@dataclass(frozen=True, slots=True)
class Object:
    """A line that holds one JSON object."""

    members: Members


@dataclass(frozen=True, slots=True)
class Directive:
    """A CanvasL line `@name: value` or `@name value`; quotes around the value do not count."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Blank:
    """A line of nothing but spaces and tabs."""


@dataclass(frozen=True, slots=True)
class MalformedInput:
    """A line that is none of the others; `reason` is a phrase for people."""

    reason: str


Line = Object | Directive | Blank | MalformedInput


class TermSource(NamedTuple):
    """Where an object's terms are to be looked for: see `term_sources`."""

    kind: Literal["term", "state", "text", "none"]
    value: str


def parse_line(raw: bytes) -> Line:
    """Every byte string is some `Line`: this never raises.

    `raw` may end in LF or CRLF; a byte order mark at its start is skipped, on any
    line, because concatenated files hold them in the middle.
    """
    if len(raw) > MAX_LINE_BYTES + 2 and len(raw.rstrip(b"\r\n")) > MAX_LINE_BYTES:
        return MalformedInput(f"longer than {MAX_LINE_BYTES} bytes ({len(raw)})")
    body = raw.removeprefix(_BOM).strip(SPACE)
    if not body:
        return Blank()
    if body.startswith(b"@"):
        return _directive(body)
    return _object(body)


def read_json(data: bytes | memoryview) -> Any:
    """The value of a whole JSON text, of any length; raises `ValueError` where it is none."""
    if _fast is not None:
        try:
            return _fast(data)
        except ValueError as error:
            if "surrogate" not in str(error):  # these it refuses, and they are JSON all the same
                raise
    return json.loads(bytes(data).decode())


def object_id(obj: Mapping[str, Any]) -> str | None:
    """The `id` where it is a string; lone surrogates in it need "surrogatepass" to encode."""
    value = obj.get("id")
    return value if isinstance(value, str) else None


def object_type(obj: Mapping[str, Any]) -> str | None:
    """The `type` where it is a string; "edge" for an untyped object with two ends."""
    value = obj.get("type")
    if isinstance(value, str):
        return value
    return "edge" if value is None and edge_ends(obj) else None


def edge_ends(obj: Mapping[str, Any]) -> tuple[str, str] | None:
    """The ids at both ends: `fromNode` and `toNode`, else `from` and `to`, as strings."""
    for first, second in (("fromNode", "toNode"), ("from", "to")):
        ends = obj.get(first), obj.get(second)
        if isinstance(ends[0], str) and isinstance(ends[1], str):
            return ends[0], ends[1]
    return None


def level(obj: Mapping[str, Any]) -> int:
    """The `dimensionalLevel` where it is an integer of 32 bits, else 0."""
    value = obj.get("dimensionalLevel")
    return value if type(value) is int and -_INT32 <= value < _INT32 else 0


def term_sources(obj: Mapping[str, Any]) -> TermSource:
    """The one place that counts: `term`, else an automaton's `currentState`, else `text`."""
    if isinstance(term := obj.get("term"), str):
        return TermSource("term", term)
    if obj.get("type") == "automaton" and isinstance(state := obj.get("currentState"), str):
        return TermSource("state", state)
    if isinstance(text := obj.get("text"), str):
        return TermSource("text", text)
    return TermSource("none", "")


# How a line is read.


def _directive(body: bytes) -> Line:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return MalformedInput(f"not UTF-8 at byte {error.start + 1}")
    match = _DIRECTIVE.fullmatch(text)
    if match is None or not (match["colon"] or match["value"]):
        return MalformedInput("a directive reads @name: value, or @name value")
    return Directive(match["name"], _unquoted(match["value"]))


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]
    return value[1:-1] if quoted else value


def _object(body: bytes) -> Line:
    try:
        value = _exact(body) if _fast is None else _fast(body)
        if _fast and _WIDE in body.translate(_ALIKE):  # a wide integer was turned into a float
            value = _exact(body)
    except ValueError as error:
        return _second_opinion(body, error)
    return _only_object(value)


def _only_object(value: Any) -> Line:
    if isinstance(value, dict):
        return Object(value)
    return MalformedInput(f"{OTHER_VALUE} {_KINDS.get(type(value), 'a number')}, not an object")


def _second_opinion(body: bytes, error: ValueError) -> Line:
    """orjson refuses lone surrogates and very wide integers, which are JSON all the same."""
    try:
        body.decode()
    except UnicodeDecodeError as undecodable:
        return MalformedInput(f"not UTF-8 at byte {undecodable.start + 1}")
    try:
        return _only_object(_exact(body))
    except json.JSONDecodeError as second:
        shown = error if isinstance(error, json.JSONDecodeError) else second
        return MalformedInput(f"not JSON at character {shown.pos + 1}: {shown.msg}")
    except _RefusedError as refused:
        return MalformedInput(str(refused))


class _RefusedError(ValueError):
    """JSON that is refused for what it holds, not for its grammar."""


def _exact(body: bytes) -> Any:
    """The value as the standard library reads it: exact integers, lone surrogates."""
    if _deeper_than(body, MAX_EXACT_DEPTH):
        raise _RefusedError(f"nested deeper than {MAX_EXACT_DEPTH} levels")
    return json.loads(body.decode(), parse_constant=_refuse, parse_float=_finite, parse_int=_whole)


def _refuse(token: str) -> NoReturn:
    raise _RefusedError(f"{token[:20]} is not a number that can be kept ({len(token)} characters)")


def _finite(digits: str) -> float:
    return value if isfinite(value := float(digits)) else _refuse(digits)


def _whole(digits: str) -> int:
    return int(digits) if len(digits) <= _INTEGER_DIGITS else _refuse(digits)


def _deeper_than(body: bytes, limit: int) -> bool:
    if body.count(b"{") + body.count(b"[") <= limit:
        return False
    depth = 0
    for token in STRUCTURE.finditer(body):
        depth += DEPTH_STEP.get(token.group(), 0)
        if depth > limit:
            return True
    return False


# How a member is found. The patterns are ours, possessive and never nested.


_DIRECTIVE = re.compile(r"@\s*+(?P<name>[^\s:]++)\s*+(?P<colon>:?+)\s*+(?P<value>.*+)", re.DOTALL)
_KINDS = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}


@dataclass(frozen=True)
class NamedObject:
    """An object and the id that stands for it (`line:<n>` where it has none)."""

    id: str
    members: dict[str, Any]
