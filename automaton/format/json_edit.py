"""Edits to a line's bytes: a quoted text, a member replaced in place.

Lives here: what a new version of somebody's object is made with. Must not know: meanings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

SPACE = b" \t\r\n"


def quote(text: str) -> bytes:
    r"""A JSON string that escapes only `"`, `\`, U+0000 to U+001F and lone surrogates.

    Controls are `\u00xx` without exception, hexadecimal digits are lower-case. Two
    surrogates that make a pair are not lone: they are the character they stand for.
    """
    try:
        body = text.translate(_ESCAPES).encode()
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        body = paired.translate(_ESCAPES).encode("utf-8", "backslashreplace")
    return b'"' + body + b'"'


def replace_member(raw: bytes, path: tuple[str, ...], value: bytes) -> bytes:
    """The line with the member at `path` set to the JSON in `value`, all else byte for byte.

    `raw` must be a line that `parse_line` reads as an object. Of duplicate names the
    last one, which counts, is replaced. An absent member is appended before the closing
    brace, in the objects that its path needs; on the way, what is no object becomes one.
    """
    at = raw.index(b"{")
    for depth, name in enumerate(path):
        start, end, closing = _find(raw, at, name)
        rest = path[depth + 1 :]
        if start < 0:
            comma = b"" if _skip_space(raw, at + 1) == closing else b","
            added = comma + quote(name) + b":" + _nested(rest, value)
            return raw[:closing] + added + raw[closing:]
        if not rest or raw[start] != _OPEN_OBJECT:
            return raw[:start] + _nested(rest, value) + raw[end:]
        at = start
    raise ValueError("the path of a member has at least one name")


def _find(raw: bytes, brace: int, name: str) -> tuple[int, int, int]:
    """Start and end of the last such member's value (-1 if absent), and the closing brace."""
    start = end = -1
    at = _skip_space(raw, brace + 1)
    while raw[at] != _CLOSE_OBJECT:
        key_end = _value_end(raw, at)
        value = _skip_space(raw, _skip_space(raw, key_end) + 1)
        after = _value_end(raw, value)
        if json.loads(raw[at:key_end].decode()) == name:
            start, end = value, after
        at = _skip_space(raw, after)
        if raw[at] == _COMMA:
            at = _skip_space(raw, at + 1)
    return start, end, at


def _skip_space(raw: bytes, at: int) -> int:
    while raw[at] in SPACE:
        at += 1
    return at


def _value_end(raw: bytes, start: int) -> int:
    if raw[start] not in b'{["':
        return next(_SCALAR.finditer(raw, start)).end()
    depth = 0
    for token in STRUCTURE.finditer(raw, start):
        depth += DEPTH_STEP.get(token.group()[:1], 0)
        if depth == 0:
            return token.end()
    raise ValueError("the line holds no whole JSON object")


def _nested(names: tuple[str, ...], value: bytes) -> bytes:
    opening = b"".join(b"{" + quote(name) + b":" for name in names)
    return opening + value + b"}" * len(names)


_OPEN_OBJECT, _CLOSE_OBJECT, _COMMA = b"{},"

STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)

_SCALAR = re.compile(rb"[^,}\] \t\r\n]++")

DEPTH_STEP: Mapping[bytes, int] = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}

_ESCAPES: Mapping[int, str] = {
    0x22: '\\"',
    0x5C: "\\\\",
    **{code: f"\\u{code:04x}" for code in range(0x20)},
}
