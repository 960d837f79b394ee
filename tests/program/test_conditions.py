"""Conditions and selectors: what their texts mean, and that no text does harm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from automaton.errors import ConditionError
from automaton.program.conditions import (
    COUNTERS,
    QUESTIONS,
    Ask,
    Condition,
    UnknownAtom,
    as_text,
    holds,
    parse_condition,
    unknowns,
)
from automaton.program.grammar import COMPARISONS, MAX_DEPTH, And, Compare, Const, Not, Or
from automaton.program.selectors import (
    MEASURES,
    Leaf,
    Matches,
    Member,
    Numeral,
    Selector,
    evaluate,
    parse_selector,
)

UNTIMED = settings(deadline=None)
TRUE, FALSE = Const(value=True), Const(value=False)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("true", TRUE),
        ("line_number < ∞", Compare("line_number", "<", math.inf)),
        ("step_count > 3", Compare("step_count", ">", 3)),
        ("3<step_count", Compare("step_count", ">", 3)),
        ("infinity >= dimension", Compare("dimension", "<=", math.inf)),
        ("dimension != -∞", Compare("dimension", "!=", -math.inf)),
        ("object_count ≤ +10", Compare("object_count", "<=", 10)),
        ("object_count ≠ -10", Compare("object_count", "!=", -10)),
        ("dimension = 7", Compare("dimension", "==", 7)),
        ("7 ≥ dimension", Compare("dimension", "<=", 7)),
        ("file_exists", Ask("file_exists")),
        ("unifiable(a,b)", Ask("unifiable")),
        ("unifiable", Ask("unifiable")),
        ("numeric( f(x), 'y)' )", Ask("numeric")),
        ("not true and false", And((Not(TRUE), FALSE))),
        ("!true&&false||true", Or((And((Not(TRUE), FALSE)), TRUE))),
        ("true or false and true or false", Or((TRUE, And((FALSE, TRUE)), FALSE))),
        ("(true or false) and true", And((Or((TRUE, FALSE)), TRUE))),
        ("not not (observation)", Not(Not(Ask("observation")))),
    ],
)
def test_a_condition_means_what_it_says(text: str, condition: Condition) -> None:
    assert parse_condition(text) == condition
    assert unknowns(parse_condition(text)) == []
    assert parse_condition(as_text(condition)) == condition


@pytest.mark.parametrize(
    "text",
    [
        "moon_phase",
        "similar(a, (b))",
        "temperature > 3",
        "step_count > 0.5",
        "true(x)",
        "3 < 4",
        "step_count > " + "9" * 5000,
        "step_count < dimension",
        "'quoted'",
        "step_count(a) < 3",
        "True",
        "step_count",
    ],
)
def test_an_unknown_atom_is_false_and_leaves_the_rest_alone(text: str) -> None:
    condition = parse_condition(f"observation or {text} and true")
    assert condition == Or((Ask("observation"), And((UnknownAtom(text), TRUE))))
    assert unknowns(condition) == [text]
    assert not holds(parse_condition(text), {}, bool)
    assert holds(parse_condition(f"not {text}"), {}, bool)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "and",
        "true true",
        "(true",
        "true)",
        "1 < dimension < 3",
        "f(a",
        "'open",
        "true or",
        "not",
        "()",
        "a $ b",
        "dimension <",
        "< 3",
        "__import__('os').system('x');",
        "not in",
    ],
)
def test_a_condition_that_cannot_be_read_is_unknown_as_a_whole(text: str) -> None:
    assert parse_condition(text) == UnknownAtom(text)


def test_unknowns_are_named_once_and_in_order() -> None:
    assert unknowns(parse_condition("c or not (a and (c or b(x))) or a")) == ["c", "a", "b(x)"]


@pytest.mark.parametrize(
    ("opening", "closing", "levels"), [("(", ")", 1), ("not ", "", 1), ("!(not ", ")", 3)]
)
def test_nesting_is_limited_and_never_overflows_the_stack(
    opening: str, closing: str, levels: int
) -> None:
    def nested(times: int) -> str:
        return opening * times + "true" + closing * times

    deepest = MAX_DEPTH // levels
    assert not isinstance(parse_condition(nested(deepest)), UnknownAtom)
    assert isinstance(parse_condition(nested(deepest + 1)), UnknownAtom)
    assert isinstance(parse_condition(nested(100_000)), UnknownAtom)


def test_a_condition_may_be_long() -> None:
    assert holds(parse_condition(" and ".join(["true"] * 20_000)), {}, bool)
    assert holds(parse_condition(" and ".join(["(not (false))"] * 20_000)), {}, bool)


WORDS = st.sampled_from(
    [
        *COUNTERS,
        *QUESTIONS,
        "true",
        "false",
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        "<",
        "≤",
        "!",
        "&&",
        "||",
        "=",
        "∞",
        "infinity",
        "3",
        "-7",
        "type",
        "term",
        "~",
        "'λ?f'",
        ",",
        "size",
        "numeral",
        "level",
        "`",
        "'",
        "²",
        "٣",
        "�",
        "\x00",
        "-",
        "+",
    ],
)


@UNTIMED
@given(st.text() | st.lists(WORDS).map("".join) | st.lists(WORDS).map(" ".join))
def test_any_text_is_some_condition(text: str) -> None:
    condition = parse_condition(text)
    assert isinstance(holds(condition, dict.fromkeys(COUNTERS, 1), lambda _: True), bool)
    assert all(isinstance(unknown, str) for unknown in unknowns(condition))


@UNTIMED
@given(st.text() | st.lists(WORDS).map("".join) | st.lists(WORDS).map(" ".join))
def test_any_text_is_a_selector_or_an_error_with_a_position(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert error.position is not None
        assert 1 <= error.position <= len(text) + 1
        assert "\n" not in str(error)


def refusal(text: str) -> ConditionError | None:
    """The error that the text meets as a selector."""
    try:
        parse_selector(text)
    except ConditionError as error:
        return error
    return None


# Random conditions, spelt in random ways, against an oracle that reads a nested tuple.

Tree = tuple[Any, ...]
SPELLINGS = {
    "<": ["<"], "<=": ["<=", "≤"], ">": [">"], ">=": [">=", "≥"],
    "==": ["==", "="], "!=": ["!=", "≠"],
}  # fmt: skip
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def combined(leaves: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Trees over such leaves."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(st.just("not"), inner),
            st.tuples(st.sampled_from(["and", "or"]), inner, inner),
            st.tuples(st.sampled_from(["and", "or"]), inner, inner, inner),
        ),
        max_leaves=12,
    )


def compared(fields: tuple[str, ...]) -> st.SearchStrategy[Tree]:
    """Comparisons of such fields with small numbers."""
    ops = st.sampled_from(list(COMPARISONS))
    return st.tuples(st.just("compare"), st.sampled_from(fields), ops, st.integers(-3, 3))


CONDITIONS = combined(
    compared(tuple(COUNTERS))
    | st.tuples(st.just("ask"), st.sampled_from(list(QUESTIONS)))
    | st.tuples(st.just("const"), st.booleans())
    | st.tuples(st.just("unknown"), st.sampled_from(["moon", "tide(a)"]))
)


def spell(tree: Tree, choose: Callable[[list[str]], str]) -> str:  # noqa: PLR0911  one a kind
    """The tree as a text, in spellings that `choose` picks."""
    space = choose([" ", "  ", "\t\n"])
    match tree:
        case ("not", part):
            return choose(["not ", "! "]) + enclosed(part, choose)
        case ("and" | "or" as word, *parts):
            mark = choose([f" {word} ", {"and": "&&", "or": "||"}[word]])
            return mark.join(enclosed(part, choose) for part in parts)
        case ("compare", name, op, bound):
            if choose(["", "turned"]):
                return f"{bound}{space}{choose(SPELLINGS[TURNED[op]])}{space}{name}"
            return f"{name}{space}{choose(SPELLINGS[op])}{space}{bound}"
        case ("ask", name):
            return str(name) + choose(["", "()", "(m, n)"])
        case ("const", value):
            return "true" if value else "false"
        case (_, text):
            return str(text)
    raise AssertionError(tree)


def enclosed(tree: Tree, choose: Callable[[list[str]], str]) -> str:
    """The tree as a text, in parentheses where it must or may be."""
    needed = tree[0] in {"and", "or"} or bool(choose(["", "("]))
    return f"({spell(tree, choose)})" if needed else spell(tree, choose)


def oracle(tree: Tree, leaf: Callable[[Tree], bool]) -> bool:
    """What Python makes of the same logic."""
    match tree:
        case ("not", part):
            return not oracle(part, leaf)
        case ("and", *parts):
            return all(oracle(part, leaf) for part in parts)
        case ("or", *parts):
            return any(oracle(part, leaf) for part in parts)
        case _:
            return leaf(tree)


def truth(op: str, left: int, right: int) -> bool:
    """The comparison, spelt out."""
    sign = (left > right) - (left < right)
    return sign in {"<": [-1], "<=": [-1, 0], ">": [1], ">=": [0, 1], "==": [0], "!=": [-1, 1]}[op]


@UNTIMED
@given(
    CONDITIONS,
    st.fixed_dictionaries({name: st.integers(-3, 3) for name in COUNTERS}),
    st.sets(st.sampled_from(list(QUESTIONS))),
    st.data(),
)
def test_a_condition_holds_when_python_says_so_and_asks_in_the_same_order(
    tree: Tree, numbers: dict[str, int], yes: set[str], data: st.DataObject
) -> None:
    asked: dict[str, list[str]] = {"ours": [], "python": []}

    def ask(who: str, name: str) -> bool:
        asked[who].append(name)
        return name in yes

    def leaf(atom: Tree) -> bool:
        match atom:
            case ("compare", name, op, bound):
                return truth(op, numbers[name], bound)
            case ("ask", name):
                return ask("python", name)
            case (kind, value):
                return kind == "const" and bool(value)
        raise AssertionError(atom)

    condition = parse_condition(spell(tree, lambda options: data.draw(st.sampled_from(options))))
    assert holds(condition, numbers, lambda name: ask("ours", name)) == oracle(tree, leaf)
    assert asked["ours"] == asked["python"]


# Selectors.


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("true", TRUE),
        ("numeral", Numeral()),
        ("size <= 20", Compare("size", "<=", 20)),
        ("20 ≥ size", Compare("size", "<=", 20)),
        ("steps = 0", Compare("steps", "==", 0)),
        ("level in (0, 1)", Member("level", (0, 1))),
        ("level in (-1)", Member("level", (-1,))),
        ("type = text", Member("type", ("text",))),
        ("type == 'two words'", Member("type", ("two words",))),
        ("type ≠ sh:shape", Not(Member("type", ("sh:shape",)))),
        ("type in (text, a-b, `3`)", Member("type", ("text", "a-b", "3"))),
        ("term ~ 'λλ?f'", Matches("λλ?f")),
        ('term ~ "\\x.x"', Matches("\\x.x")),
        ("term ~ `λx.'x'`", Matches("λx.'x'")),
        ("numeral and not size > 9", And((Numeral(), Not(Compare("size", ">", 9))))),
    ],
)
def test_a_selector_means_what_it_says(text: str, selector: Selector) -> None:
    assert parse_selector(text) == selector


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("", 1, "expected a selector, found the end"),
        ("size", 1, "expected true, false, numeral, duplicate, size, steps, level, type or term"),
        ("numeral size", 9, "expected and, or, or the end"),
        ("size < ∞", 1, "expected one of size, steps, level and an integer"),
        ("weight < 3", 1, "expected one of size, steps, level and an integer"),
        ("level in (a)", 11, "expected an integer"),
        ("colour in (a)", 1, "expected type, size, steps, level before in"),
        ("level in 3", 10, "expected ("),
        ("level in (3", 12, "expected ), found the end"),
        ("level in (", 11, "expected a value, found the end"),
        ("type < a", 6, "expected =, != or in"),
        ("term ~ λ0", 8, "expected a pattern in quotes"),
        ("term = 'λ0'", 6, "expected ~"),
        ("term ~ 'λ0", 8, "the quotation is not closed"),
        ("true; false", 5, "';' has no meaning here"),
        ("file_exists", 1, "expected true, false, numeral"),
        ("(" * 65 + "true" + ")" * 65, 66, "more than 64 parentheses and negations"),
    ],
)
def test_a_selector_that_cannot_be_read_is_an_error_with_its_position(
    text: str, position: int, why: str
) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_selector(text)
    assert str(caught.value).startswith(f"cannot be read at character {position}: {why}")
    assert caught.value.position == position


SELECTORS = combined(compared(tuple(MEASURES)) | st.tuples(st.just("const"), st.booleans()))
ROWS = st.lists(st.fixed_dictionaries({name: st.integers(-3, 3) for name in MEASURES}), max_size=6)


@UNTIMED
@given(SELECTORS, ROWS, st.data())
def test_a_selector_selects_the_rows_that_python_selects(
    tree: Tree, rows: list[dict[str, int]], data: st.DataObject
) -> None:
    def column(leaf: Leaf) -> NDArray[np.bool_]:
        match leaf:
            case Const(value):
                return np.full(len(rows), value, dtype=np.bool_)
            case Compare(name, op, bound):
                return np.array([COMPARISONS[op](row[name], bound) for row in rows], dtype=np.bool_)
        raise AssertionError(leaf)

    def selected(row: dict[str, int]) -> bool:
        return oracle(
            tree,
            lambda leaf: (
                truth(leaf[2], row[leaf[1]], leaf[3]) if leaf[0] == "compare" else bool(leaf[1])
            ),
        )

    selector = parse_selector(spell(tree, lambda options: data.draw(st.sampled_from(options))))
    found = evaluate(selector, column)
    assert found.dtype == np.bool_
    assert found.tolist() == [selected(row) for row in rows]
