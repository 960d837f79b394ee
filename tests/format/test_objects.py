"""One line's bytes as an object, and an object's bytes with one member changed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automaton.format.json_edit import quote, replace_member
from automaton.format.objects import (
    MAX_EXACT_DEPTH,
    MAX_LINE_BYTES,
    Blank,
    Directive,
    MalformedInput,
    Object,
    TermSource,
    edge_ends,
    level,
    object_id,
    object_type,
    parse_line,
    term_sources,
)

UNTIMED = settings(deadline=None)
#: What reads JSON; orjson has no wheel for free-threaded Python.
READERS = [import_module(name).loads for name in ("json", "orjson") if find_spec(name)]
with_orjson = pytest.mark.skipif(len(READERS) == 1, reason="orjson is not installed")


# Lines.


@pytest.mark.parametrize(
    ("raw", "members"),
    [
        (b'{"id":"a"}', {"id": "a"}),
        (b' {"id" : "a" }\t\r\n', {"id": "a"}),
        (b'\xef\xbb\xbf{"id":"a"}\n', {"id": "a"}),
        (b'{"id":"a","id":"b"}', {"id": "b"}),
        (b'{"n":123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        (b'{"n":-9223372036854775809}', {"n": -9223372036854775809}),
        (b'{"n":18446744073709551615}', {"n": 18446744073709551615}),
        (b'{"n":1' + b"0" * 400 + b"}", {"n": 10**400}),
        (b'{"n":0.1234567890123456789}', {"n": 0.1234567890123456789}),
        (b'{"s":"\\ud800","n":1}', {"s": "\ud800", "n": 1}),
        (b'{"\\u0069d":"a"}', {"id": "a"}),
        (b"{}", {}),
    ],
)
def test_a_line_with_one_json_object_is_that_object(raw: bytes, members: dict[str, Any]) -> None:
    assert parse_line(raw) == Object(members)


@pytest.mark.parametrize("raw", [b"", b"\n", b" \t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_a_line_of_white_space_is_blank(raw: bytes) -> None:
    assert parse_line(raw) == Blank()


@pytest.mark.parametrize(
    ("raw", "name", "value"),
    [
        (b"@version: 1.0\n", "version", "1.0"),
        (b"\xef\xbb\xbf@version:1.0\r\n", "version", "1.0"),
        (b'@schema: "canvasl: v1"', "schema", "canvasl: v1"),
        (b"@schema : 'v1'", "schema", "v1"),
        (b'@name: "', "name", '"'),
        (b"@generated: 2025-11-08T20:13:53Z", "generated", "2025-11-08T20:13:53Z"),
        ("@título: λ".encode(), "título", "λ"),
        (b"@empty:", "empty", ""),
    ],
)
def test_a_directive_is_a_name_and_a_value_without_its_quotes(
    raw: bytes, name: str, value: str
) -> None:
    assert parse_line(raw) == Directive(name, value)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b'{"a":1', "not JSON at character 7: "),
        ('{"é":1,}'.encode(), "not JSON at character 7: "),
        (b'{"a":1} {"b":2}', "not JSON at character 9: "),
        (b'{"a":"\xff"}', "not UTF-8 at byte 7"),
        (b"@a: \xff", "not UTF-8 at byte 5"),
        (b"@a", "a directive reads @name: value"),
        (b"@ : x", "a directive reads @name: value"),
        (b"[1]", "the top level is an array, not an object"),
        (b'"a"', "the top level is a string, not an object"),
        (b"7", "the top level is a number, not an object"),
        (b"true", "the top level is true or false, not an object"),
        (b"null", "the top level is null, not an object"),
        (b'{"a":NaN}', "NaN is not a number that can be kept"),
        (b'{"a":-Infinity}', "-Infinity is not a number that can be kept"),
        (b'{"a":1e999}', "1e999 is not a number that can be kept"),
        (b'{"a":' + b"7" * 5000 + b"}", "77777777777777777777 is not a number that can be kept"),
        (b"\x0c", "not JSON at character 1: "),
    ],
)
def test_a_malformed_line_says_what_is_wrong_and_where(raw: bytes, reason: str) -> None:
    line = parse_line(raw)
    assert isinstance(line, MalformedInput)
    assert line.reason.startswith(reason)
    assert "\n" not in line.reason


def test_a_line_may_be_16_mib_long_and_no_longer() -> None:
    raw = b'{"a":"' + b"x" * (MAX_LINE_BYTES - 8) + b'"}'
    assert len(raw) == MAX_LINE_BYTES
    assert isinstance(parse_line(raw + b"\r\n"), Object)
    longer = parse_line(b" " + raw + b"\r\n")
    assert isinstance(longer, MalformedInput)
    assert longer.reason.startswith("longer than 16777216 bytes")


@pytest.mark.parametrize("leaf", [b'"\\ud800"', b"123456789012345678901234567890"])
def test_nesting_that_would_overflow_the_stack_is_refused(leaf: bytes) -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' * depth + leaf + b"}" * depth

    assert isinstance(parse_line(nested(MAX_EXACT_DEPTH)), Object)
    refused = MalformedInput(f"nested deeper than {MAX_EXACT_DEPTH} levels")
    assert parse_line(nested(MAX_EXACT_DEPTH + 1)) == refused
    assert parse_line(b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}") == refused


def test_brackets_inside_strings_are_no_nesting() -> None:
    raw = b'{"a":"' + b'[{\\"' * 2000 + b'","b":"\\udfff"}'
    assert isinstance(parse_line(raw), Object)


@UNTIMED
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_some_line(raw: bytes) -> None:
    assert isinstance(parse_line(raw), Object | Directive | Blank | MalformedInput)
    assert isinstance(parse_line(b'{"a":' + raw), Object | MalformedInput)
    assert isinstance(parse_line(b"@" + raw), Directive | MalformedInput)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(1 << 80), 1 << 80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@UNTIMED
@given(st.dictionaries(st.text(), VALUES, max_size=5), st.booleans())
def test_a_line_reads_as_the_standard_library_reads_it(members: Any, ascii_only: bool) -> None:
    raw = json.dumps(members, ensure_ascii=ascii_only).encode()
    assert parse_line(raw) == Object(json.loads(raw))


# Members.


@pytest.mark.parametrize(
    ("members", "expected"), [({"id": "a"}, "a"), ({"id": ""}, ""), ({"id": 1}, None), ({}, None)]
)
def test_an_id_is_a_string(members: dict[str, Any], expected: str | None) -> None:
    assert object_id(members) == expected


@pytest.mark.parametrize(
    ("members", "kind", "ends"),
    [
        ({"type": "text"}, "text", None),
        ({"type": 3}, None, None),
        ({}, None, None),
        ({"fromNode": "a", "toNode": "b"}, "edge", ("a", "b")),
        ({"from": "a", "to": "b"}, "edge", ("a", "b")),
        ({"from": "c", "to": "d", "fromNode": "a", "toNode": "b"}, "edge", ("a", "b")),
        ({"from": "c", "to": "d", "fromNode": "a"}, "edge", ("c", "d")),
        ({"type": "vertical", "fromNode": "a", "toNode": "b"}, "vertical", ("a", "b")),
        ({"fromNode": "a", "toNode": 2}, None, None),
        ({"from": "a", "toNode": "b"}, None, None),
    ],
)
def test_an_untyped_object_with_two_ends_is_an_edge(
    members: dict[str, Any], kind: str | None, ends: tuple[str, str] | None
) -> None:
    assert object_type(members) == kind
    assert edge_ends(members) == ends


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (-2, -2),
        (2**31 - 1, 2**31 - 1),
        (2**31, 0),
        (-(2**31), -(2**31)),
        (True, 0),
        (1.0, 0),
        ("1", 0),
        (None, 0),
    ],
)
def test_a_level_is_an_integer_of_32_bits_or_0(value: object, expected: int) -> None:
    assert level({"dimensionalLevel": value}) == expected
    assert level({}) == 0


@pytest.mark.parametrize(
    ("members", "source"),
    [
        ({"term": "λ0", "text": "`λx.x`"}, TermSource("term", "λ0")),
        ({"type": "automaton", "term": "λ0", "currentState": "pair"}, TermSource("term", "λ0")),
        ({"type": "automaton", "currentState": "pair", "text": "t"}, TermSource("state", "pair")),
        ({"type": "automaton", "text": "t"}, TermSource("text", "t")),
        ({"type": "text", "currentState": "pair", "text": "t"}, TermSource("text", "t")),
        ({"term": 5, "text": "t"}, TermSource("text", "t")),
        ({"type": "file"}, TermSource("none", "")),
    ],
)
def test_a_term_comes_from_term_else_the_state_else_the_text(
    members: dict[str, Any], source: TermSource
) -> None:
    assert term_sources(members) == source


# Strings.

ANY_TEXT = st.text(alphabet=st.characters(codec=None) | st.sampled_from('"\\\n\x00\x1f\x7f\u2028'))


def escaped(character: str) -> str:
    """Our rule for one character, spelt out."""
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x20 or 0xD800 <= code <= 0xDFFF else character


@UNTIMED
@given(ANY_TEXT)
@example('"\\/\b\f\n\r\t\x00\x1f\x7f\x80\u2028\ud800\udfffé λ 🙂')
@example("\udfff\ud800")
@example("\ud83d\ude42")
def test_a_quoted_string_escapes_exactly_what_the_format_says(text: str) -> None:
    same = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    raw = quote(text)
    assert raw.decode() == '"' + "".join(map(escaped, same)) + '"'
    assert json.loads(raw) == same


@UNTIMED
@given(st.text())
def test_a_quoted_string_reads_back(text: str) -> None:
    assert all(loads(quote(text)) == text for loads in READERS)


# One member changed.


@dataclass(frozen=True)
class Member:
    """A member with every byte around it."""

    name: str
    before: bytes  # white space, the name as spelt, white space
    value: Node
    after: bytes


@dataclass(frozen=True)
class Braces:
    """An object as it is spelt; `space` stands before the closing brace."""

    members: tuple[Member, ...]
    space: bytes


Node = bytes | Braces


def render(node: Node) -> bytes:
    """The bytes of a spelt value."""
    if isinstance(node, bytes):
        return node
    parts = [member.before + render(member.value) + member.after for member in node.members]
    return b"{" + b",".join(parts) + node.space + b"}"


def changed(node: Node, path: tuple[str, ...], value: bytes) -> Node:
    """What `replace_member` should do, on the spelt tree."""
    if not path:
        return value
    if isinstance(node, bytes):
        return changed(Braces((), b""), path, value)
    name, rest = path[0], path[1:]
    for at in reversed(range(len(node.members))):
        if node.members[at].name == name:
            new = replace(node.members[at], value=changed(node.members[at].value, rest, value))
            return replace(node, members=(*node.members[:at], new, *node.members[at + 1 :]))
    before = quote(name) + b":"
    if not node.members:
        before = node.space + before
        return Braces((Member(name, before, changed(b"", rest, value), b""),), b"")
    last = replace(node.members[-1], after=node.members[-1].after + node.space)
    new = Member(name, before, changed(b"", rest, value), b"")
    return Braces((*node.members[:-1], last, new), b"")


SPACES = st.text(" \t\r", max_size=2).map(str.encode)
NAMES = st.sampled_from(["a", "b", "id", "", 'q"', "\\", "é", "\ud800", "{", "x,y:z]"])
STRINGS = st.text('ab"\\{}[],:\n é', max_size=6)
ATOMS = (
    st.sampled_from([b"0", b"-1.5e+3", b"true", b"null", b"123456789012345678901234567890"])
    | st.one_of(STRINGS.map(quote), STRINGS.map(lambda text: json.dumps(text).encode()))
    | st.lists(STRINGS, max_size=3).map(lambda value: json.dumps([value, {"a": value}]).encode())
)


@st.composite
def members(draw: st.DrawFn, values: st.SearchStrategy[Node]) -> Member:
    """A member in any spelling."""
    name = draw(NAMES)
    spelt = draw(st.sampled_from([quote(name), json.dumps(name).encode(), all_escaped(name)]))
    before = draw(SPACES) + spelt + draw(SPACES) + b":" + draw(SPACES)
    return Member(name, before, draw(values), draw(SPACES))


def all_escaped(name: str) -> bytes:
    """The name with every character written as an escape."""
    return b'"' + "".join(f"\\u{ord(character):04X}" for character in name).encode() + b'"'


def braces(values: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Objects of such values; the space is only there where nothing else can hold it."""
    empty = st.builds(Braces, st.just(()), SPACES)
    some = st.lists(members(values), min_size=1, max_size=4).map(tuple)
    return empty | st.builds(Braces, some, st.just(b""))


OBJECTS = braces(st.recursive(ATOMS, braces, max_leaves=8))
AROUND = st.sampled_from([(b"", b""), (b"\xef\xbb\xbf", b"\r\n"), (b" ", b" \n")])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)


@UNTIMED
@given(OBJECTS, AROUND, PATHS, st.sampled_from([b"7", b'"new"', b'{"a": [1]}']))
def test_replacing_a_member_changes_its_value_and_no_other_byte(
    node: Node, around: tuple[bytes, bytes], path: tuple[str, ...], value: bytes
) -> None:
    raw = around[0] + render(node) + around[1]
    assert isinstance(parse_line(raw), Object)
    result = replace_member(raw, path, value)
    assert result == around[0] + render(changed(node, path, value)) + around[1]
    assert member(result, path) == json.loads(value)


def member(raw: bytes, path: tuple[str, ...]) -> Any:
    """What a reader of the line finds at the path."""
    line = parse_line(raw)
    assert isinstance(line, Object)
    found: Any = line.members
    for name in path:
        found = found[name]
    return found


@pytest.mark.parametrize(
    ("raw", "path", "expected"),
    [
        (b'{"a":1,"a":2}', ("a",), b'{"a":1,"a":N}'),
        (b'{"s":{"line": 2 ,"f":"x"}}\r\n', ("s", "line"), b'{"s":{"line": N ,"f":"x"}}\r\n'),
        (b'{"s":{"f":"}\\"{"} }', ("s", "line"), b'{"s":{"f":"}\\"{","line":N} }'),
        (b'{"s":5}', ("s", "line"), b'{"s":{"line":N}}'),
        (b"{ }", ("s", "line"), b'{ "s":{"line":N}}'),
        (b'{"\\u0061":[{"a":1}]}', ("a",), b'{"\\u0061":N}'),
        (b'{"b":{"a":1}}', ("a",), b'{"b":{"a":1},"a":N}'),
    ],
)
def test_a_member_is_found_where_readers_find_it(
    raw: bytes, path: tuple[str, ...], expected: bytes
) -> None:
    assert replace_member(raw, path, b"N") == expected


def test_a_member_behind_100000_brackets_is_replaced_without_recursion() -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"b":'
    assert replace_member(deep + b"1}", ("b",), b"2") == deep + b"2}"
    objects = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    assert replace_member(objects, ("b",), b"2") == objects[:-1] + b',"b":2}'


def test_a_member_behind_a_megabyte_of_backslashes_is_replaced() -> None:
    long = b'{"a":"' + b"\\\\" * 500_000 + b'","b":'
    assert replace_member(long + b"1}", ("b",), b"2") == long + b"2}"


def test_an_empty_path_names_no_member() -> None:
    with pytest.raises(ValueError, match="at least one name"):
        replace_member(b'{"a":1}', (), b"2")
    with pytest.raises(ValueError, match="no whole JSON object"):
        replace_member(b'{"a":[1', ("b",), b"2")


WITHOUT_ORJSON = """
import sys
if sys.argv.pop(1) == "without":
    sys.modules["orjson"] = None  # as where it has no wheel
from automaton.cli import main
from automaton.format import objects
assert objects.FAST == (sys.modules["orjson"] is not None)
main()
"""


@with_orjson
def test_a_run_and_doctor_do_the_same_without_orjson(tmp_path: Path) -> None:
    shipped = (Path(__file__).resolve().parents[2] / "automaton.jsonl").read_bytes()
    made = []
    for how in ("with", "without"):
        log = tmp_path / f"{how}.jsonl"
        log.write_bytes(shipped)
        program = [sys.executable, "-c", WITHOUT_ORJSON, how]
        run = [
            "run",
            str(log),
            "--ticks",
            "8",
            "--interval",
            "0",
            "--streams",
            "all",
            "--seed",
            "1",
        ]
        subprocess.run([*program, *run], check=True, capture_output=True)
        made.append(log.read_bytes())
        doctor = [*program, "doctor", "--terms", "0", "--json"]
        said = json.loads(subprocess.run(doctor, check=True, capture_output=True).stdout)["json"]
        assert said.startswith({"with": "orjson ", "without": "the standard library"}[how])
    assert made[0] == made[1] != shipped


IMPORT_ALL = """
import importlib, pkgutil, sys
sys.modules["orjson"] = None  # as where it has no wheel
import automaton, kernels
for top in (automaton, kernels):
    for found in pkgutil.walk_packages(top.__path__, f"{top.__name__}."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
"""


def test_every_module_is_imported_without_orjson() -> None:
    subprocess.run([sys.executable, "-c", IMPORT_ALL], check=True)
