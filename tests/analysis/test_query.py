"""Which lines a query names: literals, fields and patterns of terms, and the command `match`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import logs
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import closed_terms, patterns
from targets import FORMS, fenced, intact, joined

from automaton.analysis import query_columns
from automaton.analysis.query import LineBlock, Query, search
from automaton.analysis.query_columns import ObjectColumns, metavariables
from automaton.cli import exit_codes
from automaton.cli.commands.match import match
from automaton.compute import matching
from automaton.compute.matching import bind, find
from automaton.errors import ConditionError, TermError, UsageError
from automaton.program import grammar, selectors
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import META
from kernels.checks import KernelArgumentError
from kernels.search.literal_tables import prepared
from kernels.terms import match as kernels_match

PROPERTY = settings(deadline=None)

LINES = [
    '{"id":"a","type":"automaton","dimensionalLevel":1,"term":"λx.x"}',
    '{"id":"b","type":"text","text":"`λf.λx.f (f x)` and `λx.λy.x`"}',
    "not JSON, with λx",
    '{"id":"m1.0","type":"modification","dimensionalLevel":2,"steps":7,"size":4,"term":"λλ1 0"}',
    '{"id":"e","from":"a","to":"b"}',
    '{"type":"automaton","dimensionalLevel":3,"currentState":"successor"}',
    '{"id":"a","type":"automaton","dimensionalLevel":-4,"steps":1.5,"term":"λx.λy.y x"}',
    "",
]


def block(lines: list[str], first: int = 1, end: str = "\n") -> LineBlock:
    """Lines as a log has them."""
    raw = [line.encode() + end.encode() for line in lines]
    offsets = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    return LineBlock(first, np.frombuffer(b"".join(raw), np.uint8), offsets)


def numbers(*texts: str, field: str | None = None, terms: tuple[str, ...] = ()) -> list[int]:
    """The numbers of the lines of LINES that a query names, from 1; in blocks of three lines."""
    query = Query.of(texts, field, terms)
    blocks = [block(LINES[at : at + 3], at + 1) for at in range(0, len(LINES), 3)]
    return [found.block.first + row for found in search(query, blocks) for row in found.rows]


# Literals.


def test_a_line_with_any_of_the_patterns_is_found_once() -> None:
    assert numbers("λx", '"type"', "λx") == [1, 2, 3, 4, 6, 7]
    assert numbers("nowhere at all") == []


def test_the_bytes_of_a_pattern_are_what_counts_and_no_line_break_is_part_of_a_line() -> None:
    assert numbers("λ") == [1, 2, 3, 4, 7]
    assert numbers('"') == [1, 2, 4, 5, 6, 7]
    assert block(LINES, end="\r\n").line(0) == LINES[0].encode()


@pytest.mark.parametrize("size", [1, 5000])
def test_shards_find_what_one_call_finds(size: int) -> None:
    strings = [b"%d is a number" % n for n in range(size)]
    offsets = np.cumsum([0, *map(len, strings)], dtype=np.int64)
    buffer = np.frombuffer(b"".join(strings), np.uint8)
    wanted = prepared([b"1", b"12", b"number", b"4999 is", b"s a n", b"23 is a number"])

    def in_shards(task: Callable[[int, int], None], count: int) -> None:
        for low in range(0, count, 700):
            task(low, min(count, low + 700))

    whole, shards = find(wanted, buffer, offsets), find(wanted, buffer, offsets, in_shards)
    np.testing.assert_array_equal(whole.bits, shards.bits)
    assert whole.counts.tolist() == shards.counts.tolist()
    assert whole.counts[2] == size


def test_groups_take_turns_over_pieces_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "PIECE", 10)
    strings = [b"ab" * 9, b"", b"c", b"the long pattern", b"abc" * 2] * 3
    offsets = np.cumsum([0, *map(len, strings)], dtype=np.int64)
    wanted = prepared([b"c", b"ab", b"the long pattern"])
    assert len(wanted.groups) == 3
    hits = find(wanted, np.frombuffer(b"".join(strings), np.uint8), offsets)
    assert hits.bits.ravel().tolist() == [2, 0, 1, 4, 3] * 3
    assert hits.counts.tolist() == [6, 6, 3]


def test_no_strings_hold_nothing() -> None:
    hits = find(prepared([b"a", b"bcdefghi"]), np.zeros(3, np.uint8), np.array([2]))
    assert hits.bits.shape == (0, 1)
    assert hits.counts.tolist() == [0, 0]


def test_a_result_that_is_used_again_forgets_what_it_held() -> None:
    buffer, offsets, wanted = np.frombuffer(b"ab", np.uint8), np.array([0, 1, 2]), prepared([b"b"])
    bits = np.full((3, 1), 99, np.uint64)
    assert find(wanted, buffer, offsets, bits=bits).bits.ravel().tolist() == [0, 1]
    assert bits[2, 0] == 99
    for wrong in (np.zeros((1, 1), np.uint64), np.zeros((3, 2), np.uint64), np.zeros((3, 1))):
        with pytest.raises(KernelArgumentError, match=r"^bits: "):
            find(wanted, buffer, offsets, bits=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("texts", [[""], ["a", ""], ["a\nb"], ["\udcff"]])
def test_a_pattern_that_no_line_can_hold_is_refused_by_name(texts: list[str]) -> None:
    with pytest.raises(UsageError, match="PATTERN"):
        Query.of(texts, None, ())


def test_a_query_for_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to look for"):
        Query.of((), None, ())


# Fields.


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("true", [1, 2, 4, 5, 6, 7]),
        ("false", []),
        ("type = automaton", [1, 6, 7]),
        ("type != automaton", [2, 4, 5]),
        ("type in (edge, text)", [2, 5]),
        ("level = 2", [4]),
        ("level in (-4, 3, 99999999999999999999)", [6, 7]),
        ("level < 1 and not type = text", [5, 7]),
        ("steps > 0", [4]),
        ("steps < 99999999999999999999", [1, 2, 4, 5, 6, 7]),
        ("size = 0", [5]),
        ("size = 2 or size = 7", [1, 2]),
        ("numeral", [2, 4]),
        ("not numeral and size > 0", [1, 2, 6, 7]),
        ("term ~ 'λx.?f'", [1, 2, 4, 6, 7]),
        ("term ~ 'λx.λy.x'", [2]),
        ("type = text and term ~ 'λx.λy.y x'", []),
    ],
)
def test_a_field_names_objects_by_type_numbers_and_terms(field: str, found: list[int]) -> None:
    assert numbers(field=field) == found


def test_what_is_said_of_a_term_and_its_size_is_said_of_one_term() -> None:
    assert numbers(field="numeral and size = 7") == [2]
    assert numbers(field="numeral and size = 3") == []


def test_all_that_a_query_says_must_hold() -> None:
    assert numbers("λx", field="type = automaton") == [1, 7]
    assert numbers("λx", field="type = automaton", terms=("λx.λy.?z",)) == [7]


@pytest.mark.parametrize("field", ["size", "colour = 1", "level = 1.5", "(type = a", ""])
def test_a_field_that_is_none_is_refused_with_its_position(field: str) -> None:
    with pytest.raises(ConditionError) as raised:
        Query.of((), field, ())
    assert raised.value.position is not None


def test_columns_answer_as_the_population_does() -> None:
    texts = ["true", "false", "numeral", "level >= 1", "size in (2, 4)", "not type = text"]
    asked = [selectors.parse_checked(text) for text in [*texts, "term ~ 'λx.?a' or steps < 3"]]
    found = ObjectColumns.of((row, row + 1, line.encode()) for row, line in enumerate(LINES))
    assert found.row.tolist() == [0, 1, 1, 3, 4, 5, 6]
    for selector in asked:
        truth = query_columns.chosen(found, selector, ())
        opposite = query_columns.chosen(found, grammar.Not(selector), ())
        assert truth.dtype == np.bool_
        assert (truth != opposite).all()


# Terms.


def test_any_of_the_patterns_of_terms_will_do() -> None:
    assert numbers(terms=("λx.x",)) == [1]
    assert numbers(terms=("λx.x", "λx.λy.x")) == [1, 2]
    assert numbers(terms=("λx.?f x x",)) == []


def test_a_pattern_of_terms_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(TermError):
        Query.of((), None, ("λx.(",))


def test_what_metavariables_stand_for_is_told_for_the_pattern_that_matched_first() -> None:
    query = Query.of((), None, ("λx.λy.?body", "λx.?whole"))
    (found,) = search(query, [block(LINES)])
    told = [
        (
            bound.row,
            bound.name,
            {meta: format_term(words) for meta, words in bound.bindings.items()},
        )
        for bound in found.terms
    ]
    assert told == [
        (0, "a", {"?whole": "0"}),
        (1, "b#1", {"?body": "1 (1 0)"}),
        (1, "b#2", {"?body": "1"}),
        (3, "m1.0", {"?body": "1 0"}),
        (5, "line:6", {"?body": "λ1 (2 1 0)"}),
        (6, "a", {"?body": "0 1"}),
    ]


def test_metavariables_are_named_as_they_are_written() -> None:
    assert metavariables("λx.?f (?g x) ?f") == {"?f": 0, "?g": 1}
    assert metavariables("?7 ?0 ?7") == {"?7": 7, "?0": 0}
    assert metavariables("λx.x") == {}


@pytest.mark.parametrize("form", sorted(FORMS))
@settings(deadline=None, max_examples=40)
@given(patterns(3, 8), st.lists(closed_terms(12), min_size=1, max_size=5))
def test_spans_are_what_the_pattern_needs_to_become_the_term(
    form: str, pattern: Words, batch: list[Words]
) -> None:
    code, starts, sizes = joined(batch)
    rows = np.arange(len(batch), dtype=np.int32)
    found, bare = fenced(len(batch), np.bool_), fenced(len(batch), np.bool_)
    begins, behind = (fenced(4 * len(batch), np.int64) for _ in range(2))
    spans = begins.reshape(-1, 4), behind.reshape(-1, 4)
    FORMS[form](kernels_match.bind_terms)(pattern, code, starts, rows, found, *spans)
    scratch = np.empty((2, 4), np.int64)
    FORMS[form](kernels_match.match_terms)(pattern, code, starts, rows, bare, *scratch)
    assert intact(found, bare, begins, behind)
    assert found.tolist() == bare.tolist()
    metas = set((pattern[pattern & 3 == META] >> 2).tolist())
    for k in range(len(batch)):
        ends = zip(spans[0][k].tolist(), spans[1][k].tolist(), strict=True)
        bound = [code[a:b].tolist() if a >= 0 else None for a, b in ends]
        assert {m for m in range(4) if bound[m] is not None} == (metas if found[k] else set())
        if found[k]:
            filled = [bound[word >> 2] if word & 3 == META else [word] for word in pattern.tolist()]
            whole = np.concatenate([*filled, []]).astype(np.int32)
            tags = [word & 3 if word & 3 == 2 else word for word in whole.tolist()]
            term = code[starts[k] : starts[k] + sizes[k]].tolist()
            assert tags == [word & 3 if word & 3 == 2 else word for word in term]


def test_a_row_without_a_term_matches_no_pattern() -> None:
    code = parse("λx.x")
    found, spans = bind("?any", code, np.array([0, 2]), np.array([2, 0]))
    assert found.tolist() == [True, False]
    assert spans.tolist() == [[[0], [-1]], [[2], [-1]]]
    nothing, no_spans = bind("?any", code[:0], np.empty(0, np.int64), np.empty(0, np.int64))
    assert nothing.shape == (0,)
    assert no_spans.shape == (2, 0, 1)


# The command.


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


def invoke(*arguments: object) -> Result:
    """The command on its own, with the endings that every command has."""

    @click.command(context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def whole(words: tuple[str, ...]) -> None:
        raise SystemExit(exit_codes.status(lambda: run(words)))

    def run(words: tuple[str, ...]) -> int:
        with match.make_context("match", list(words)) as context:
            match.invoke(context)
        return 0

    return CliRunner().invoke(whole, list(map(str, arguments)))


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_match_prints_the_lines_with_their_numbers(log: Path) -> None:
    result = invoke(log, "not JSON", '"size":4')
    assert result.stdout == f"3:{LINES[2]}\n4:{LINES[3]}\n"
    assert invoke(log, "nowhere at all").stdout == ""


def test_match_shows_no_control_character_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(b'{"id":"a","text":"\x1b[2J"}\r\nbad \xff bytes')
    assert invoke(path, "a").stdout == '1:{"id":"a","text":"\\x1b[2J"}\n2:bad \\xff bytes\n'


def test_match_counts_lines_and_the_lines_of_each_pattern(log: Path) -> None:
    assert invoke(log, "λx", '"type"', "--count").stdout == '6 lines\n4\tλx\n5\t"type"\n'
    result = invoke(log, "λx", "λx", "--field", "level = 1", "--count", "--json")
    assert rows(result) == [
        {"lines": 1, "patterns": [{"pattern": "λx", "lines": 1}, {"pattern": "λx", "lines": 1}]}
    ]
    assert rows(invoke(log, "--term", "λx.x", "--count", "--json")) == [
        {"lines": 1, "patterns": []}
    ]


def test_match_as_json_names_line_object_patterns_and_bindings(log: Path) -> None:
    found = rows(invoke(log, "λ", "x.x", "--term", "λx.?f", "--json"))
    assert [row["line"] for row in found] == [1, 2, 4, 7]
    assert found[0] == {
        "line": 1,
        "id": "a",
        "patterns": ["λ", "x.x"],
        "terms": [{"id": "a", "bindings": {"?f": "0"}}],
    }
    assert [term["id"] for term in found[1]["terms"]] == ["b#1", "b#2"]
    assert rows(invoke(log, "not JSON", "--json")) == [
        {"line": 3, "id": None, "patterns": ["not JSON"], "terms": []}
    ]


def test_match_sees_all_that_is_committed_and_nothing_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    raw = logs.write(path, 3)
    with path.open("ab") as file:
        file.write(b'{"id":"torn","type":"modification"')
    result = invoke(path, '"type"', "--json")
    lines = [n for n, line in enumerate(raw.split(b"\n"), 1) if b'"type"' in line]
    assert [row["line"] for row in rows(result)] == lines
    assert "note: " in result.stderr


def test_match_in_an_empty_file_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"")
    assert invoke(path, "a", "--count").stdout == "0 lines\n0\ta\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        ([""], 2),
        (["a\nb"], 2),
        (["--field", "size"], 2),
        (["--term", "λx.("], 2),
        (["--term", "x"], 2),
    ],
)
def test_a_query_that_cannot_be_meant_ends_in_one_line(
    log: Path, arguments: list[str], code: int
) -> None:
    result = invoke(log, *arguments)
    assert result.exit_code == code
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_log_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    assert invoke(tmp_path / "absent.jsonl", "a").exit_code == 4


@PROPERTY
@given(
    st.lists(st.text("ab\u03bb", max_size=6), max_size=20),
    st.lists(st.text("ab\u03bb", min_size=1, max_size=3), min_size=1, max_size=5),
    st.integers(1, 7),
)
def test_blocks_of_any_size_give_the_lines_that_a_loop_over_them_gives(
    lines: list[str], texts: list[str], size: int
) -> None:
    blocks = [block(lines[at : at + size], at + 1) for at in range(0, len(lines), size)]
    found = list(search(Query.of(texts, None, ()), blocks))
    got = [
        (matched.block.first + row, [texts[number] for number in matched.literals(k)])
        for matched in found
        for k, row in enumerate(matched.rows.tolist())
    ]
    held = [(n, [text for text in texts if text in line]) for n, line in enumerate(lines, 1)]
    assert got == [(n, some) for n, some in held if some]
    counts = np.sum([matched.counts(len(texts)) for matched in found], axis=0, initial=0)
    if found:
        assert counts.tolist() == [sum(text in line for line in lines) for text in texts]
