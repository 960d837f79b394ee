"""Batches of terms: kernels that read and print as the notation does, and `reduce --batch`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import closed_terms, open_terms, published
from targets import FORMS, fenced

from automaton.calculator import text_batch
from automaton.calculator.answer_lines import DETAILED, JSON, ROWS, Answer, AnswerLayout
from automaton.calculator.text_batch import TextBatch, TextReducer, whole_lines
from automaton.cli import command_line
from automaton.compute.budgets import UNLIMITED, Budgets
from automaton.errors import TermError
from automaton.terms.arrays import Words
from automaton.terms.bindings import Bindings, defined_name
from automaton.terms.encodings import numeral_value
from automaton.terms.notation import (
    MAX_NODES,
    NOTATIONS,
    format_term,
    parse,
    parse_question,
    printed_in,
)
from automaton.terms.packed import free_variables
from kernels.terms.reduce import NORMAL
from kernels.text import term_reader, term_writer, variable_names, winner_lines

PROPERTY = settings(deadline=None, max_examples=60)
FORM = pytest.mark.parametrize("form", FORMS)
NOTATION = pytest.mark.parametrize("notation", NOTATIONS)
BUDGETS = Budgets(60, 200, 40)
OMEGA = "(λx.x x) (λx.x x)"

#: Pieces of which somebody's lines are made; most lines of them are no terms.
PIECES = [
    *(
        "\\lambda ",
        "\\xy",
        "\\lambdax.",
        "𝜆",
        "𝛌x.",
        "->",
        "λx -> ",
        "→",
        "let ",
        "in",
        "x = ",
        "let x = ",
    ),
    *("λ", "\\", ".", "(", ")", "0", "1", "00", "01", "10", "110", "2", "7", "19", "0123456789"),
    *("65535", "65536", "99999999999", "x", "y", "x'", "_", "X1", "xy", "λx.", "λx", "λx.x", "λλ"),
    *("λxy.xy", "\\x\\y", "λ.λ.", "abcdefgh", "bcdefghi", "aabcdefghi", "?f", "?", "′", "α", "x′"),
    *("λ aabcdefghi.", "λabcdefgh bcdefghi.", "ə", "[", "@", "`", "{", "Z", "z", "/", ":"),
]
SPACES = (" ", "  ", "\t", "\u00a0", "\x0b", "\ufeff")
LINES = st.lists(st.sampled_from(PIECES * 2 + list(SPACES) + [""]), max_size=12).map("".join)


def scratch(longest: int, scopes: int = term_reader.SCOPES) -> list[Any]:
    """What `read_lines` takes last, for lines shorter than `longest`."""
    bound = (fenced(scopes, np.uint64), fenced(scopes), fenced(scopes))
    return [*(fenced(longest) for _ in range(3)), *bound]


def free_columns(most: int) -> list[Any]:
    """Where the free names of so many lines are kept."""
    return [fenced(most), fenced(most * variable_names.FREE), fenced(most * variable_names.FREE)]


class Taken(NamedTuple):
    """What the kernel made of a line; no words: it is declined."""

    text: str
    words: list[int] | None
    free: int
    names: list[str]


def taken(
    raw: bytes, notation: str, form: str = "compiled", room: int = 4000, **sizes: int
) -> list[Taken]:
    """Each line that holds something as the kernel read it."""
    text = np.frombuffer(raw, np.uint8)
    most = raw.count(b"\n") + 1
    begins, ends, starts = (fenced(most, np.int64) for _ in range(3))
    free, words, (named, at, length) = fenced(most), fenced(room), free_columns(most)
    sizes.setdefault("longest", len(raw) + 1)
    found: list[Taken] = []
    behind = 0
    while behind < len(raw):
        before = behind
        count, behind, used = FORMS[form](term_reader.read_lines)(
            text, before, len(raw), most, NOTATIONS.index(notation), words, begins, ends, starts,
            free, named, at, length, *scratch(**sizes),
        )  # fmt: skip
        assert behind > before
        edges = [*starts[:count].tolist(), used]
        for i in range(count):
            own = (
                None
                if free[i] == variable_names.DECLINED
                else words[edges[i] : edges[i + 1]].tolist()
            )
            rows = range(i * variable_names.FREE, i * variable_names.FREE + named[i])
            known = [raw[at[k] : at[k] + length[k]].decode() for k in rows]
            found.append(Taken(raw[begins[i] : ends[i]].decode(), own, int(free[i]), known))
    return found


def meant(text: str, notation: str) -> tuple[list[int], list[str]] | None:
    """What the notation says of a line: words and free names."""
    try:
        words, names = parse_question(text.rstrip(), notation)
    except TermError:
        return None
    return words.tolist(), names


def one_line(answer: Answer | TermError, layout: AnswerLayout) -> bytes:
    """The line of an answer, or of the reason for having none."""
    if isinstance(answer, TermError):
        answer = Answer("error", reason=str(answer))
    return layout.line(answer)


def each(texts: Sequence[str], notation: str) -> list[Answer | TermError | None]:
    """What the path for a single term makes of each line; None where it gives no answer."""
    worker, bindings = TextReducer(BUDGETS, notation), Bindings()

    def made(place: int, text: str) -> Answer | None:
        if notation == "lambda" and defined_name(text):
            bindings.define(place, text)
            return None
        return worker.answer(text, bindings.before(place)) if text else None

    answers: list[Answer | TermError | None] = []
    for place, text in enumerate(texts):
        try:
            answers.append(made(place, text.removeprefix("\ufeff").rstrip()))
        except TermError as error:
            answers.append(error)
    return answers


def one_by_one(texts: Sequence[str], notation: str, layout: AnswerLayout = ROWS) -> list[bytes]:
    """The lines of the answers that the path for a single term gives."""
    return [one_line(answer, layout) for answer in each(texts, notation) if answer]


def together(
    raw: bytes,
    notation: str = "lambda",
    layout: AnswerLayout = ROWS,
    pieces: int = 1,
    threads: int = 1,
) -> tuple[list[bytes], TextBatch]:
    """The lines that a batch gives for a text that comes in chunks."""
    work = TextBatch(BUDGETS, notation, layout, threads)
    source = BytesIO(raw)
    chunks = whole_lines(source.read1, max(1, len(raw) // pieces))
    return b"".join(work.answers(chunks)).splitlines(keepends=True), work


# Reading.


@FORM
@NOTATION
@PROPERTY
@given(st.lists(LINES, max_size=6))
def test_a_line_is_read_as_the_notation_says_or_declined(
    form: str, notation: str, texts: list[str]
) -> None:
    raw = "".join(f"{text}\n" for text in texts).encode()
    for line in taken(raw, notation, form):
        if line.words is not None:
            assert meant(line.text, notation) == (line.words, line.names)
            assert line.free == free_variables(np.array(line.words, np.int32))


@FORM
@NOTATION
@PROPERTY
@given(terms=st.lists(st.one_of(closed_terms(), open_terms()), max_size=5))
def test_what_was_printed_is_read_and_not_declined(
    form: str, notation: str, terms: list[Words]
) -> None:
    texts = (format_term(term, printed_in(notation, term, [])) for term in terms)
    raw = "".join(f" {text}\r\n\n" for text in texts).encode()
    assert [line.words for line in taken(raw, notation, form)] == [t.tolist() for t in terms]


@FORM
@pytest.mark.parametrize(
    "text",
    [
        "λx y.x",
        "\\x.\\x.x",
        "λx x.x",
        "λf.f λx.x f",
        "λ x .x",
        "λabcdefgh.λbcdefghi.λabcdefghi.λaabcdefghi.abcdefgh bcdefghi abcdefghi aabcdefghi",
        "(λx.(λy.y x) x) λ0",
        "λ.λ.1(1 0)",
        "λλx.λ.x 0 2",
        "λx_1'.λ(0 x_1')",
        "((((λ0))))",
        "λ3 9",
        "y",
        "(λx.x y) z y x",
        "λx.y (λy.y z) abcdefghijklmnopqrstuvwx abcdefghijklmnopqrstuvwx",
    ],
)
def test_the_ways_of_writing_that_people_use_are_read(form: str, text: str) -> None:
    [line] = taken(f"{text}\n".encode(), "lambda", form)
    assert meant(text, "lambda") == (line.words, line.names)


@pytest.mark.parametrize(
    "text",
    [
        "x 1",
        "abcdefghijklmnopqrstuvwxy",
        " ".join(f"x{k}" for k in range(33)),
        "λα.α",
        "α",
        "λx′.x′",
        "\ufeffλ0",
        "λx.?f",
        "λ0)",
        "(λ0",
        "()",
        "λ",
        "λx x",
        "λ00",
        "λx.x 0",
        "λλx.λ1",
        "λx.λ3",
        "3 λx.x",
        "\\xy.x",
        "\\lambda x.x",
        "λx->x",
        "let i = λ0 in i",
        "i = λ0",
        "𝜆0",
    ],
)
def test_what_is_rare_or_wrong_is_declined(text: str) -> None:
    lines = taken(f"{text}\nλ0\n".encode(), "lambda")
    assert [line.words for line in lines] == [None, [1, 0]]


@FORM
def test_a_line_without_room_for_it_is_declined_and_one_that_has_to_wait_comes_next(
    form: str,
) -> None:
    raw = "λλλ0 1 2\nλ(λλλ0 1 2)\nλ0\n".encode()
    read_all = [line.words is not None for line in taken(raw, "lambda", form)]
    assert read_all == [True, True, True]
    read_some = [line.words is not None for line in taken(raw, "lambda", form, room=8)]
    assert read_some == [True, False, True]
    short = [line.words is not None for line in taken(raw, "lambda", form, longest=12)]
    assert short == [True, False, True]


@FORM
def test_names_beyond_the_scopes_that_are_searched_are_declined(form: str) -> None:
    raw = "λx.λy.λz.z\nλx.λy.λz.λu.z\nλλλλ0\n".encode()
    found = [line.words is not None for line in taken(raw, "lambda", form, scopes=3)]
    assert found == [True, False, True]


@FORM
@pytest.mark.parametrize("raw", [b"", b"\xce\xbb0", b"   \n\t\r\n"])
def test_no_line_ends_without_a_newline_or_holds_only_spaces(form: str, raw: bytes) -> None:
    text = np.frombuffer(raw, np.uint8)
    columns = [fenced(4, np.int64) for _ in range(3)]
    count, at, used = FORMS[form](term_reader.read_lines)(
        text,
        0,
        len(raw),
        4,
        term_reader.NAMED,
        fenced(8),
        *columns,
        fenced(4),
        *free_columns(4),
        *scratch(9),
    )
    assert (count, at, used) == (0, len(raw) if raw.endswith(b"\n") else 0, 0)


@given(st.binary(max_size=40))
@PROPERTY
def test_any_bytes_are_read_or_declined_and_none_are_lost(noise: bytes) -> None:
    raw = b"\xce\xbb0\n" + noise.replace(b"\n", b"") + b"\n\xce\xbb0\n"
    found = TextBatch(BUDGETS, "lambda", ROWS, 1)
    answers = b"".join(found.answers([raw])).splitlines()
    assert answers[0] == answers[-1] == "λa.a\t-\t0\tnormal".encode()
    assert len(answers) in {2, 3}


def test_deep_terms_are_read_without_recursion() -> None:
    for text in ("λ" * 100_000 + "0", "(" * 100_000 + "λ0" + ")" * 100_000):
        [line] = taken(f"{text}\n".encode(), "debruijn", room=200_000)
        assert line.words == parse(text, "debruijn").tolist()


# Printing.


@FORM
@NOTATION
@PROPERTY
@given(terms=st.lists(st.one_of(closed_terms(), open_terms()), min_size=1, max_size=5))
def test_terms_are_printed_as_the_notation_prints_them(
    form: str, notation: str, terms: list[Words]
) -> None:
    sizes = np.array([len(term) for term in terms], np.int32)
    places = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    zeros = np.zeros(len(terms), np.int32)
    for layout in (ROWS, JSON):
        buffer = fenced(20_000, np.uint8)
        upto, size = FORMS[form](term_writer.write_lines)(
            0, len(terms), NOTATIONS.index(notation), zeros,
            np.full(len(terms), NORMAL, np.uint8), zeros, sizes, places, np.concatenate(terms),
            fenced(1, np.uint8), zeros, *free_columns(0)[1:],
            *text_batch.columns(layout), buffer, fenced(2 * int(sizes.max())),
            fenced(variable_names.FREE),
        )  # fmt: skip
        assert upto == len(terms)
        found = buffer[:size].tobytes().splitlines(keepends=True)
        assert found == [layout.line(answer_of(term, notation)) for term in terms]


def answer_of(term: Words, notation: str) -> Answer:
    """The answer to a term in normal form."""
    return Answer("normal", 0, len(term), format_term(term, notation), numeral_value(term))


@pytest.mark.parametrize("depth", [1, 26, 27, 53, 300])
def test_binders_are_named_by_their_depth_as_the_notation_names_them(depth: int) -> None:
    term = parse("λ" * depth + f"({depth - 1} 0)")
    work = TextBatch(Budgets(9, 1000, 9), "lambda", ROWS, 1)
    [answer] = work.answers([f"{format_term(term)}\n".encode()])
    assert answer.decode().split("\t")[0] == format_term(term, "lambda")


FREE_NAMES = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "z",
        "a1",
        "b1",
        "a01",
        "a0",
        "b2",
        "z1",
        "aa",
        "a1x",
        "x'",
        "_",
        "a1234567",
        "b00",
        "Z",
        "a_1",
    ]
)


@PROPERTY
@given(term=open_terms(4), free=st.lists(FREE_NAMES, min_size=4, max_size=4, unique=True))
def test_free_names_stay_and_no_binder_takes_one(term: Words, free: list[str]) -> None:
    text = format_term(term, "lambda", free)
    assert one_by_one([text], "lambda") == together(f"{text}\n".encode())[0]


def test_free_names_that_many_binders_would_have_had_are_avoided() -> None:
    free = [f"{letter}{turn or ''}" for turn in (1, 0) for letter in "ponmlkjihgfedcba"]
    text = f"{' '.join(free)} ({'λ_.' * 60}_)"
    assert taken(f"{text}\n".encode(), "lambda")[0].names == free
    assert one_by_one([text], "lambda") == together(f"{text}\n".encode())[0]


def test_a_full_buffer_ends_the_writing_before_the_line_that_does_not_fit() -> None:
    zeros, term = np.zeros(2, np.int32), parse("λ0")
    places, sizes = np.zeros(2, np.int64), np.full(2, 2, np.int32)
    for room in range(600):
        buffer = fenced(room, np.uint8)
        upto, size = FORMS["python"](term_writer.write_lines)(
            0, 2, term_reader.NAMED, zeros, np.full(2, NORMAL, np.uint8), zeros, sizes, places,
            term,
            fenced(1, np.uint8), zeros, *free_columns(0)[1:],
            *text_batch.columns(ROWS), buffer, fenced(4), fenced(variable_names.FREE),
        )  # fmt: skip
        assert (
            size == upto * len(b"\xce\xbba.a\t-\t0\tnormal\n") <= max(0, room - winner_lines.SPARE)
        )


# Together.


@NOTATION
@pytest.mark.parametrize("layout", [ROWS, JSON])
@PROPERTY
@given(data=st.data())
def test_a_batch_answers_as_the_single_terms_in_their_order(
    notation: str, layout: AnswerLayout, data: st.DataObject
) -> None:
    printed = st.one_of(closed_terms(), open_terms()).map(lambda t: format_term(t, notation))
    free = st.sampled_from(["x (λx.x y)", "λα.α β", OMEGA, "λx.", "", "\ufeff", "\ufeffλ0"])
    texts = data.draw(st.lists(st.one_of(printed, free, LINES), max_size=8))
    raw = "\n".join(texts).encode()
    pieces = data.draw(st.integers(1, 4))
    found, work = together(raw, notation, layout, pieces)
    assert found == one_by_one("\n".join(texts).split("\n"), notation, layout)
    made = enumerate(each(texts, notation), 1)
    bad = [number for number, answer in made if isinstance(answer, TermError)]
    assert work.refused == len(bad)
    assert (work.first[0] if work.first else None) == (bad[0] if bad else None)


def test_a_name_stands_for_its_term_in_the_lines_behind_it() -> None:
    raw = "I a\nI = λx.x\nI a\nK = λx.λy.x\n\nKI = K I\nKI a b\nI = K\nI a b\nKI a b\n".encode()
    for pieces, threads in ((1, 1), (30, 2)):
        found, work = together(raw, pieces=pieces, threads=threads)
        assert [line.split(b"\t")[0] for line in found] == [b"I a", b"a", b"b", b"a", b"b"]
        assert not work.refused


def test_a_name_is_its_term_without_a_beta_step_and_its_free_names_stay_free() -> None:
    found, _ = together("K = λx.y\nK z\nλy.K y\n(λy.K) z\n".encode())
    assert found == [
        b"y\t-\t1\tnormal\n",
        "λa.y\t-\t1\tnormal\n".encode(),
        "λa.y\t-\t1\tnormal\n".encode(),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = f a", "a would be defined by itself"),
        ("a = b\nb = λx.x", "b is used by a before it is defined"),
        ("a = b\nb = c\nc = a", "b is used by a before it is defined"),
        ("a = (", "a is not defined: cannot read the term: character 5: "),
        ("a = λ0 3", "a is not defined: a definition has no free indices"),
        ("a =", "a is not defined: cannot read the term: character 4: there is no term"),
    ],
)
def test_a_definition_that_cannot_be_meant_is_an_error_of_its_line(text: str, reason: str) -> None:
    found, work = together(text.encode())
    assert reason in found[0].decode()
    assert work.first is not None
    assert reason in work.first[1]


def test_definitions_have_no_more_nodes_together_than_a_term() -> None:
    doubling = [f"d{k + 1} = λx.d{k} (d{k} x)" for k in range(25)]
    found, work = together("\n".join(["d0 = λx.x", *doubling, "λx.x"]).encode())
    assert 0 < work.refused < 10
    assert b"nodes up to here" in found[0]
    assert found[-1] == "λa.a\t-\t0\tnormal\n".encode()


@given(st.lists(st.sampled_from(["λ0", "x", "", " "]), max_size=6), st.integers(1, 9))
def test_a_carriage_return_alone_ends_a_line_too(texts: list[str], pieces: int) -> None:
    expected, _ = together("\n".join(texts).encode())
    for end in ("\r", "\r\n"):
        assert together(end.join(texts).encode(), pieces=pieces)[0] == expected


TEXTS = [OMEGA, "(λx.x x) (λf.λx.f (f (f x)))", "λx.(", "y", "(λx.x x) λf.λx.f (f x)", "λx.x"]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("limit", ["_HELD", "_TURN_STEPS", "_PIECE_STEPS", "_MOST_LINES"])
def test_answers_do_not_depend_on_threads_turns_and_room(
    monkeypatch: pytest.MonkeyPatch, limit: str, threads: int
) -> None:
    raw = "\n".join(TEXTS[i * i % 6] for i in range(1000)).encode()
    expected, _ = together(raw)
    monkeypatch.setattr(text_batch, limit, 1)
    monkeypatch.setattr(text_batch, "_LEAST_SEGMENT", 64)
    found, work = together(raw, threads=threads)
    assert (len(found), found) == (1000, expected)
    assert work.refused == sum(TEXTS[i * i % 6] == "λx.(" for i in range(1000))


def test_normal_forms_that_fill_the_room_come_one_after_the_other() -> None:
    wide = Budgets(1000, 1 << 17, 1 << 17)
    text = "λf.λx." + "f (" * 30_000 + "x" + ")" * 30_000
    answers = b"".join(TextBatch(wide, "lambda", ROWS, 2).answers([f"{text}\n".encode() * 9]))
    assert {line.split(b"\t")[1] for line in answers.splitlines()} == {b"30000"}


def test_a_binary_term_much_longer_than_its_nodes_is_still_printed() -> None:
    text = "00" * 1000 + "01" * 1999 + ("1" * 1000 + "0") * 2000
    wide = Budgets(10, 1 << 13, 1 << 13)
    [answer] = b"".join(
        TextBatch(wide, "blc", ROWS, 1).answers([f"{text}\n".encode()])
    ).splitlines()
    assert answer == f"{text}\t-\t0\tnormal".encode()


@pytest.mark.shared_data
@pytest.mark.parametrize("suite", ["capture10", "constructed20", "random2", "tests"])
def test_published_terms_come_out_of_a_batch_as_published(shared_data: Path, suite: str) -> None:
    cases = [case for case in published(shared_data / "lambda", suite) if not case.free]
    text = "".join(f"{format_term(case.term, 'lambda')}\n" for case in cases)
    work = TextBatch(Budgets(1_000_000, 65_536, 4_096), "lambda", ROWS, 2)
    rows = [row.split(b"\t") for row in b"".join(work.answers([text.encode()])).splitlines()]
    assert [row[0].decode() for row in rows] == [format_term(c.normal, "lambda") for c in cases]
    assert all(case.steps in {None, int(row[2])} for case, row in zip(cases, rows, strict=True))


# Chunks.


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b""]), max_size=20), st.integers(1, 9))
def test_chunks_are_the_file_and_end_with_a_newline(parts: list[bytes], size: int) -> None:
    raw = b"".join(parts)
    chunks = list(whole_lines(BytesIO(raw).read1, size))
    assert all(chunk.endswith(b"\n") for chunk in chunks)
    assert b"".join(chunks) == raw + (b"" if raw.endswith(b"\n") or not raw else b"\n")


def test_a_line_that_is_too_long_is_refused_and_the_next_one_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(text_batch, "LONGEST_LINE", 100)
    monkeypatch.setattr(text_batch, "_LONGEST_READ", 50)
    raw = ("λ0\n" + " " * 45 + "λ0 \n" + " " * 900 + "λ0\nλ0").encode()
    found, work = together(raw, pieces=70)
    good = "λa.a\t-\t0\tnormal\n".encode()
    reason = b"longer than 100 bytes; put fewer terms on a line"
    assert found == [good, good, b"-\t-\t0\terror\t" + reason + b"\n", good]
    assert work.first == (3, reason.decode())


def test_a_term_of_millions_of_nodes_is_read_and_reduced() -> None:
    nodes = 2 * MAX_NODES
    wide = Budgets(10, nodes + 1, 9)
    text = "00" * nodes + "10"
    [answer] = b"".join(
        TextBatch(wide, "blc", ROWS, 1).answers([f"{text}\n".encode()])
    ).splitlines()
    assert answer == f"{text}\t-\t0\tnormal".encode()
    assert TextReducer(wide, "blc").answer(text).size == nodes + 1


# What only the sharing machine can do.


def doubled(times: int) -> str:
    """The identity, for which 2**(times + 1) - 2 steps are made where nothing is shared."""
    return "((λx.x x) " * times + "(λx.x)" + ")" * times


LONG = Budgets(UNLIMITED, 200, 999, 1 << 16)
MIXED = [
    *("λx.x", doubled(70), "(", OMEGA, doubled(3), f"y ({doubled(40)})", ""),
    *(f"(λx.x y x) ({doubled(30)})", f"(λ.0) ({doubled(20)})", "λf.(λx.f (x x)) (λx.f (x x))"),
]


@pytest.mark.parametrize("layout", [ROWS, JSON, DETAILED])
@pytest.mark.parametrize("threads", [1, 3])
def test_terms_that_need_sharing_stand_among_the_others_in_order(
    layout: AnswerLayout, threads: int
) -> None:
    worker = TextReducer(LONG, "lambda")
    texts = [MIXED[i * i % len(MIXED)] for i in range(60)]
    expected = []
    for text in filter(None, texts):
        try:
            expected.append(layout.line(worker.answer(text)))
        except TermError as error:
            expected.append(layout.line(Answer("error", reason=str(error))))
    raw = "".join(f"{text}\n" for text in texts).encode()
    found = b"".join(TextBatch(LONG, "lambda", layout, threads).answers([raw]))
    assert found == b"".join(expected)


def test_a_count_beyond_the_largest_is_told_as_more() -> None:
    answer = TextReducer(LONG, "lambda").answer(doubled(70))
    assert ROWS.line(answer) == "λa.a\t-\tmore than 9223372036854775807\tnormal\n".encode()
    detailed = json.loads(DETAILED.line(answer))
    assert (detailed["steps"], detailed["more_steps"]) == ((1 << 63) - 1, True)
    assert (detailed["machine"], detailed["shared_steps"]) == ("sharing", 140)
    shown = invoke(doubled(70), "--max-steps", "none").stdout
    assert "normal form after more than 9223372036854775807 beta steps" in shown


def test_the_members_of_an_answer_say_what_each_machine_did() -> None:
    lines = invoke("--batch", "-", "--json", "--max-steps", "none", "--max-work", "10000",
                   stdin=f"{doubled(3)}\n{doubled(40)}\n{OMEGA}\n".encode()).stdout  # fmt: skip
    plain, sharing, endless = map(json.loads, lines.splitlines())
    assert (plain["machine"], plain["steps"], plain["shared_steps"]) == ("plain", 14, 14)
    assert (sharing["machine"], sharing["steps"], sharing["shared_steps"]) == (
        *("sharing", 2**41 - 2, 80),
    )
    assert sharing["peak_cells"] > 0
    assert (endless["outcome"], endless["steps"], endless["term"]) == ("work", 10_000, None)


def test_work_below_the_steps_of_the_plain_machine_counts_too() -> None:
    for work in range(1, 40):
        answer = TextReducer(Budgets(UNLIMITED, 200, 99, work), "lambda").answer(doubled(7))
        assert answer.outcome == ("work" if work < 14 else "normal")
        assert answer.steps == 254 or work < 14


# The command.


def invoke(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(command_line, ["reduce", *arguments], input=stdin)


def test_a_bad_line_is_answered_with_the_reason_and_the_exit_code_is_2(tmp_path: Path) -> None:
    path = tmp_path / "terms"
    path.write_bytes(b"\\x.x\n\n\\x.(x\n\xff\nz\n")
    result = invoke("--batch", str(path))
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[3] for row in rows] == ["normal", "error", "error", "normal"]
    assert rows[1][4] == "cannot read the term: character 4: this '(' is never closed; add a ')'"
    assert rows[2][4] == "not UTF-8 at byte 1"
    assert rows[3][0] == "z"
    assert result.exit_code == 2
    assert result.stderr == f"error: {path}: line 3: {rows[1][4]} (and 1 more)\n"


def test_a_bad_line_has_a_reason_in_json_too() -> None:
    result = invoke("--batch", "-", "--json", stdin=b'\\x.x\n"\t\xce\xbb\n')
    first, second = map(json.loads, result.stdout.splitlines())
    plain = {"more_steps": False, "shared_steps": 0, "peak_cells": None, "machine": "plain"}
    known = {"outcome": "normal", "steps": 0, "size": 2, "term": "λa.a", "numeral": None}
    assert first == {**known, **plain}
    nothing = {"outcome": "error", "steps": 0, "size": None, "term": None, "numeral": None}
    said = "cannot read the term: character 1: '\"' has no meaning here"
    assert second == {**nothing, "reason": said}
    assert result.exit_code == 2


def test_the_program_reads_what_people_paste(tmp_path: Path) -> None:
    path = tmp_path / "terms"
    path.write_bytes("two = λf.λx.f (f x)\r\\lambda x.x\r\\x -> two x\r".encode())
    batch = program("reduce", "--batch", str(path))
    assert (batch.returncode, batch.stderr) == (0, "")
    assert [row.split("\t")[0] for row in batch.stdout.splitlines()] == ["λa.a", "λa.λb.a (a b)"]
    single = program("reduce", "two = λf.λx.f (f x)\nlet i = λx.x in two i i")
    assert single.stdout.splitlines()[0] == "λa.a"
    for term, said in (
        (r"\beta.x", r"character 1: \beta is no lambda"),
        ("λx.x 0", "0 beside lambdas with names would be the variable x"),
        ("λλ01", "an index does not begin with a zero"),
        ("I = I\nI", "line 1: I is not defined: I would be defined by itself"),
    ):
        refused = program("reduce", term)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert said in refused.stderr


def program(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """A real run of the program."""
    call = [sys.executable, "-m", "automaton", *arguments]
    return subprocess.run(
        call, capture_output=True, encoding="utf-8", cwd=Path(__file__).parents[2], check=False,
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_a_terminal_without_lambda_gets_reads_back(encoding: str) -> None:
    text = "λx.λy.x foo\nλλ1\nλx.\n"
    narrow = {**os.environ, "PYTHONIOENCODING": encoding}
    first = program("reduce", "--batch", "-", input=text, env=narrow)
    assert first.stdout.splitlines()[:2] == [
        r"\a.\b.a foo" + "\t-\t0\tnormal",
        r"\a.\b.a" + "\t-\t0\tnormal",
    ]
    assert "error: standard input: line 3: " in first.stderr
    again = "\n".join(row.split("\t")[0] for row in first.stdout.splitlines()[:2])
    second = program("reduce", "--batch", "-", input=again, env=narrow)
    assert second.stdout.splitlines() == first.stdout.splitlines()[:2]
    wide = program("reduce", "--json", "--batch", "-", input=text)
    shown = program("reduce", "--json", "--batch", "-", input=text, env=narrow)
    assert shown.stdout.isascii()
    assert json_lines(shown.stdout) == json_lines(wide.stdout)


def json_lines(text: str) -> list[Any]:
    """The values of JSON lines."""
    return [json.loads(line) for line in text.splitlines()]
