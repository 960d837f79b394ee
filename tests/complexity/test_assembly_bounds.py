"""Bounds of the assembly index against hand counts and against the index itself."""

from __future__ import annotations

from itertools import product

import pytest

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
        ("banana", 3, 4),  # an once; b + an + an + a
        ("abracadabra", 4, 7),  # ab, abr, abra, and four more
        ("abcdefgh", 7, 7),  # no letter twice: every join brings one more
    ],
)
def test_bounds_are_those_counted_by_hand(text: str, lower: int, upper: int) -> None:
    assert assembly_bounds(text) == (lower, upper)


def test_the_index_lies_within_the_bounds_of_every_short_text() -> None:
    texts = ["".join(letters) for n in range(1, 7) for letters in product("ab", repeat=n)]
    texts += ["".join(letters) for letters in product("abc", repeat=5)]
    for text in texts:
        lower, upper = assembly_bounds(text)
        assert lower <= index(text) <= upper, text


def test_the_search_finds_the_published_index_of_a_short_word() -> None:
    assert index("banana") == 4
