"""Types that refute normal forms: what they prove, and that a normal form has none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from term_trees import trees

from automaton.normalisation.known_theories import KNOWN_THEORIES
from automaton.normalisation.normal_form_size import OutOfFuelError, SizeReader
from automaton.normalisation.term_tree import Tree, contractum, from_words, leftmost, shrunk, size
from automaton.normalisation.type_inference import infer, smaller
from automaton.normalisation.type_theory import Arrow, TypeTheory, read_theory, theory_text
from automaton.terms.notation import parse


def tree(text: str) -> Tree:
    return from_words(parse(text))


def arrows() -> st.SearchStrategy[tuple[Arrow, ...]]:
    """Theories of one to four arrows, any at all."""
    return st.integers(1, 4).flatmap(
        lambda count: st.lists(
            st.tuples(
                st.text("abcd"[:count] + "HNV", max_size=3),
                st.text("abcd"[:count] + "HNV", min_size=1, max_size=3),
            ).map(lambda pair: Arrow(*pair)),
            min_size=count,
            max_size=count,
        ).map(tuple)
    )


@pytest.mark.parametrize(
    ("theory", "term"),
    [
        ("a>H", r"(\x.x x) (\x.x x)"),
        ("a>N", r"(\x.\y.x x) (\x.\y.x x)"),
        ("a>N", r"\f.(\x.f (x x)) (\x.f (x x))"),
        ("a>H", r"\y.y ((\x.x x) (\x.x x)) y"),
        ("ac>H ac>ac bc>bc", r"(\x.x x) (\x.x (x (\y.y) x) x)"),
    ],
)
def test_a_theory_refutes_what_loops(theory: str, term: str) -> None:
    assert TypeTheory(read_theory(theory)).refutes(tree(term))


@pytest.mark.parametrize("theory", ["a>H", "a>N", "V>N", "H>H", ">V", "N>V"])
def test_no_theory_refutes_a_term_that_throws_its_loop_away(theory: str) -> None:
    looping = r"((\x.x x) (\x.x x))"
    assert not TypeTheory(read_theory(theory)).refutes(tree(rf"(\x.\y.y) {looping}"))


@settings(max_examples=100, deadline=None)
@given(trees(), arrows())
def test_no_theory_at_all_refutes_a_term_that_has_a_normal_form(
    term: Tree, theory: tuple[Arrow, ...]
) -> None:
    for _ in range(30):
        reduced = leftmost(term)
        if reduced is None:
            assert not TypeTheory(theory).refutes(term)
            return
        if size(reduced) > 200:
            return
        assert not TypeTheory(theory).refutes(term) or TypeTheory(theory).refutes(reduced)
        term = reduced


@settings(max_examples=60, deadline=None)
@given(trees(nodes=20))
def test_no_known_theory_refutes_a_term_that_has_a_normal_form(term: Tree) -> None:
    try:
        SizeReader(500).size(term)
    except OutOfFuelError:
        return
    assert not any(TypeTheory(read_theory(text)).refutes(term) for text in KNOWN_THEORIES[:20])


@pytest.mark.parametrize("text", ["", "a", "b>a", "a>", "a>H>N", "a>h", "ab>H"])
def test_a_text_that_is_no_theory_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_theory(text)


@pytest.mark.parametrize("text", KNOWN_THEORIES[::20])
def test_a_theory_reads_as_it_is_written(text: str) -> None:
    assert theory_text(read_theory(text)) == text


@pytest.mark.parametrize(
    "term",
    [
        r"(\x.x x) (\x.\y.y (x x) (y y))",
        r"(\x.x x) (\x.x (x (\y.x)))",
        r"(\x.x (\y.x)) (\x.x x (\y.y x))",
        r"(\x.x x x) (\x.\y.x (y y y))",
        r"(\x.x x) (\x.\y.x y x (y y))",
    ],
)
def test_a_theory_is_found_for_what_grows_and_no_part_of_it_suffices(term: str) -> None:
    found = infer(tree(term))
    assert found is not None
    assert TypeTheory(found).refutes(tree(term))
    assert smaller(found, tree(term)) == found


def test_no_theory_is_looked_for_where_reduction_ends() -> None:
    assert infer(tree(r"(\f.\x.f (f x)) (\f.\x.f (f x))")) is None


@settings(max_examples=60, deadline=None)
@given(trees(nodes=16))
def test_shrinking_contracts_what_copies_nothing_at_the_positions_that_it_names(
    term: Tree,
) -> None:
    small, positions = shrunk(term)
    for position in positions:
        before = size(term)
        term = contracted(term, position)
        assert size(term) < before
    assert term == small
    assert shrunk(small) == (small, [])


def contracted(term: Tree, position: int) -> Tree:
    """The term after the contraction of the redex at a node in preorder."""
    assert isinstance(term, tuple)
    if len(term) == 1:
        return (contracted(term[0], position - 1),)
    function, argument = term
    if position == 0:
        assert isinstance(function, tuple)
        return contractum(function[0], argument)
    if position <= size(function):
        return (contracted(function, position - 1), argument)
    return (function, contracted(argument, position - 1 - size(function)))
