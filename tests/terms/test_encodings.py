"""Packed words, trees, Church encodings, operators, and unification."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import closed_terms, open_terms, patterns
from unification_cases import UNIFIABLE, chain

from automaton.terms import encodings, packed, unification
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import (
    App,
    Lam,
    Tree,
    Var,
    apply,
    from_postorder,
    lam,
    linked,
    pack,
    unpack,
    var,
)
from automaton.terms.reference import reduce


def normal_form(words: Words) -> Words:
    result = reduce(words, 1000, 10_000, 1000)
    assert result.words is not None
    return result.words


@given(open_terms())
def test_unpacking_a_packed_tree_gives_the_same_words(words: Words) -> None:
    np.testing.assert_array_equal(pack(unpack(words)), words)
    assert pack(unpack(words)).dtype == np.int32


def test_a_tree_packs_to_the_words_of_the_packed_form() -> None:
    tree = Lam(App(App(Var(0), Lam(Var(1))), Var(0)))
    assert pack(tree).tolist() == [1, 5 << 2 | 2, 2 << 2 | 2, 0, 1, 1 << 2, 0]
    assert unpack(pack(tree)) == tree
    assert unpack(pack(tree)) != Lam(Var(0))
    assert tree != "a text"
    assert len({tree, unpack(pack(tree))}) == 1
    assert repr(Lam(Var(2))) == "unpack([1, 8])"


def test_a_pattern_has_no_tree() -> None:
    with pytest.raises(ValueError, match="metavariables"):
        unpack(parse("λx.?f x", pattern=True))


def test_trees_of_100000_lambdas_or_arguments_pack_and_compare_without_recursion() -> None:
    lambdas: Tree = Var(0)
    right: Tree = Var(0)
    left: Tree = Var(0)
    for _ in range(100_000):
        lambdas, right, left = Lam(lambdas), App(Var(1), right), App(left, Var(1))
    for tree in (lambdas, right, left):
        assert unpack(pack(tree)) == tree
    assert packed.is_closed(pack(lambdas))
    assert packed.free_variables(pack(left)) == 2


@given(open_terms())
def test_offsets_can_be_left_out_and_filled_in_again(words: Words) -> None:
    bare = [packed.APP if word & 3 == packed.APP else word for word in words.tolist()]
    np.testing.assert_array_equal(linked(bare), words)


@given(open_terms())
def test_postorder_says_as_much_as_preorder(words: Words) -> None:
    np.testing.assert_array_equal(from_postorder(postorder(words)), words)


def postorder(words: Words) -> list[int]:
    """Function, argument, application: reversed preorder with the children swapped."""
    reverse, todo = [], [0]
    while todo:
        at = todo.pop()
        word = int(words[at])
        tag = word & 3
        reverse.append(tag if tag == packed.APP else word)
        todo += [at + 1] if tag == packed.LAM else []
        todo += [at + 1, at + (word >> 2)] if tag == packed.APP else []
    return reverse[::-1]


@given(open_terms(), open_terms())
def test_application_is_one_word_and_two_copies(a: Words, b: Words) -> None:
    assert unpack(apply(a, b)) == App(unpack(a), unpack(b))
    assert len(apply(a, b)) == 1 + len(a) + len(b)
    assert unpack(lam(a)) == Lam(unpack(a))


@given(open_terms(free=4))
def test_a_term_has_as_many_free_variables_as_lambdas_are_needed_to_close_it(words: Words) -> None:
    count = packed.free_variables(words)
    assert packed.is_closed(words) is (count == 0)
    for _ in range(count):
        assert not packed.is_closed(words)
        words = lam(words)
    assert packed.is_closed(words)


@given(st.integers(0, 200))
def test_a_numeral_has_its_value(n: int) -> None:
    assert encodings.numeral_value(encodings.numeral(n)) == n
    assert len(encodings.numeral(n)) == 2 * n + 3


@given(closed_terms())
def test_no_other_term_has_the_value_of_a_numeral(words: Words) -> None:
    value = encodings.numeral_value(words)
    assert value is None or np.array_equal(words, encodings.numeral(value))


@pytest.mark.parametrize(
    "text", ["λf.f", "λx.x x", "λf.λx.x f", "λf.λx.f f", "λf.λx.λy.x", "λf.λx.f (x x)"]
)
def test_near_numerals_are_none(text: str) -> None:
    assert encodings.numeral_value(parse(text)) is None


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("identity", "λx.x"),
        ("successor", "λn.λf.λx.f (n f x)"),
        ("pair", "λx.λy.λf.f x y"),
        ("addition", "λm.λn.λf.λx.m f (n f x)"),
        ("network", "λa.λb.a b"),
        ("", "λa.λb.a b"),
        ("Identity", "λa.λb.a b"),
    ],
)
def test_a_state_names_its_operator_and_any_other_name_application(state: str, text: str) -> None:
    np.testing.assert_array_equal(encodings.operator_named(state), parse(text))


def test_booleans_choose_and_pairs_give_back_their_halves() -> None:
    one, two = encodings.numeral(1), encodings.numeral(2)
    both = encodings.pair(one, two)
    assert format_term(encodings.TRUE, "lambda") == "λa.λb.a"
    assert format_term(encodings.FALSE, "lambda") == "λa.λb.b"
    np.testing.assert_array_equal(normal_form(apply(both, encodings.TRUE)), one)
    np.testing.assert_array_equal(normal_form(apply(both, encodings.FALSE)), two)
    np.testing.assert_array_equal(normal_form(apply(apply(encodings.PAIR, one), two)), both)


@given(st.integers(0, 9), st.integers(0, 9))
def test_addition_adds_and_the_successor_adds_one(m: int, n: int) -> None:
    added = apply(apply(encodings.ADDITION, encodings.numeral(m)), encodings.numeral(n))
    following = apply(encodings.SUCCESSOR, encodings.numeral(m))
    assert encodings.numeral_value(normal_form(added)) == m + n
    assert encodings.numeral_value(normal_form(following)) == m + 1


@pytest.mark.parametrize(("a", "b", "answer"), UNIFIABLE)
def test_unification_of_known_pairs(a: str, b: str, *, answer: bool) -> None:
    assert unification.unifiable(parse(a), parse(b)) is answer
    assert unification.unifiable(parse(b), parse(a)) is answer


def test_free_variables_are_constants() -> None:
    first, _ = parse("λx.x y y", free=True)
    second, _ = parse("λx.x y z", free=True)
    assert unification.unifiable(first, first)
    assert not unification.unifiable(first, second)
    assert unification.unifiable(first, parse("λx.λy.λz.x y z"))


@given(closed_terms())
def test_a_term_unifies_with_itself(words: Words) -> None:
    assert unification.unifiable(words, words)


@given(closed_terms(), closed_terms())
def test_unification_does_not_depend_on_the_order(a: Words, b: Words) -> None:
    assert unification.unifiable(a, b) == unification.unifiable(b, a)


@given(closed_terms(20), closed_terms(20), st.data())
def test_an_instance_unifies_with_its_term(a: Words, value: Words, data: st.DataObject) -> None:
    leading = next(at for at, word in enumerate(a.tolist()) if word != packed.LAM)
    index = data.draw(st.integers(0, leading - 1)) if leading else 0
    instance = a if not leading else instantiated(a, leading, index, value)
    assert unification.unifiable(a, instance)


def instantiated(words: Words, leading: int, index: int, value: Words) -> Words:
    """The term with a closed value for one metavariable; its lambda binds nothing any more."""
    return pack_under(leading, replaced(unpack(words[leading:]), index, unpack(value)))


def replaced(tree: Tree, index: int, value: Tree) -> Tree:
    if isinstance(tree, Var):
        return value if tree.index == index else tree
    if isinstance(tree, Lam):
        return Lam(replaced(tree.body, index + 1, value))
    return App(replaced(tree.function, index, value), replaced(tree.argument, index, value))


def pack_under(lambdas: int, tree: Tree) -> Words:
    for _ in range(lambdas):
        tree = Lam(tree)
    return pack(tree)


def test_an_exponential_unifier_is_found_without_being_written_out() -> None:
    one_side, other_side = chain(60, left=True), chain(60, left=False)
    assert unification.unifiable(one_side, other_side)


@given(patterns())
def test_metavariables_are_no_free_variables(words: Words) -> None:
    assert packed.is_closed(words)


def test_unification_of_100000_lambdas_does_not_recurse() -> None:
    deep = lam(apply(var(0), pack_under(100_000, Var(0))))
    assert unification.unifiable(deep, deep)
