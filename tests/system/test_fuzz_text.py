"""Anybody's bytes and texts end as a value or as an error that says where; nothing else.

Objects, terms in every notation, patterns, conditions, selectors and configuration.
Memory stays under a multiple of the input: see `MULTIPLE`.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from automaton.cli import command_line
from automaton.errors import AutomatonError, ConditionError, TermError
from automaton.format import json_edit, objects
from automaton.format.objects import Directive, MalformedInput, Object
from automaton.program import conditions, diagnostics, selectors
from automaton.terms import notation

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
#: Bytes allocated at the peak for a byte of input, and what small inputs cost anyway.
MULTIPLE, GROUND = 200, 1 << 20

#: What breaks parsers, as texts.
NASTY = [
    "", "\0", "\ufeff", "\ud800", "\udfff\ud800", "NaN", "Infinity", "-Infinity", "1e999", "-0",
    "9" * 4400, "1" * 19, "0." + "1" * 400, "[" * 600, "{" * 600, '{"a":' * 600 + "1" + "}" * 600,
    "(" * 300, ")" * 10, "λ" * 300, "\\" * 50, "λx." * 300 + "x", "x" * 1100, "λx y.", "λ.λ.2",
    "0" * 500, "01" * 200, "00" * 300 + "10", "1" * 500, "?f", "?", "λx.?f x", "`λx.x`", "`" * 999,
    "../../etc/passwd", "/dev/zero", "m1.0", "commit:1", "run:1",
    '{"type":"commit","id":"commit:1"}',
    "not " * 70 + "true", "(" * 70 + "true" + ")" * 70, "a(" * 500, "size in (" + "1," * 500 + "1)",
    "term ~ '" + "(" * 500 + "'", "level < -99999999999999999999999", "∞", "²", "٣", "x = ²",
    "٣ < size",
    "a.b = 1", "[a]\nb = 1", "seed = 1e400", "seed = nan", "max_objects = 9" + "9" * 4400,
    "seed = " + "[" * 900, "x = 0x" + "f" * 500, "seed = 2020-01-01", '"\\ud800" = 1',
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.lists(st.sampled_from([*"λ\\.()xyf01 ?`'\"=<>!~,∞²", "and ", "not ", "in", "size", "term"]),
             max_size=60).map("".join),
    st.tuples(st.sampled_from(NASTY), st.text(max_size=5)).map("".join),
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
KNOWN = st.sampled_from(
    ["id", "type", "term", "text", "condition", "action", "a", "b", "match", "operator", "from",
     "to",
     "fromNode", "toNode", "selfReference", "currentState", "dimensionalLevel"]
)  # fmt: skip
OBJECTS = st.dictionaries(
    KNOWN, JSON | st.sampled_from(["automaton", "rule", "transition"]), max_size=5
)
MEMBERS = ["id", "term", "selfReference", "line", "λ\ud800"]
LINES = st.one_of(
    st.binary(max_size=80),
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    OBJECTS.map(lambda members: json.dumps(members).encode()),
    OBJECTS.map(lambda o: json.dumps(o, ensure_ascii=False).encode("utf-8", "surrogatepass")),
)


def ends_well(read: Callable[[], object]) -> AutomatonError | None:
    """The error that reading ended with, if it did; any other is a defect."""
    try:
        read()
    except AutomatonError as error:
        return error
    return None


def corpus(suffix: str) -> list[bytes]:
    """The files of the corpus with this suffix."""
    return [path.read_bytes() for path in sorted(CORPUS.glob(f"*.{suffix}"))]


@settings(max_examples=80)
@given(LINES)
@example(b'{"id":"a"}' + b"\0")
def test_every_line_is_something_and_its_members_are_judged(raw: bytes) -> None:
    parsed = objects.parse_line(raw)
    if isinstance(parsed, Object):
        members = parsed.members
        objects.object_id(members), objects.object_type(members), objects.level(members)
        objects.edge_ends(members)
        terms, faults = diagnostics.diagnose(members)
        assert terms >= 0
        assert all(fault.what for fault in faults)
    else:
        assert not isinstance(parsed, MalformedInput) or parsed.reason
        assert not isinstance(parsed, Directive) or parsed.name


@settings(max_examples=80)
@given(LINES, st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=3))
def test_a_member_is_put_into_every_object(raw: bytes, path: list[str]) -> None:
    if isinstance(objects.parse_line(raw), Object):
        body = raw.removeprefix(b"\xef\xbb\xbf").strip()
        changed = objects.parse_line(json_edit.replace_member(body, tuple(path), b'"new"'))
        assert isinstance(changed, Object)
        value: object = changed.members
        for name in path:
            assert isinstance(value, dict)
            value = value[name]
        assert value == "new"


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_every_string_is_quoted_so_that_it_reads_back(text: str) -> None:
    read = json.loads(json_edit.quote(text))
    assert read == text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize("how", notation.NOTATIONS)
@settings(max_examples=60)
@given(TEXTS, st.booleans(), st.booleans(), st.booleans())
def test_a_term_is_read_or_its_error_names_the_position(
    how: str, text: str, pattern: bool, juxtaposed: bool, free: bool
) -> None:
    error = ends_well(
        lambda: notation.parse(
            text, how, pattern=pattern, juxtaposed=juxtaposed, free=free, max_nodes=5000
        )  # type: ignore[call-overload]
    )
    if error is not None:
        assert isinstance(error, TermError)
        assert "character" in str(error) or error.position is not None or "nodes" in str(error), (
            error
        )


@settings(max_examples=60)
@given(TEXTS)
def test_spans_of_any_text_are_terms_or_counted(text: str) -> None:
    usable, skipped = notation.spans_counted(text, max_nodes=5000)
    assert skipped >= 0
    assert [number for number, _ in usable] == list(range(1, len(usable) + 1))


@settings(max_examples=60)
@given(TEXTS)
def test_every_text_is_a_condition_and_has_an_answer(text: str) -> None:
    condition = conditions.parse_condition(text)
    conditions.unknowns(condition)
    numbers = dict.fromkeys(conditions.COUNTERS, 3)
    assert conditions.holds(condition, numbers, lambda _name: True) in {True, False}


@settings(max_examples=60)
@given(TEXTS)
def test_a_selector_is_read_or_its_error_names_the_position(text: str) -> None:
    error = ends_well(lambda: selectors.parse_checked(text))
    if isinstance(error, ConditionError):
        assert error.position is not None


RUN = command_line.commands["run"]
CONFIGURATION = st.one_of(
    st.binary(max_size=60),
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.dictionaries(
        st.sampled_from([p.name or "" for p in RUN.params]) | TEXTS,
        st.one_of(st.integers(), st.floats(), st.booleans(), TEXTS),
        max_size=3,
    ).map(lambda table: "\n".join(f"{k} = {json.dumps(v)}" for k, v in table.items()).encode(
        "utf-8", "surrogatepass"
    )),
)  # fmt: skip


@settings(max_examples=60)
@given(CONFIGURATION)
def test_a_configuration_is_read_or_refused_with_its_file(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes(raw)
    said = ""
    try:
        RUN.make_context("run", ["log.jsonl", "--config", str(path)])
    except (AutomatonError, click.UsageError) as error:
        said = str(error)
    assert not said or str(path) in said or "--" in said


@pytest.mark.parametrize("raw", [*corpus("toml"), b"a = " + b"[" * 5000, b"a." * 5000 + b"b = 1"])
def test_the_corpus_of_configurations_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(raw)
    with pytest.raises(AutomatonError, match=r"c\.toml"):
        RUN.make_context("run", ["log.jsonl", "--config", str(path)])


def peak(read: Callable[[], object]) -> int:
    """The bytes that reading takes at most, beside what was there."""
    tracemalloc.start()
    try:
        ends_well(read)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


N = 60_000


@pytest.mark.parametrize(
    "read",
    [
        lambda: objects.parse_line(b"[" * N),
        lambda: objects.parse_line(b'{"a":' * (N // 5)),
        lambda: objects.parse_line(b'{"a":"' + b"\\ud800" * (N // 6) + b'"}'),
        lambda: objects.parse_line(b'{"a":' + b"9" * N + b"}"),
        lambda: objects.parse_line(b'{"a":[' + b"1," * (N // 2) + b"1]}"),
        lambda: notation.parse("(" * N),
        lambda: notation.parse("λ" * N),
        lambda: notation.parse("λx." * (N // 3) + "x"),
        lambda: notation.parse("0 " * (N // 2)),
        lambda: notation.parse("01" * (N // 2), "blc"),
        lambda: notation.parse("1" * N, "blc"),
        lambda: notation.spans_counted("`" * N),
        lambda: notation.spans_counted("`λ` " * (N // 4)),
        lambda: conditions.parse_condition("(" * N),
        lambda: conditions.parse_condition("not " * (N // 4)),
        lambda: conditions.parse_condition("a(" * (N // 2)),
        lambda: conditions.parse_condition("1 and " * (N // 6)),
        lambda: conditions.parse_condition("9" * N + " < line_number"),
        lambda: selectors.parse_checked("size in (" + "1," * (N // 2) + "1)"),
        lambda: selectors.parse_checked("term ~ '" + "(" * N + "'"),
    ],
)
def test_memory_stays_under_a_multiple_of_the_input(read: Callable[[], object]) -> None:
    read_once = peak(read)
    assert read_once < MULTIPLE * N + GROUND
