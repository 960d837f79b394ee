"""A batch of reactions against a loop over slots that reduces by the textbook."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reductions import NODES, Budget, all_closed, lively_terms, reduced
from strategies import closed_terms
from targets import FORMS, fenced, intact, joined, machine

from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import APP, LAM, apply
from automaton.terms.reference import reduce
from kernels import philox
from kernels.chemistry import react
from kernels.terms import church
from kernels.terms.reduce import OUTCOMES

PROPERTY = settings(deadline=None)

AMPLE = Budget(60, 200, 40)

#: Outcome, steps, size, salience, places of a, b and the operator, the normal form's words.
Slot: TypeAlias = tuple[str, int, int, int, int, int, int, list[int] | None]


@dataclass(frozen=True)
class Tick:
    """All that a batch depends on; the operators stand behind the population's terms."""

    population: list[Words]
    operators: list[Words]
    a: list[int]
    b: list[int]
    rules: dict[int, int]  # the operator that a rule puts in place of the tick's, by a's place
    budget: Budget = AMPLE
    max_input: int = 200
    copies: bool = False
    seed: int = 7
    tick: int = 3
    slots: int = 6
    flagged: bool = True  # whether the kernel is told which terms are normal forms
    operator: int = 0
    reckoned: bool = True  # whether the kernel is told of numerals and arithmetic operators

    @property
    def rows(self) -> list[Words]:
        return self.population + self.operators

    def row_of(self, operator: int) -> int:
        return len(self.population) + operator


@st.composite
def ticks(draw: st.DrawFn) -> Tick:
    """Small populations, every kind of budget, sometimes selectors that match nothing."""
    population = draw(st.lists(lively_terms(), min_size=1, max_size=5))
    operators = draw(st.lists(lively_terms() | closed_terms(8), min_size=1, max_size=3))
    places = st.integers(0, len(population) - 1)
    chosen = st.lists(places, max_size=4, unique=True).map(sorted)
    rules = st.dictionaries(places, st.integers(0, len(operators) - 1), max_size=2)
    budget = st.builds(Budget, st.integers(0, 40), st.integers(0, 60), st.integers(0, 12))
    return Tick(
        population, operators, draw(chosen), draw(chosen), draw(rules), draw(budget),
        draw(st.integers(0, 150)), draw(st.booleans()), draw(st.integers(0, (1 << 64) - 1)),
        draw(st.integers(1, 1 << 40)), draw(st.integers(1, 6)), draw(st.booleans()),
        draw(st.integers(0, len(operators) - 1)),
    )  # fmt: skip


def reacted(
    tick: Tick, form: str = "compiled", cuts: Iterable[int] = (), purpose: np.uint64 = philox.TRIAL
) -> list[Slot]:
    """The kernel's columns by slot; the batch is cut into shards before the slots `cuts`."""
    code, start, size = joined(tick.rows)
    rules = [tick.row_of(tick.rules[place]) if place in tick.rules else -1
             for place in range(len(tick.population))]  # fmt: skip
    normal = np.array([tick.flagged and is_normal(term) for term in tick.rows])
    value, form_of = arithmetic(tick)
    kinds = [np.uint8, *[np.int32] * 6, np.int64]
    columns = [fenced(tick.slots, kind) for kind in kinds]
    out = fenced(tick.slots * tick.budget.size)
    edges = sorted({0, *cuts, tick.slots})
    for low, high in itertools.pairwise(edges):
        scratch = machine(*tick.budget)
        FORMS[form](react.react)(
            np.uint64(tick.seed), np.uint64(tick.tick), purpose, low, high,
            code, start, size, normal, value, form_of,
            np.array(tick.a, np.int32), np.array(tick.b, np.int32),
            tick.row_of(tick.operator), np.array(rules if tick.rules else [], np.int32),
            tick.copies, *tick.budget, tick.max_input,
            *columns, out, low * tick.budget.size, *scratch,
        )  # fmt: skip
        assert intact(*scratch)
    assert intact(out, *columns)
    return [slot_of(columns, out, slot) for slot in range(tick.slots)]


def arithmetic(tick: Tick) -> tuple[Words, npt.NDArray[np.uint8]]:
    """The columns of numerals' values and of operators' numbers."""
    counts = {encodings.numeral(n).tobytes(): n for n in range(200)}
    values = [counts.get(term.tobytes(), -1) if tick.reckoned else -1 for term in tick.rows]
    forms = [church.kind_of(term) if tick.reckoned else 0 for term in tick.rows]
    return np.array(values, np.int32), np.array(forms, np.uint8)


def is_normal(term: Words) -> bool:
    """Whether no function of an application is an abstraction."""
    pairs = itertools.pairwise(term.tolist())
    return not any(this & 3 == APP and after == LAM for this, after in pairs)


def slot_of(columns: Sequence[Words], out: Words, slot: int) -> Slot:
    outcome, *numbers, begin = (int(column[slot]) for column in columns)
    steps, size, salience, a, b, operator = numbers
    words = None if begin < 0 else out[begin : begin + size].tolist()
    return OUTCOMES[outcome], steps, size, salience, a, b, operator, words


def by_textbook(tick: Tick, slot: int, purpose: np.uint64 = philox.TRIAL) -> Slot | None:
    """One slot, a draw and a substitution at a time; None where a term is too large for that."""
    if not (tick.a and tick.b):
        return "empty", 0, 0, 0, -1, -1, tick.row_of(tick.operator), None
    first, second, *_ = philox.words(tick.seed, tick.tick, slot, purpose).tolist()
    a = tick.a[first * len(tick.a) >> 32]
    b = tick.b[second * len(tick.b) >> 32]
    operator = tick.row_of(tick.rules.get(a, tick.operator))
    term = apply(apply(tick.rows[operator], tick.rows[a]), tick.rows[b])
    if len(term) > tick.max_input:
        return "input", 0, 0, 0, a, b, operator, None
    found = reduce(term, *tick.budget, max_nodes=NODES)
    if found.outcome == "nodes":
        return None
    if found.words is None:
        return found.outcome, found.steps, 0, 0, a, b, operator, None
    size = len(found.words)
    if not tick.copies and any(np.array_equal(found.words, tick.rows[row]) for row in (a, b)):
        return "copy", found.steps, size, 0, a, b, operator, None
    salience = len(tick.rows[a]) + len(tick.rows[b]) - size
    return "normal", found.steps, size, salience, a, b, operator, found.words.tolist()


@settings(PROPERTY, max_examples=200)
@given(ticks())
def test_a_batch_equals_a_loop_that_reduces_by_the_textbook(tick: Tick) -> None:
    found = reacted(tick)
    assert reacted(tick, "python") == found
    for slot, answer in enumerate(found):
        expected = by_textbook(tick, slot)
        assert expected is None or expected == answer


def test_what_is_known_to_be_normal_is_copied_and_no_answer_changes() -> None:
    deep = map(parse, ["λx.x x x x x", "λx.x (x (x (x x)))", "λx.λy.x (x y y) (λz.z z z) y"])
    population = [*(term for bits in range(12) for term in all_closed(bits)), *deep]
    places = list(range(len(population)))
    shapes = ["λa.λb.b a (b a)", "λa.λb.λc.c (λd.a) (c b a)", "λa.λb.a (λc.b c)"]
    limits = itertools.product(range(1, 12, 3), range(2, 30, 3), [2, 3, 5, 9])
    for shape, budget in itertools.product(shapes, itertools.starmap(Budget, limits)):
        tick = Tick(population, [parse(shape)], places, places, {}, budget, slots=40)
        assert reacted(tick) == reacted(replace(tick, flagged=False))


@st.composite
def sums(draw: st.DrawFn) -> Tick:
    """Ticks on numerals and other terms under arithmetic operators and rules, limits near."""
    numerals = st.integers(0, 9).map(encodings.numeral)
    population = draw(st.lists(numerals | lively_terms(), min_size=1, max_size=6))
    known = st.sampled_from(list(church.OPERATORS.values()))
    operators = draw(st.lists(known | lively_terms(), min_size=1, max_size=3))
    places = list(range(len(population)))
    rule = st.integers(0, len(operators) - 1)
    rules = draw(st.dictionaries(st.sampled_from(places), rule, max_size=2))
    budget = st.builds(Budget, st.integers(0, 90), st.integers(0, 60), st.integers(0, 6))
    return Tick(
        population, operators, places, places, rules, draw(budget), draw(st.integers(10, 70)),
        draw(st.booleans()), draw(st.integers(0, 1 << 20)), slots=12,
        operator=draw(rule),
    )  # fmt: skip


@settings(PROPERTY, max_examples=300)
@given(sums())
def test_closed_forms_leave_every_column_and_word_as_the_machine_has_it(tick: Tick) -> None:
    by_machine = reacted(replace(tick, reckoned=False))
    for form in FORMS:
        assert reacted(tick, form) == by_machine


@pytest.mark.parametrize("kind", church.OPERATORS)
def test_closed_forms_meet_every_limit_where_the_machine_meets_it(kind: int) -> None:
    population, places = [encodings.numeral(n) for n in range(4)], list(range(4))
    tick = Tick(population, [church.OPERATORS[kind]], places, places, {}, slots=24)
    limits = itertools.chain(
        ((steps, 80, 6, 99) for steps in range(64)),
        ((120, size, 6, 99) for size in range(64)),
        ((120, 80, depth, 99) for depth in range(7)),
        ((120, 80, 6, nodes) for nodes in range(10, 50)),
    )
    for steps, size, depth, nodes in limits:
        limited = replace(tick, budget=Budget(steps, size, depth), max_input=nodes)
        assert reacted(limited) == reacted(replace(limited, reckoned=False))


def test_sums_on_numerals_are_reckoned_without_the_machine() -> None:
    one, two = encodings.numeral(1), encodings.numeral(2)
    lying = Tick([one, two, encodings.TRUE], [encodings.ADDITION], [0], [1], {}, slots=1)
    code, start, size = joined(lying.rows)
    start[:3] = len(code)  # the machine would run into nothing
    columns = [np.zeros(1, kind) for kind in (np.uint8, *[np.int32] * 6, np.int64)]
    out = np.zeros(AMPLE.size, np.int32)
    FORMS["python"](react.react)(
        np.uint64(7), np.uint64(3), philox.TRIAL, 0, 1, code, start, size, np.ones(4, np.bool_),
        *arithmetic(lying), np.array([0], np.int32), np.array([1], np.int32), 3,
        np.array([], np.int32), False, *AMPLE, 200, *columns, out, 0, *machine(*AMPLE),
    )  # fmt: skip
    assert slot_of(columns, out, 0)[:3] == ("normal", 6, 9)
    assert out[:9].tolist() == encodings.numeral(3).tolist()


@PROPERTY
@given(ticks(), st.lists(st.integers(0, 6), max_size=3))
def test_a_batch_may_be_cut_into_shards_anywhere(tick: Tick, cuts: list[int]) -> None:
    whole = reacted(tick)
    assert reacted(tick, cuts=[cut for cut in cuts if cut < tick.slots]) == whole
    assert reacted(tick, cuts=range(tick.slots)) == whole
    assert reacted(replace(tick, slots=tick.slots + 3))[: tick.slots] == whole


def test_each_outcome_is_reached_by_the_reaction_that_should_reach_it() -> None:
    twice = encodings.numeral(2)
    tick = Tick([twice], [encodings.ADDITION], [0], [0], {}, slots=1)
    four = encodings.numeral(4).tolist()

    def outcome(**changes: object) -> Slot:
        changed = replace(tick, **changes)  # type: ignore[arg-type]
        [found] = reacted(changed)
        assert found == by_textbook(changed, 0)
        return found

    assert outcome() == ("normal", 6, 11, 3, 0, 0, 1, four)
    nodes = 2 + len(encodings.ADDITION) + 2 * len(twice)
    assert outcome(max_input=nodes)[0] == "normal"
    assert outcome(max_input=nodes - 1)[0] == "input"
    assert outcome(budget=Budget(6, 11, 5))[0] == "normal"
    assert outcome(budget=Budget(5, 11, 5))[0] == "steps"
    assert outcome(budget=Budget(6, 10, 5))[0] == "size"
    assert outcome(budget=Budget(6, 11, 1))[0] == "depth"
    assert outcome(a=[])[0] == "empty"
    assert outcome(b=[])[0] == "empty"
    assert outcome(operators=[encodings.TRUE])[:4] == ("copy", 2, 7, 0)
    other = {"population": [twice, encodings.TRUE], "b": [1]}
    assert outcome(operators=[encodings.TRUE], **other)[:4] == ("copy", 2, 7, 0)
    assert outcome(operators=[encodings.FALSE], **other)[:4] == ("copy", 2, 3, 0)
    assert outcome(operators=[encodings.FALSE], copies=True, **other)[:4] == ("normal", 2, 3, 7)


@pytest.mark.parametrize("form", FORMS)
def test_normal_forms_of_the_largest_size_just_fit(form: str) -> None:
    tick = Tick(
        [encodings.numeral(3)], [encodings.TRUE], [0], [0], {}, Budget(2, 9, 2), copies=True
    )
    assert {slot[:3] for slot in reacted(tick, form)} == {("normal", 2, 9)}


def test_a_rule_puts_its_operator_in_place_of_the_ticks_where_a_is_drawn() -> None:
    population = [encodings.numeral(n) for n in range(3)]
    tick = Tick(
        population,
        [encodings.TRUE, encodings.FALSE],
        [0, 1, 2],
        [0, 1, 2],
        {1: 1},
        copies=True,
        slots=60,
    )
    found = reacted(tick)
    assert {(a, operator) for _, _, _, _, a, _, operator, _ in found} == {(0, 3), (1, 4), (2, 3)}
    for outcome, _, _, _, a, b, _, words in found:
        assert outcome == "normal"
        assert words == population[b if a == 1 else a].tolist()


def test_the_draws_depend_on_seed_tick_slot_and_purpose() -> None:
    population = [encodings.numeral(n) for n in range(50)]
    tick = Tick(population, [encodings.TRUE], list(range(50)), list(range(50)), {}, slots=40)

    def places(tick: Tick, purpose: np.uint64 = philox.REACTANTS) -> list[tuple[int, int]]:
        return [(slot[4], slot[5]) for slot in reacted(tick, purpose=purpose)]

    drawn = places(tick)
    assert len(set(drawn)) > 30
    assert places(replace(tick, seed=8)) != drawn
    assert places(replace(tick, tick=4)) != drawn
    assert places(tick, philox.TRIAL) != drawn
    assert places(replace(tick, operators=[encodings.FALSE])) == drawn


@PROPERTY
@given(closed_terms(), closed_terms(), closed_terms())
def test_three_spans_become_the_term_that_applies_them(op: Words, a: Words, b: Words) -> None:
    code, start, size = joined([a, op, b])
    for form in FORMS.values():
        out = fenced(len(code) + 2)
        written = form(react.apply_words)(
            code, start[1], size[1], start[0], size[0], start[2], size[2], out
        )
        assert written == len(out)
        assert intact(out)
        np.testing.assert_array_equal(out, apply(apply(op, a), b))


@pytest.mark.parametrize("form", FORMS)
def test_a_reaction_is_the_reduction_of_the_term_that_applies_the_three(form: str) -> None:
    op, a, b = encodings.ADDITION, encodings.numeral(2), encodings.numeral(3)
    [found] = reacted(Tick([a, b], [op], [0], [1], {}, slots=1), form)
    [answer] = reduced([apply(apply(op, a), b)], AMPLE)
    assert (found[0], found[1], found[-1]) == answer
