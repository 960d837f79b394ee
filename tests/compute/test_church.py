"""Church numerals: packed, counted, reduced and by closed form, all saying the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import closed_terms
from targets import FORMS, fenced, intact, joined, machine

from automaton.compute import church as batches
from automaton.compute.budgets import Budgets
from automaton.compute.church import PackedTerms
from automaton.terms import encodings, packed, reference
from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import apply, free_variables, linked
from kernels import checks
from kernels.checks import KernelArgumentError
from kernels.terms import church, reduce

PROPERTY = settings(deadline=None)
TOP = 2**63 - 1
SMALL = st.integers(0, 6)
COUNTS = st.integers(-(2**63), TOP) | st.integers(-3, 3) | st.integers(2**31 - 3, 2**33 + 3)

#: Outcome, beta steps, size, the normal form's words.
Answer: TypeAlias = tuple[int, int, int, list[int] | None]


def numerals(*ns: int) -> PackedTerms:
    return batches.encode(list(ns))


def batch(*words: Words) -> PackedTerms:
    code, starts, sizes = joined(words)
    return PackedTerms(code, starts, sizes.astype(np.int64))


# -- encoding and counting -------------------------------------------------


def test_the_operators_are_those_of_the_terms_room() -> None:
    named = {
        church.IDENTITY: encodings.IDENTITY,
        church.APPLICATION: encodings.APPLICATION,
        church.POWER: parse("λm.λn.n m"),
        church.PAIR: encodings.PAIR,
        church.SUCCESSOR: encodings.SUCCESSOR,
        church.ADDITION: encodings.ADDITION,
        church.MULTIPLICATION: parse("λm.λn.λf.m (n f)"),
        church.EXPONENTIATION: parse("λm.λn.λf.λx.n m f x"),
    }
    assert {kind: words.tolist() for kind, words in church.OPERATORS.items()} == {
        kind: words.tolist() for kind, words in named.items()
    }
    assert [batches.kind_of(words) for words in named.values()] == list(named)
    assert batches.kind_of(encodings.numeral(3)) == 0


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(st.integers(0, 40), max_size=6))
@PROPERTY
def test_encoded_numerals_are_the_terms_and_decode_to_their_counts(
    form: str, ns: list[int]
) -> None:
    expected, starts, sizes = joined([encodings.numeral(n) for n in ns])
    code, values = fenced(len(expected)), fenced(len(ns), np.int64)
    FORMS[form](church.encode_numerals)(np.array(ns, np.int64), starts, 0, len(ns), code)
    FORMS[form](church.decode_numerals)(code, starts, sizes, 0, len(ns), values)
    assert intact(code, values)
    assert code.tolist() == expected.tolist()
    assert values.tolist() == ns
    found = batches.encode(ns)
    assert [found.words(i).tolist() for i in range(len(ns))] == [
        encodings.numeral(n).tolist() for n in ns
    ]


@given(st.lists(closed_terms(12) | SMALL.map(encodings.numeral), max_size=6))
@PROPERTY
def test_what_is_not_a_numeral_decodes_to_minus_one(some: list[Words]) -> None:
    expected = [-1 if (n := encodings.numeral_value(words)) is None else n for words in some]
    assert batches.decode(*batch(*some)).tolist() == expected


@given(st.integers(0, 9), st.data())
@PROPERTY
def test_a_numeral_with_one_word_changed_is_none(n: int, data: st.DataObject) -> None:
    code, starts, sizes = numerals(n)
    code[data.draw(st.integers(0, len(code) - 1))] ^= data.draw(st.integers(1, 2**31 - 1))
    assert batches.decode(code, starts, sizes).tolist() == [-1]


def counted(m: int, n: int, value: int) -> tuple[int, str]:
    if m < 0 or n < 0:
        return -1, "negative"
    return (value, "ok") if value <= TOP else (-1, "overflow")


def answers(found: tuple[npt.NDArray[Any], npt.NDArray[Any]]) -> list[tuple[int, str]]:
    values, status = found
    return [(v, batches.STATUS[s]) for v, s in zip(values.tolist(), status.tolist(), strict=True)]


@pytest.mark.parametrize("form", FORMS)
@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=9))
@PROPERTY
def test_counts_are_those_of_unbounded_integers_or_say_why_not(
    form: str, pairs: list[tuple[int, int]]
) -> None:
    ms, ns = np.array(pairs, np.int64).reshape(-1, 2).T.copy()
    for body, exact in (
        (church.add_counts, [counted(m, n, m + n) for m, n in pairs]),
        (church.mult_counts, [counted(m, n, m * n) for m, n in pairs]),
    ):
        values, status = fenced(len(pairs), np.int64), fenced(len(pairs), np.uint8)
        FORMS[form](body)(ms, ns, 0, len(pairs), values, status)
        assert intact(values, status)
        assert answers((values, status)) == exact


@pytest.mark.parametrize("m", [0, 1, 2, 3037000499, 3037000500, 2**32 - 1, 2**32, 2**62, TOP])
def test_products_are_exact_up_to_the_largest_and_overflow_from_there(m: int) -> None:
    ns = sorted({0, 1, 2, TOP, *(max(TOP // max(m, 1) + d, 0) for d in (-1, 0, 1))} - {TOP + 1})
    found = answers(batches.mult_counts(np.full(len(ns), m), np.array(ns)))
    assert found == [counted(m, n, m * n) for n in ns]


def test_two_times_zero_is_zero() -> None:
    assert answers(batches.mult_counts(np.array([2, 0]), np.array([0, 2]))) == [(0, "ok")] * 2


# -- by reduction ----------------------------------------------------------

GRID = list(itertools.product(range(5), range(4)))
MS, NS = (numerals(*column) for column in zip(*GRID, strict=True))
M, N = (np.array(column) for column in zip(*GRID, strict=True))


def test_arithmetic_by_reduction_equals_arithmetic_on_counts() -> None:
    assert batches.add(MS, NS).values().tolist() == batches.add_counts(M, N)[0].tolist()
    assert batches.mult(MS, NS).values().tolist() == batches.mult_counts(M, N)[0].tolist()
    assert batches.succ(MS).values().tolist() == batches.add_counts(M, M * 0 + 1)[0].tolist()
    assert batches.exp(MS, NS).values().tolist() == [m**n for m, n in GRID]


@given(st.integers(0, 200), st.integers(0, 200))
@PROPERTY
def test_larger_numerals_add_and_multiply_as_counts_do(m: int, n: int) -> None:
    assert batches.add(numerals(m), numerals(n)).values().tolist() == [m + n]
    few = batches.mult_counts(np.array([m]), np.array([n % 20]))[0].tolist()
    assert batches.mult(numerals(m), numerals(n % 20)).values().tolist() == few
    assert batches.succ(numerals(m)).values().tolist() == [m + 1]


@given(
    st.lists(st.tuples(closed_terms(14), closed_terms(14)), min_size=1, max_size=4),
    st.sampled_from(list(church.OPERATORS.values())),
    st.builds(Budgets, st.integers(1, 30), st.integers(1, 60), st.integers(1, 8)),
    st.integers(1, 2),
)
@PROPERTY
def test_operating_is_reducing_the_application_under_every_budget(
    pairs: list[tuple[Words, Words]], operator: Words, budget: Budgets, arity: int
) -> None:
    found = batches.operate(
        operator, tuple(batch(*c) for c in list(zip(*pairs, strict=True))[:arity]), budget
    )
    for i, pair in enumerate(pairs):
        term = apply(operator, pair[0])
        # the reference pushes the arguments itself, where operating begins with them
        term = apply(term, pair[1]) if arity == 2 else term
        expected = reference.reduce(term, *budget[:3])
        outcome = reduce.OUTCOMES[found.outcomes[i]]
        assert (outcome, int(found.steps[i])) == (expected.outcome, expected.steps)
        words = [] if expected.words is None else expected.words.tolist()
        assert found.terms.words(i).tolist() == words


def test_results_that_fill_the_room_several_times_are_all_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = batches.exp(MS, NS)
    monkeypatch.setattr(batches, "_ROOM", 200)
    pieces = batches.exp(MS, NS, Budgets(max_size=140))
    assert pieces.values().tolist() == whole.values().tolist()
    assert pieces.terms.starts.tolist() == whole.terms.starts.tolist()


@given(st.lists(st.integers(0, len(GRID)), max_size=4))
@PROPERTY
def test_the_cut_of_a_batch_changes_nothing(cuts: list[int]) -> None:
    def cut(task: Callable[[int, int], None], count: int) -> None:
        edges = sorted({0, count, *cuts})
        for low, high in reversed(list(itertools.pairwise(edges))):
            task(low, high)

    whole, pieces = batches.add(MS, NS), batches.add(MS, NS, run=cut)
    assert pieces.terms.code.tolist() == whole.terms.code.tolist()
    assert pieces.steps.tolist() == whole.steps.tolist()


# -- by closed form --------------------------------------------------------


class Duel:
    """The machine and the closed forms on the same reaction of two numerals."""

    def __init__(self, form: str, most: int, budget: Budgets) -> None:
        self.budget = budget
        self.reaction = FORMS[form](reduce.reaction)
        self.closed = FORMS[form](church.church_reaction)
        every = [encodings.numeral(n) for n in range(most + 1)]
        self.code, starts, self.sizes = joined([*every, *church.OPERATORS.values()])
        self.starts = starts.tolist()
        self.operators = dict(zip(church.OPERATORS, range(most + 1, len(starts)), strict=True))
        self.scratch = machine(*budget)
        self.out = fenced(budget.max_size)

    def by_machine(self, kind: int, m: int, n: int, limits: tuple[int, ...]) -> Answer:
        def span(i: int) -> tuple[int, int]:
            return self.starts[i], int(self.sizes[i])

        found = self.reaction(
            self.code, *span(self.operators[kind]), *span(m), True, *span(n), True, *limits,
            self.out, 0, *self.scratch,
        )  # fmt: skip
        return self._answer(found)

    def by_form(self, kind: int, m: int, n: int, limits: tuple[int, ...]) -> Answer:
        size = int(self.sizes[self.operators[kind]])
        return self._answer(self.closed(kind, size, m, n, *limits, self.out, 0))

    def _answer(self, found: tuple[int, int, int]) -> Answer:
        outcome, steps, size = map(int, found)
        words = self.out[:size].tolist() if outcome in {reduce.NORMAL, reduce.COPY} else None
        return outcome, steps, size, words


def undecided(limits: tuple[int, ...]) -> bool:
    """Whether a budget is below those from which the closed forms hold."""
    least = (church.LEAST_STEPS, church.LEAST_SIZE, church.LEAST_DEPTH)
    return any(limit < low for limit, low in zip(limits[1:4], least, strict=True))


def agree(duel: Duel, kind: int, m: int, n: int, limits: tuple[int, ...]) -> None:
    found = duel.by_form(kind, m, n, limits)
    if found[0] == church.UNDECIDED:
        assert undecided(limits)
    else:
        assert found == duel.by_machine(kind, m, n, limits), (kind, m, n, limits)


LARGE = Budgets(2500, 700, 8)


@pytest.mark.parametrize("kind", church.OPERATORS)
def test_closed_forms_equal_the_machine_on_every_small_pair_and_limit(kind: int) -> None:
    duel = Duel("compiled", 7, LARGE)
    for m, n in itertools.product(range(8), range(8)):
        for steps, size in itertools.product((8, 9, 11, 16, 33, 500, 2500), (3, 4, 9, 20, 700)):
            agree(duel, kind, m, n, (1, steps, size, 3, 99))
        for size in range(3, 40):
            agree(duel, kind, m, n, (0, 2500, size, 8, 99))
        for steps in range(8, 60):
            agree(duel, kind, m, n, (0, steps, 700, 8, 99))


@pytest.mark.parametrize("form", FORMS)
@given(
    st.sampled_from(list(church.OPERATORS)),
    st.integers(0, 12),
    st.integers(0, 12),
    st.tuples(
        st.integers(0, 1), st.integers(0, 400), st.integers(0, 300), st.integers(0, 5),
        st.integers(12, 70),
    ),
)  # fmt: skip
@PROPERTY
def test_closed_forms_equal_the_machine_under_any_budget(
    form: str, kind: int, m: int, n: int, limits: tuple[int, ...]
) -> None:
    duel = Duel(form, 12, Budgets(400, 300, 5))
    agree(duel, kind, m, n, limits)
    assert intact(duel.out, *duel.scratch)


def test_powers_beyond_every_integer_meet_the_limits_as_the_machine_does() -> None:
    duel = Duel("compiled", 120, Budgets(2000, 100, 8))
    for m, n in itertools.product((2, 3, 64, 119, 120), repeat=2):
        for kind in church.OPERATORS:
            agree(duel, kind, m, n, (0, 2000, 100, 8, 1000))
            agree(duel, kind, m, n, (0, 150, 100, 8, 1000))


def test_other_operators_are_the_machines() -> None:
    form: Any = church.closed_form
    assert form(0, 2, 3, 500, 256, 256)[0] == church.UNDECIDED


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_of_closed_forms_is_one_reaction_after_another(form: str) -> None:
    limits, op_size = (0, 100, 40, 8, 60), 13
    pairs = list(itertools.product(range(9), range(9)))
    ms, ns = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    out = fenced(len(pairs) * 40)
    kinds = (np.uint8, np.int32, np.int32, np.int64)
    columns = [fenced(len(pairs), dtype) for dtype in kinds]
    FORMS[form](church.church_reactions)(
        church.ADDITION, op_size, ms, ns, 0, len(pairs), *limits, out, 0, *columns
    )
    assert intact(out, *columns)
    one, reaction = fenced(40), FORMS["python"](church.church_reaction)
    for i, (m, n) in enumerate(pairs):
        alone = reaction(church.ADDITION, op_size, m, n, *limits, one, 0)
        assert tuple(int(column[i]) for column in columns[:3]) == alone
        place = int(columns[3][i])
        assert (place >= 0) == (alone[0] == reduce.NORMAL)
        if place >= 0:
            assert out[place : place + alone[2]].tolist() == encodings.numeral(m + n).tolist()


# -- what comes in ---------------------------------------------------------


def is_closed_term(words: Words) -> bool:
    """By the definition: one term in preorder, its offsets, and no free variable."""
    missing = 1
    for at, word in enumerate(words.tolist()):
        if word < 0 or word & 3 == packed.META or missing == 0 or (word & 3 == 1 and word != 1):
            return False
        missing += (word & 3 == packed.APP) - (word & 3 == packed.VAR)
        if missing == 0 and at + 1 < len(words):
            return False
    return (
        missing == 0
        and bool((linked(words.tolist()) == words).all())
        and (free_variables(words) == 0)
    )


WORDS = st.one_of(
    st.lists(st.integers(0, 14) | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=9).map(
        lambda words: np.array(words, np.int32)
    ),
    closed_terms(12),
)


@pytest.mark.parametrize("form", FORMS)
@given(WORDS, st.data())
@PROPERTY
def test_the_check_finds_what_is_no_closed_term(
    form: str, words: Words, data: st.DataObject
) -> None:
    if data.draw(st.booleans()):
        words = words.copy()
        words[data.draw(st.integers(0, len(words) - 1))] ^= data.draw(st.integers(1, 15))
    scratch = [fenced(len(words)) for _ in range(2)]
    begin, size = np.zeros(1, np.int64), np.array([len(words)])
    bad = FORMS[form](checks.first_not_closed)(words, begin, size, *scratch)
    assert intact(*scratch)
    assert (bad == 1) == is_closed_term(words)


ONE, TWO = numerals(1), numerals(2)
OPEN = batch(np.array([0], np.int32))
LONGER = ONE._replace(sizes=ONE.sizes + 1)
BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: batches.encode([-1]), "ns"),
    (lambda: batches.encode([2**28]), "ns"),
    (lambda: batches.encode([2**27] * 4), "ns"),
    (lambda: batches.encode(np.array([1.0, np.nan])), "ns"),
    (lambda: batches.encode(np.array([[1]])), "ns"),
    (lambda: batches.encode(np.array([2**63], np.uint64)), "ns"),
    (lambda: batches.decode(ONE.code.astype(np.int64), ONE.starts, ONE.sizes), "code"),
    (lambda: batches.decode(ONE.code[::2], ONE.starts, ONE.sizes), "code"),
    (lambda: batches.decode(ONE.code, ONE.starts - 1, ONE.sizes), "starts"),
    (lambda: batches.decode(ONE.code, ONE.starts, ONE.sizes + 1), "starts"),
    (lambda: batches.decode(ONE.code, ONE.starts + TOP, ONE.sizes), "starts"),
    (lambda: batches.decode(ONE.code, ONE.starts, ONE.sizes - 9), "sizes"),
    (lambda: batches.decode(ONE.code, ONE.starts, ONE.sizes[:0]), "sizes"),
    (lambda: batches.decode(ONE.code.tolist(), ONE.starts, ONE.sizes), "code"),
    (lambda: batches.add_counts(np.array([1]), np.array([1, 2])), "n"),
    (lambda: batches.mult_counts(np.array([0.5]), np.array([1])), "m"),
    (lambda: batches.mult_counts(np.array([True]), np.array([1])), "m"),
    (lambda: batches.add(OPEN, ONE), "m.code"),
    (lambda: batches.add(ONE, OPEN), "n.code"),
    (lambda: batches.succ(LONGER), "m.starts"),
    (lambda: batches.add(numerals(1, 2), ONE), "n.starts"),
    (lambda: batches.succ(ONE, Budgets(max_steps=0)), "max_steps"),
    (lambda: batches.succ(ONE, Budgets(max_size=2**40)), "max_size"),
    (lambda: batches.succ(ONE, Budgets(max_depth=True)), "max_depth"),
    (lambda: batches.operate(OPEN.code, (ONE,), Budgets()), "operator.code"),
]


@pytest.mark.parametrize("case", range(len(BAD)))
def test_a_bad_argument_is_named_before_anything_runs(case: int) -> None:
    call, argument = BAD[case]
    with pytest.raises(KernelArgumentError) as caught:
        call()
    assert caught.value.argument == argument
    assert str(caught.value).startswith(f"{argument}: ")
    assert "\n" not in str(caught.value)


def test_empty_batches_have_empty_answers() -> None:
    none = numerals()
    assert batches.decode(*none).tolist() == []
    assert batches.add(none, none).values().tolist() == []
    assert answers(batches.add_counts(np.array([], np.int64), np.array([], np.int64))) == []
