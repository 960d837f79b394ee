"""Reading and printing terms in all notations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import closed_terms, open_terms, patterns, with_names

from automaton.errors import TermError, UsageError
from automaton.terms import encodings, packed
from automaton.terms.arrays import Words
from automaton.terms.notation import (
    NOTATIONS,
    format_term,
    parse,
    parse_question,
    spans,
    spans_counted,
)
from automaton.terms.parser import MAX_FREE


def same(text: str, other: str, *, juxtaposed: bool = False) -> bool:
    return np.array_equal(parse(text, juxtaposed=juxtaposed), parse(other))


@pytest.mark.parametrize("notation", NOTATIONS)
@given(words=closed_terms())
def test_reading_what_was_printed_gives_the_same_term(notation: str, words: Words) -> None:
    np.testing.assert_array_equal(parse(format_term(words, notation), notation), words)


@pytest.mark.parametrize("notation", NOTATIONS)
@given(words=open_terms())
def test_the_same_holds_for_open_terms(notation: str, words: Words) -> None:
    again, names = parse(format_term(words, notation), notation, free=True)
    np.testing.assert_array_equal(again, words)
    assert names == []


@pytest.mark.parametrize("notation", ["lambda", "debruijn"])
@given(words=patterns())
def test_the_same_holds_for_patterns(notation: str, words: Words) -> None:
    text = format_term(words, notation)
    np.testing.assert_array_equal(parse(text, notation, pattern=True), words)


@given(closed_terms())
def test_the_canonical_form_is_read_as_ordinary_notation_and_in_spans_too(words: Words) -> None:
    text = format_term(words)
    np.testing.assert_array_equal(parse(text), words)
    np.testing.assert_array_equal(spans(f"A term: `{text}`.")[0][1], words)


@given(open_terms(free=3))
def test_free_names_survive_printing_and_reading(words: Words) -> None:
    names = ["a", "x", "b1"]
    text = format_term(words, "lambda", names)
    np.testing.assert_array_equal(with_names(text, names), words)


@pytest.mark.parametrize(
    ("text", "debruijn", "named", "binary"),
    [
        ("λx.x", "λ0", "λa.a", "0010"),
        (r"\x.x", "λ0", "λa.a", "0010"),
        (r"λf.\x.f (f x)", "λλ1 (1 0)", "λa.λb.a (a b)", "0000011100111010"),
        ("λx y.x", "λλ1", "λa.λb.a", "0000110"),
        ("λ.λ.1 (1 0)", "λλ1 (1 0)", "λa.λb.a (a b)", "0000011100111010"),
        ("λf.f (λx.x)", "λ0 (λ0)", "λa.a (λb.b)", "0001100010"),
        ("(λx.x) λy.y", "(λ0) (λ0)", "(λa.a) (λa.a)", "0100100010"),
        ("λx.λx.x", "λλ0", "λa.λb.b", "000010"),
        ("  ( ( λ  x  .  x ) ) ", "λ0", "λa.a", "0010"),
        ("λlong'.λname_2.long' name_2", "λλ1 0", "λa.λb.a b", "00000111010"),
        ("λx1.λx12.x1 x12", "λλ1 0", "λa.λb.a b", "00000111010"),
        ("λa.λb.λc.a b c (a (b c))", "λλλ2 1 0 (2 (1 0))", "λa.λb.λc.a b c (a (b c))", None),
        ("λx.λ.x 0", "λλ1 0", "λa.λb.a b", None),
    ],
)
def test_a_term_in_all_its_notations(
    text: str, debruijn: str, named: str, binary: str | None
) -> None:
    words = parse(text)
    assert format_term(words) == debruijn
    assert format_term(words, "lambda") == named
    assert binary is None or format_term(words, "blc") == binary
    np.testing.assert_array_equal(parse(debruijn, "debruijn"), words)
    np.testing.assert_array_equal(parse(named), words)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (r"\lambda x.x", "λ0"),
        (r"\lambda x.\lambda y.x", "λλ1"),
        (r"\lambda f\lambda x.f", None),
        (r"\lambda 0", "λ0"),
        ("𝜆x.𝛌y.𝝀z.𝝺u.𝞴v.x", "λλλλλ4"),
        (r"\x -> x", "λ0"),
        ("λx y->y", "λλ0"),
        ("λx → x", "λ0"),
        (r"\ foo.foo", "λ0"),
        ("let i = λx.x in i i", "(λ0 0) (λ0)"),
        ("let a = λx.x in let b = a a in b a", "(λ(λ0 1) (0 0)) (λ0)"),
        ("let a = let b = λx.x in b b in a", "(λ0) ((λ0 0) (λ0))"),
        ("λf.f let x = f in x f", "λ0 ((λ0 1) 0)"),
        ("(let x = λ0 in x) let y = λλ0 in y", "(λ0) (λ0) ((λ0) (λλ0))"),
        ("λlet.λin.let in", "λλ1 0"),
    ],
)
def test_what_people_write_in_other_places_is_read(text: str, meaning: str | None) -> None:
    if meaning is None:
        with pytest.raises(TermError, match="do not end in a"):
            parse(text)
    else:
        assert format_term(parse(text)) == meaning


@given(closed_terms(), closed_terms())
def test_a_let_is_the_body_as_a_function_of_the_name_applied_to_the_term(
    term: Words, body: Words
) -> None:
    one, two = format_term(term, "lambda"), format_term(body, "lambda")
    meant = parse(f"(λx.x ({two}) x) ({one})")
    np.testing.assert_array_equal(parse(f"let x = {one} in x ({two}) x"), meant)


def test_binary_may_hold_spaces_between_its_codes() -> None:
    np.testing.assert_array_equal(parse(" 00 00 110\n", "blc"), encodings.TRUE)


def test_each_letter_is_a_variable_when_terms_are_juxtaposed() -> None:
    assert same("λm.λn.λf.λx.mf(nfx)", "λm.λn.λf.λx.m f (n f x)", juxtaposed=True)
    assert same("λxy.xyx", "λx.λy.x y x", juxtaposed=True)
    assert same("λx1x2.x1x2", "λx.λy.x y", juxtaposed=True)
    assert same("λx'x.x'x(λλ1 0)", "λx.λy.x y (λa.λb.a b)", juxtaposed=True)
    with pytest.raises(TermError, match="character 20: 'mf' is not bound"):
        parse(r"\m.\n.\f.\x.m f    mf")


def test_free_variables_are_numbered_by_their_first_appearance() -> None:
    words, names = parse(r"\x0.(\x1.x1 y) x0 z y", free=True)
    assert names == ["y", "z"]
    assert format_term(words) == "λ(λ0 2) 0 2 1"
    assert format_term(words, "lambda", names) == "λa.(λb.b y) a z y"
    assert packed.free_variables(words) == 2


def test_printed_bound_names_avoid_the_free_ones() -> None:
    words, names = parse("λx.x a b1", free=True)
    assert format_term(words, "lambda", names) == "λb.b a b1"
    deep = parse("λ" * 30 + "29 2")
    assert format_term(deep, "lambda", names).endswith("λz.λa1.λc1.λd1.λe1.λf1.b d1")


def test_metavariables_are_numbered_by_first_appearance_or_as_they_say() -> None:
    assert format_term(parse("λx.?f x ?g ?f", pattern=True)) == "λ?0 0 ?1 ?0"
    assert format_term(parse("λx.?7 x", pattern=True), "lambda") == "λa.?7 a"
    with pytest.raises(TermError, match="named and numbered"):
        parse("?f ?0", pattern=True)
    with pytest.raises(TermError, match="character 4"):
        parse("λx.?f x")
    with pytest.raises(TermError, match="binary"):
        format_term(parse("?f", pattern=True), "blc")


ERRORS: list[tuple[str, int, str]] = [
    ("", 1, "no term"),
    ("   ", 1, "no term"),
    ("λx.(x", 4, "never closed"),
    ("λx.x)", 5, "closes nothing"),
    ("λx.x ()", 6, "nothing between"),
    ("λx.", 1, "no body"),
    ("(λx.) y", 2, "no body"),
    ("λx x", 1, "do not end in a '.'"),
    ("λx.λy.z", 7, "'z' is not bound"),
    ("y" * 5000, 1, "y...' is not bound"),
    ("λx.1", 4, "beyond the 1 lambdas"),
    ("λλ2", 3, "beyond the 2 lambdas"),
    ("λ" + "9" * 5000, 2, "beyond the 1 lambdas"),
    ("λx.x + x", 6, "'+' has no meaning"),
    ("λx.x .", 6, "'.' has no meaning"),
    ("λx.\n x\x00", 7, "has no meaning"),
    (r"\foo.foo", 1, r"\foo is no lambda (\lambda is)"),
    (r"λx.\beta x", 4, r"\beta is no lambda"),
    (r"\lambdax.x", 1, r"\lambdax is no lambda"),
    ("λλ01", 3, "does not begin with a zero; write 1"),
    ("0010", 1, "does not begin with a zero; write 10 (binary is blc)"),
    ("λ00", 2, "does not begin with a zero; write 0"),
    ("let x = λ0", 1, "has no 'in'"),
    ("(let x = λ0) y", 2, "has no 'in'"),
    ("let x = in x", 1, "says not what x is"),
    ("let x = λ0 in", 1, "no term behind 'in'"),
    ("let x = x in x", 9, "'x' is not bound"),
    ("λx -x", 1, "do not end in a '.'"),
]


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("λx.x 0", 6, "0 beside lambdas with names would be the variable x"),
        ("λx.λ.1", 6, "1 beside lambdas with names would be the variable x"),
        ("(λn.λf.λx.f (n f x)) 2", 22, "or for the number λf.λx.f (f x)"),
        ("3 λx.x", 1, "for the number λf.λx.f (f (f x))"),
        ("λx.x 17", 6, "for the number λf.λx. and 17 f"),
    ],
)  # fmt: skip
def test_a_question_with_a_digit_that_may_be_a_number_is_refused(
    text: str, position: int, reason: str
) -> None:
    with pytest.raises(TermError) as caught:
        parse_question(text, "lambda")
    assert caught.value.position == position
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["λλ1 0", "λx.λ.x 0", "λ0 5", "λ.foo 0", "λ12"])
def test_indices_of_lambdas_without_names_are_no_numbers(text: str) -> None:
    np.testing.assert_array_equal(parse_question(text, "lambda")[0], parse(text, free=True)[0])


@pytest.mark.parametrize(("text", "position", "reason"), ERRORS)
def test_an_error_names_the_character_and_the_reason(text: str, position: int, reason: str) -> None:
    with pytest.raises(TermError) as caught:
        parse(text)
    assert caught.value.position == position
    assert f"character {position}: " in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 1, "ends too early"),
        ("01 0010", 7, "ends too early"),
        ("0010 10", 6, "has ended before"),
        ("00 1x", 5, "'x' is not a binary digit"),
        ("0x", 2, "'x' is not a binary digit"),
        ("00110", 3, "beyond the 1 lambdas"),
    ],
)
def test_a_binary_error_names_the_character_too(text: str, position: int, reason: str) -> None:
    with pytest.raises(TermError, match=reason) as caught:
        parse(text, "blc")
    assert caught.value.position == position


def test_names_are_refused_in_de_bruijn_notation() -> None:
    for text in ("λx.x", "λλ x"):
        with pytest.raises(TermError, match="need the notation 'lambda'"):
            parse(text, "debruijn")


def test_an_unknown_notation_is_a_usage_error() -> None:
    for action in (lambda: parse("λ0", "ski"), lambda: format_term(parse("λ0"), "ski")):
        with pytest.raises(UsageError, match="lambda, debruijn, blc"):
            action()


def test_a_term_over_the_limit_is_refused_with_its_position() -> None:
    assert len(parse("λx.x x", max_nodes=4)) == 4
    with pytest.raises(TermError, match="more than 3 nodes") as caught:
        parse("λx.x x  ", max_nodes=3)
    assert caught.value.position == 7
    with pytest.raises(TermError, match="more than 2 nodes") as caught:
        parse("000010", "blc", max_nodes=2)
    assert caught.value.position == 5


def test_free_indices_and_free_names_are_bounded_and_not_mixed() -> None:
    assert packed.free_variables(parse(f"λ{MAX_FREE}", free=True)[0]) == MAX_FREE
    for notation, text in (
        ("debruijn", f"λ{MAX_FREE + 1}"),
        ("debruijn", "9" * 30),
        ("blc", "00" + "1" * (MAX_FREE + 2) + "0"),
    ):
        with pytest.raises(TermError, match="beyond the"):
            parse(text, notation, free=True)
    for text in ("y 0", "0 y"):
        with pytest.raises(TermError, match="free names and free indices"):
            parse(text, free=True)
    with pytest.raises(TermError, match="number is less"):
        parse(f"?{MAX_FREE}", pattern=True)


DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "λ" * DEEP + "0",
        "λx." * DEEP + "x",
        "(" * DEEP + "λx.x" + ")" * DEEP,
        "λx." + "(x " * DEEP + "x" + ")" * DEEP,
        "λx." + "x " * DEEP,
        "λx." + "(λy.y " * DEEP + "x" + ")" * DEEP,
        "λ" + " ".join(f"x{n}" for n in range(DEEP)) + ".x7",
    ],
    ids=["lambdas", "names", "parentheses", "right", "left", "both", "binders"],
)
def test_100000_levels_are_read_and_printed_without_recursion(text: str) -> None:
    words = parse(text)
    for notation in NOTATIONS:
        if notation != "blc" or len(words) < 3 or text[-1] != "7":
            np.testing.assert_array_equal(parse(format_term(words, notation), notation), words)


@pytest.mark.parametrize("text", ["(" * DEEP, "λ" * DEEP, ")" * DEEP, "(λ" * DEEP, "λx." * DEEP])
def test_100000_levels_that_are_no_term_are_refused(text: str) -> None:
    with pytest.raises(TermError):
        parse(text)


@given(st.text(alphabet="λ\\xy. ()01?'\n²é`", max_size=30))
@example("λ²")
def test_any_text_is_a_term_or_a_term_error(text: str) -> None:
    readers: list[Callable[[], object]] = [
        lambda: parse(text),
        lambda: parse(text, juxtaposed=True, free=True),
        lambda: parse(text, "debruijn", pattern=True),
        lambda: parse(text, "blc", free=True),
    ]
    for read in readers:
        assert 1 <= refused_at(read) <= max(1, len(text))
    spans_counted(text)


def refused_at(read: Callable[[], object]) -> int:
    """The position of the error, 1 where there is none, 0 where it has none."""
    try:
        read()
    except TermError as error:
        return error.position or 0
    return 1
