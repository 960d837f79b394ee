"""Canonical terms and numbers in bytes: written, read back, and read from anything."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reductions import bytes_of
from strategies import closed_terms, open_terms
from targets import FORMS, fenced, intact

from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import apply, free_variables, linked, var
from kernels.text import winner_lines

PROPERTY = settings(deadline=None)


def printed(term: Words, form: str = "compiled") -> str:
    """What `put_term` writes, in arrays of exactly the lengths that it states."""
    buffer, stack = fenced(4 * len(term) + winner_lines.SPARE, np.uint8), fenced(len(term))
    size = FORMS[form](winner_lines.put_term)(buffer, 0, term, 0, len(term), stack)
    assert intact(buffer, stack)
    return bytes(buffer[:size]).decode()


class Read(NamedTuple):
    """Nodes (-1: none), the position behind, and the words."""

    nodes: int
    at: int
    words: list[int]


def read(text: bytes, room: int, form: str = "compiled", at: int = 0) -> Read:
    """What `get_term` reads, in arrays of exactly the lengths that it states."""
    words, stack = fenced(room), fenced(4 * room + 8)
    buffer = fenced(len(text), np.uint8)
    buffer[:] = bytes_of(text)
    nodes, behind = FORMS[form](winner_lines.get_term)(buffer, at, len(text), words, 0, room, stack)
    assert intact(words, stack, buffer)
    return Read(nodes, behind, words[: max(nodes, 0)].tolist())


@settings(PROPERTY, max_examples=200)
@given(open_terms() | closed_terms(200))
def test_a_term_is_printed_as_the_notation_prints_it(term: Words) -> None:
    for form in FORMS:
        assert printed(term, form) == format_term(term)


@settings(PROPERTY, max_examples=200)
@given(closed_terms(200), st.integers(0, 5), st.binary(max_size=3))
def test_reading_a_printed_term_gives_its_words(term: Words, more: int, behind: bytes) -> None:
    text = format_term(term).encode()
    for form in FORMS:
        assert read(text, len(term) + more, form) == (len(term), len(text), term.tolist())
        ended = read(b"xy" + text + b'"' + behind, len(term) + 64, form, at=2)
        assert ended == (len(term), 2 + len(text), term.tolist())


@PROPERTY
@given(closed_terms())
def test_a_term_is_not_read_where_there_is_no_room_for_it_or_it_is_cut(term: Words) -> None:
    text = format_term(term).encode()
    for form in FORMS:
        assert read(text, len(term) - 1, form).nodes == -1
        for stop in range(len(text)):
            cut = read(text[:stop], len(term), form)
            assert cut.nodes == -1 or parse(text[: cut.at].decode()).tolist() == cut.words


@PROPERTY
@given(open_terms(free=2))
def test_a_term_with_free_variables_is_read_only_where_lambdas_close_it(term: Words) -> None:
    for lambdas in range(3):
        closed = np.concatenate([np.full(lambdas, 1, np.int32), term])
        found = read(format_term(closed).encode(), len(closed))
        assert found.words == (closed.tolist() if lambdas >= free_variables(term) else [])


PIECES = ["λ", "\xce", "\xbb", "0", "1", "2", "9", "10", " ", "(", ")", '"', "\\", "x", "\n"]
anything = st.one_of(
    st.lists(st.sampled_from([*(p.encode("latin-1") for p in PIECES[1:]), "λ".encode()])).map(
        b"".join
    ),
    st.binary(max_size=60),
    st.builds(
        lambda term, at, byte: term[: at % len(term)] + byte + term[at % len(term) + 1 :],
        closed_terms().map(lambda term: format_term(term).encode()),
        st.integers(0, 1 << 16),
        st.binary(max_size=2),
    ),
)


@settings(PROPERTY, max_examples=500)
@given(anything, st.integers(0, 40))
def test_reading_any_bytes_stays_within_bounds_and_means_what_the_notation_says(
    text: bytes, room: int
) -> None:
    found = read(text, room, "python")
    assert read(text, room) == found
    if found.nodes >= 0:
        assert found.nodes == len(found.words) <= room
        assert parse(text[: found.at].decode()).tolist() == found.words


@pytest.mark.parametrize(
    "text", ["", "λ", "0", "λ1", "λ00", "λ01", "λ0 ", "λ 0", "λ(0", "λ0)", "λ0  0", "λx",
             "λ0 λ0", "λ" * 50, "(" * 50, "λ" + "0 " * 50, "λ" + "(0 " * 50, "λ" + "9" * 40]
)  # fmt: skip
def test_what_is_not_of_the_grammar_is_not_read_to_its_end(text: str) -> None:
    for form in FORMS:
        found = read(text.encode(), 64, form)
        assert found.nodes < 0 or found.at < len(text.encode())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("room", range(5))
def test_more_parentheses_than_any_term_has_are_not_read(form: str, room: int) -> None:
    for levels in range(64 * room + 70):
        assert read(b"(" * levels + "λ0".encode() + b")" * levels, room, form).nodes <= room


def test_indices_of_several_digits_fit_the_room_for_a_printed_term() -> None:
    for depth in (9, 10, 11, 99, 100, 101, 999, 1000, 1001):
        inner = var(depth - 1)
        for _ in range(3 * depth):
            inner = apply(var(depth - 1), inner)
        term = np.concatenate([np.full(depth, 1, np.int32), inner])
        text = printed(term)
        assert text == format_term(term)
        assert read(text.encode(), len(term)).words == term.tolist()


def test_100000_lambdas_are_printed_and_read_without_recursion() -> None:
    term = linked([1] * 100_000 + [99_999 << 2])
    text = printed(term)
    assert text == "λ" * 100_000 + "99999"
    assert read(text.encode(), len(term)).nodes == len(term)


@PROPERTY
@given(st.integers(0, (1 << 62) - 1), st.integers(0, 3))
def test_numbers_are_written_in_decimal(number: int, at: int) -> None:
    for form in FORMS.values():
        buffer = fenced(at + len(str(number)), np.uint8)
        assert form(winner_lines.put_number)(buffer, at, number) == len(buffer)
        assert bytes(buffer[at:]) == b"%d" % number
        assert intact(buffer)


@PROPERTY
@given(st.from_regex(rb"[0-9]{1,21}[ -~]?", fullmatch=True) | st.binary(max_size=4))
def test_only_canonical_numbers_are_read(text: bytes) -> None:
    digits = text[: next((i for i, byte in enumerate(text) if byte not in b"0123456789"), 99)]
    for form in FORMS.values():
        number, at = form(winner_lines.get_number)(bytes_of(text), 0, len(text))
        if not digits or (digits[:1] == b"0" and len(digits) > 1):
            assert (number, at) == (-1, 0)
        else:
            assert at == min(len(digits), 18)
            assert number == int(digits[:at])
