"""Bounds of the assembly index against hand counts and against the index itself."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automaton.complexity.assembly_bounds import assembly_bounds


def index(text: str) -> int:
    """The assembly index, by trying every way with ever more joins."""
    parts = {text[a:b] for a in range(len(text)) for b in range(a + 1, len(text) + 1)}

    def possible(made: frozenset[str], joins: int) -> bool:
        if text in made:
            return True
        if joins == 0:
            return False
        new = {a + b for a in made for b in made if a + b in parts} - made
        return any(possible(made | {part}, joins - 1) for part in new)

    return next(n for n in range(len(text)) if possible(frozenset(text), n))


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("", 0, 0),
        ("a", 0, 0),
        ("ab", 1, 1),
        ("aaa", 2, 2),
        ("aaaaaaaa", 3, 3),  # doubled three times
        ("banana", 4, 4),  # b, a, n, a, na; an once, then b + an + an + a
        ("abracadabra", 7, 7),  # a, b, r, a, c, a, d, abra
        ("abcdefgh", 7, 7),  # no letter twice: every join brings one more
    ],
)
def test_bounds_are_those_counted_by_hand(text: str, lower: int, upper: int) -> None:
    assert assembly_bounds(text) == (lower, upper)


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("ababbbcbaababbcacbbcacabaaaccabcabcaca", 17, 23),
        ("ebcbfbdcadefabffcafcffedefbcceded", 23, 26),
        ("abbabbabaabbbababbaaaaaabbbbbaba", 12, 17),
        ("abbccacbbbbbaccccbbcaacaccaac", 16, 18),
        ("babaabbaaababbbbbbaabbbbabababaaabaaabbabaabbbabaa", 14, 23),
        ("cabbcebcdbcfadecfedebafaabbbebcceeccccacbefdbeeacadadbbcaee", 36, 46),
    ],
)
def test_bounds_are_those_of_assemblycfg(text: str, lower: int, upper: int) -> None:
    """Random texts; the values are what its version 2.0.0 says."""
    assert assembly_bounds(text) == (lower, upper)


@given(st.text("abcd", min_size=1, max_size=40))
def test_no_text_has_fewer_joins_than_doubling_and_its_letters_need(text: str) -> None:
    lower, upper = assembly_bounds(text)
    assert max((len(text) - 1).bit_length(), len(set(text)) - 1) <= lower <= upper < len(text)


def test_the_index_lies_within_the_bounds_of_every_short_text() -> None:
    texts = ["".join(letters) for n in range(1, 7) for letters in product("ab", repeat=n)]
    texts += ["".join(letters) for letters in product("abc", repeat=5)]
    for text in texts:
        lower, upper = assembly_bounds(text)
        assert lower <= index(text) <= upper, text
