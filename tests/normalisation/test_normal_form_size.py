"""Sizes of normal forms that nobody writes down, beside those that are written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from term_trees import trees

from automaton.normalisation.normal_form_size import OutOfFuelError, SizeReader
from automaton.normalisation.term_tree import Tree, from_words, leftmost, size, to_blc
from automaton.terms.notation import parse

TWO, THREE = r"(\f.\x.f (f x))", r"(\f.\x.f (f (f x)))"


def bits(text: str) -> int:
    return SizeReader(200_000).size(from_words(parse(text)))


@pytest.mark.parametrize(
    ("term", "base", "exponent"),
    [
        (rf"{TWO} {TWO} {TWO} {TWO}", 2, 16),
        (rf"{THREE} {THREE} {THREE}", 3, 27),
        (rf"(\x.x x) (\x.x (x {TWO}))", 2, 256),
    ],
)
def test_a_numeral_n_has_5n_and_6_bits(term: str, base: int, exponent: int) -> None:
    assert bits(term) == 5 * base**exponent + 6


def test_a_published_size_that_is_no_numeral_comes_out() -> None:
    """Tromp's table of 35 bits: 4,186,155,666."""
    assert bits(r"(\x.x x x) (\x.\y.x (x (y x)))") == 4_186_155_666


@settings(max_examples=150, deadline=None)
@given(trees(nodes=24))
def test_a_size_is_that_of_the_normal_form_that_reduction_writes(term: Tree) -> None:
    normal = term
    for _ in range(40):
        reduced = leftmost(normal)
        if reduced is None:
            assert SizeReader(100_000).size(term) == len(to_blc(normal))
            return
        if size(reduced) > 400:
            return
        normal = reduced


@pytest.mark.parametrize("term", [r"(\x.x x) (\x.x x)", r"\f.(\x.f (x x)) (\x.f (x x))"])
def test_what_has_no_normal_form_has_no_size(term: str) -> None:
    with pytest.raises(OutOfFuelError):
        SizeReader(5_000).size(from_words(parse(term)))


def test_what_is_thrown_away_need_not_end() -> None:
    assert bits(r"(\x.\y.y) ((\x.x x) (\x.x x))") == 4
    assert bits(r"\z.(\x.z) (z ((\x.x x) (\x.x x)))") == 4
