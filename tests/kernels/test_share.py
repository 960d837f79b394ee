"""The sharing machine against the plain one, and against itself under a collector."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from reductions import PROPERTY, TIGHT, Answer, Budget, all_closed, lively_terms, reduced, suites
from strategies import open_terms
from targets import FORMS, fenced, intact

from automaton.compute.budgets import UNLIMITED, Budgets
from automaton.compute.machines import Arena, MachineResult, Machines, most_cells
from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term, parse
from automaton.terms.packed import APP, LAM, VAR, apply, linked
from kernels.terms import collect, recur, reduce, share

FORGETFUL = [True, False]
MOST = (1 << 63) - 1
WIDE = Budgets(MOST, 65_536, 4_096)
TOWERS = Budgets(MOST, 65_536, 65_536, 1 << 26)


def answer_of(found: MachineResult) -> Answer:
    """What the plain machine would have said."""
    words = found.words.tolist() if found.outcome == "normal" else None
    assert found.steps is not None
    return Answer(found.outcome, found.steps, words)


def shared(batch: Iterable[Words], budget: Budget, free: Sequence[int] = ()) -> list[Answer]:
    """The sharing machine's answers, compiled, in an arena that is used again."""
    arena = Arena(max(budget.size, 1))
    frees = iter(free) if free else itertools.repeat(0)
    limits = Budgets(*budget)
    return [
        answer_of(arena.reduce(term, 0, count, limits))
        for term, count in zip(batch, frees, strict=False)
    ]


def collected(
    term: Words, budget: Budget, free: int = 0, *, forget: bool, form: str = "compiled"
) -> Answer | None:
    """The answer in a memory that is collected before every turn; None where it begins again."""
    room = 4 * (budget.steps + budget.size + budget.depth) + 8 * len(term) + 64
    cells = [*(fenced(room) for _ in range(4)), fenced(room, np.int64)]
    stack = [*(fenced(room) for _ in range(4)), fenced(room, np.int64)]
    out, heads, forward, todo = fenced(budget.size), fenced(budget.size), fenced(room), fenced(room)
    state = np.zeros(share.STATE, np.int64)
    names = fenced(len(term), np.int64)
    FORMS[form](collect.free_names)(term, names)
    FORMS[form](share.begin)(state, 0, free, *cells)
    while True:
        limit = int(state[share.CELLS] + 2 * state[share.TOP]) + share.SPARE_CELLS
        entries = max(int(state[share.NEED]), int(state[share.TOP]) + share.SPARE_ENTRIES)
        outcome = FORMS[form](share.share)(
            term, *budget, 1 << 40, limit, entries, state, out, heads, *cells, *stack
        )
        assert intact(*cells, *stack, out, heads, forward, todo)
        if outcome == share.AGAIN:
            return None
        if outcome != share.MORE:
            words = out[: state[share.NODES]].tolist() if outcome == reduce.NORMAL else None
            return Answer(reduce.OUTCOMES[outcome], int(state[share.MADE]), words)
        FORMS[form](collect.collect)(names, forget, state, forward, todo, *cells, *stack[:3])


def tight_budgets() -> Iterator[Budget]:
    """Budgets of every kind that terms of 24 bits meet."""
    yield from itertools.starmap(Budget, itertools.product((0, 1, 2, 3, 5, 8), (500,), (500,)))
    yield from itertools.starmap(Budget, itertools.product((60,), (0, 1, 3, 6, 9, 14), (60,)))
    yield from itertools.starmap(Budget, itertools.product((60,), (60,), (0, 1, 2, 3, 4)))
    yield from itertools.starmap(Budget, itertools.product((3, 7), (4, 8), (2, 3)))


# -- every term with at most so many bits ---------------------------------


def test_all_closed_terms_to_24_bits_have_the_plain_machine_s_answers() -> None:
    for bits in range(4, 25):
        batch = all_closed(bits)
        budget = Budget(500, 256, 256)
        assert shared(batch, budget) == reduced(batch, budget), bits


@pytest.mark.parametrize("budget", list(tight_budgets()), ids=str)
def test_all_closed_terms_of_24_bits_meet_tight_budgets_alike(budget: Budget) -> None:
    batch = all_closed(24)
    assert shared(batch, budget) == reduced(batch, budget)


def test_all_small_terms_meet_every_small_limit_alike() -> None:
    small = [term for bits in range(17) for term in all_closed(bits)]
    for budget in itertools.starmap(Budget, itertools.product(range(5), range(8), range(5))):
        assert shared(small, budget) == reduced(small, budget), budget


@pytest.mark.parametrize("forget", FORGETFUL)
def test_all_terms_of_20_bits_are_the_same_under_a_collector_at_every_turn(*, forget: bool) -> None:
    batch = all_closed(20)
    for budget in [Budget(60, 60, 40), Budget(4, 60, 40), Budget(60, 6, 40), Budget(60, 60, 3)]:
        answers = [collected(term, budget, forget=forget) for term in batch]
        for answer, plain in zip(answers, reduced(batch, budget), strict=True):
            assert answer == plain or (answer is None and forget)


def test_the_body_as_plain_python_gives_the_same_answers() -> None:
    batch = all_closed(14)
    budget = Budget(30, 40, 20)
    answers = [collected(term, budget, forget=False, form="python") for term in batch]
    assert answers == reduced(batch, budget)


# -- terms that share ------------------------------------------------------


@PROPERTY
@given(lively_terms(), TIGHT)
def test_lively_terms_meet_tight_budgets_alike(term: Words, budget: Budget) -> None:
    [plain] = reduced([term], budget)
    assert shared([term], budget) == [plain]
    assert collected(term, budget, forget=False) == plain
    assert collected(term, budget, forget=True) in (plain, None)


@PROPERTY
@given(lively_terms())
def test_lively_terms_have_the_plain_machine_s_answers(term: Words) -> None:
    budget = Budget(3000, 2000, 200)
    assert shared([term], budget) == reduced([term], budget)


@PROPERTY
@given(open_terms(3), TIGHT)
def test_free_variables_stay_what_they_are(term: Words, budget: Budget) -> None:
    for free in (3, 5):
        [plain] = reduced([term], budget, [free])
        assert shared([term], budget, [free]) == [plain]
        assert collected(term, budget, free, forget=False, form="python") == plain


SHARING = [
    "(λx.λf.f) ((λx.x) (λx.x))",  # an argument used never,
    "(λx.λf.f x) ((λx.x) (λx.x))",  # once,
    "(λx.λf.f x x x) ((λx.x) (λx.x))",  # read out several times,
    "(λx.x x x) ((λx.x) (λx.x))",  # called several times
    "λy.(λx.λf.f x (x f) (λz.x z)) ((λx.x) y)",  # the application of a variable
    "λy.(λx.x (x y) (λz.x)) ((λx.λz.x z y) y)",
    "λy.(λx.(λw.w w x) (x (λz.z))) ((λx.y x) (λz.z y))",
    "λa.(λx.λb.x (λc.x) x) (λd.a ((λx.x) d))",  # read out under lambdas
    "(λs.s (s (s (s (λx.x))))) (λx.λf.f x x)",
    "(λe.e e (λx.λy.x y)) (λf.λx.f (f x))",
]


@pytest.mark.parametrize("text", SHARING)
def test_an_argument_used_never_once_and_often_meets_every_limit_alike(text: str) -> None:
    term = parse(text)
    steps, sizes, depths = (*range(18), 300), (*range(0, 24, 2), 300), (*range(6), 300)
    for budget in itertools.starmap(Budget, itertools.product(steps, sizes, depths)):
        [plain] = reduced([term], budget)
        assert shared([term], budget) == [plain]
    for budget in [Budget(7, 300, 300), Budget(300, 9, 300), Budget(300, 300, 3)]:
        [plain] = reduced([term], budget)
        assert collected(term, budget, forget=False) == plain
        assert collected(term, budget, forget=True) in (plain, None)


def doubled(times: int) -> Words:
    """The identity, copied: 2**(times + 1) - 1 steps to λx.x when nothing is shared."""
    term = "(λx.x)"
    for _ in range(times):
        term = f"((λx.x x) {term})"
    return parse(term)


def steps_of_doubled(times: int) -> int:
    """By the plain machine's rule: a doubling takes a step, and its argument twice what it took."""
    steps = 0
    for _ in range(times):
        steps = 2 * steps + 2
    return steps


def test_doublings_take_as_many_steps_as_the_plain_machine_makes() -> None:
    for times in range(12):
        [plain] = reduced([doubled(times)], Budget(1 << 14, 9, 99))
        assert plain == ("normal", steps_of_doubled(times), [1, 0])
        assert shared([doubled(times)], Budget(1 << 14, 9, 99)) == [plain]


def test_steps_are_exact_up_to_the_largest_count_and_told_beyond() -> None:
    arena = Arena(64)
    for times in (60, 61, 62):
        steps = steps_of_doubled(times)
        found = arena.reduce(doubled(times), 0, 0, Budgets(steps, 64, 99))
        assert (found.outcome, found.steps) == ("normal", steps)
        found = arena.reduce(doubled(times), 0, 0, Budgets(steps - 1, 64, 99))
        assert (found.outcome, found.steps) == ("steps", steps - 1)
    assert steps_of_doubled(62) == MOST - 1
    identity = parse("λx.x")
    at_the_end = apply(identity, doubled(62))  # one step more
    for limit in (MOST, UNLIMITED):
        found = arena.reduce(at_the_end, 0, 0, Budgets(limit, 64, 99))
        assert (found.outcome, found.steps) == ("normal", MOST)
    beyond = apply(identity, at_the_end)
    found = arena.reduce(beyond, 0, 0, Budgets(MOST, 64, 99))
    assert (found.outcome, found.steps) == ("steps", MOST)
    found = arena.reduce(beyond, 0, 0, Budgets(UNLIMITED, 64, 99))
    assert (found.outcome, found.steps) == ("normal", None)
    found = arena.reduce(doubled(200), 0, 0, Budgets(UNLIMITED, 64, 999))
    assert (found.outcome, found.steps) == ("normal", None)
    assert found.made < 1000


def test_powers_of_numerals_are_found_in_few_steps() -> None:
    two, ten = encodings.numeral(2), encodings.numeral(10)
    parity = parse("λn.n (λb.b (λx.λy.y) (λx.λy.x)) (λx.λy.x)")
    arena = Arena(64)
    found = arena.reduce(apply(parity, apply(ten, two)), 0, 0, WIDE)
    assert found.words.tolist() == encodings.TRUE.tolist()
    [plain] = reduced([apply(parity, apply(ten, two))], Budget(1 << 20, 64, 4_096))
    assert (found.outcome, found.steps) == plain[:2]


# -- terms run through a universal machine ---------------------------------

#: Mogensen's self-evaluator: E applied to the encoding of M has the normal form of M.
EVALUATOR = parse(
    "(λf.(λx.f (x x)) (λx.f (x x))) (λe.λm.m (λx.x) (λm.λn.e m (e n)) (λm.λv.e (m v)))"
)


def encoded(words: Words) -> Words:
    """λa.λb.λc. followed by a x, b M N or c (λx.M), in which M and N are encoded."""
    out: list[int] = []
    todo: list[tuple[int, int, tuple[int, ...]]] = [(0, 0, ())]  # position, depth, binders' depths
    while todo:
        at, depth, binders = todo.pop()
        word = int(words[at])
        out += [LAM] * 3
        depth += 3
        if word & 3 == VAR:
            index = depth - 1 - binders[-1 - (word >> 2)]
            out += [APP, 2 << 2 | VAR, index << 2 | VAR]
        elif word & 3 == APP:
            out += [APP, APP, 1 << 2 | VAR]
            todo += [(at + (word >> 2), depth, binders), (at + 1, depth, binders)]
        else:
            out += [APP, VAR, LAM]
            todo.append((at + 1, depth + 1, (*binders, depth)))
    return linked(out)


@pytest.mark.parametrize(
    "budget", [Budget(5000, 300, 300), Budget(40, 300, 300), Budget(5000, 5, 300)], ids=str
)
def test_all_small_terms_through_a_universal_machine_have_the_plain_machine_s_answers(
    budget: Budget,
) -> None:
    small = [term for bits in range(4, 18) for term in all_closed(bits)]
    towers = [apply(EVALUATOR, encoded(term)) for term in small]
    answers = shared(towers, budget)
    assert answers == reduced(towers, budget)
    if budget == Budget(5000, 300, 300):
        within = [answer.words for answer in reduced(small, budget)]
        assert [answer.words for answer in answers] == within


# -- states that recur -----------------------------------------------------


def steps_to_recur(term: Words, steps: int, depth: int, form: str = "compiled") -> int:
    """After how many steps a state has recurred."""
    cells = [fenced(2 * steps + 64) for _ in range(3)]
    stack, kept = [fenced(depth) for _ in range(3)], [fenced(recur.KEPT) for _ in range(2)]
    made = FORMS[form](recur.recurs)(term, 0, 0, steps, depth, *cells, *stack, *kept)
    assert intact(*cells, *stack, *kept)
    return int(made)


def test_a_state_recurs_only_in_terms_that_take_every_number_of_steps() -> None:
    recurring = 0
    for bits in range(4, 25):
        batch = all_closed(bits)
        within = reduced(batch, Budget(200, 4_096, 60))
        beyond = reduced(batch, Budget(3_000, 4_096, 60))
        for term, short, long in zip(batch, within, beyond, strict=True):
            made = steps_to_recur(term, 200, 60)
            if made:
                assert made <= 200
                assert (short, long) == (("steps", 200, None), ("steps", 3_000, None))
            recurring += made > 0
    assert recurring == 23  # of the 29 that meet no other limit


@PROPERTY
@given(lively_terms())
def test_a_lively_term_in_which_a_state_recurs_never_ends(term: Words) -> None:
    made = steps_to_recur(term, 300, 60)
    if made and reduced([term], Budget(300, 600, 60))[0].outcome == "steps":
        assert reduced([term], Budget(5_000, 600, 60)) == [("steps", 5_000, None)]
    assert made == steps_to_recur(term, 300, 60, "python")


@pytest.mark.parametrize(
    "text",
    [
        "(λx.x x) (λx.x x)",
        "λy.y ((λx.x x) (λx.x x)) y",
        "λy.(λx.x x) (λx.y) ((λz.(λx.x x) (λx.x x)) y)",
    ],
)
def test_a_loop_is_seen_and_has_the_answer_of_running_on(text: str) -> None:
    term = parse(text)
    found = Machines(Budgets(1 << 20, 99, 99)).reduce(term, 0, 0)
    assert (found.outcome, found.steps, found.cells) == ("steps", 1 << 20, None)
    assert found.made < 100
    assert reduced([term], Budget(1 << 20, 99, 99)) == [("steps", 1 << 20, None)]


def test_a_loop_whose_work_is_used_up_first_ends_for_want_of_work() -> None:
    term = parse("(λx.x x) (λx.x x)")
    for steps in (UNLIMITED, 1 << 21):
        found = Machines(Budgets(steps, 99, 99, 1 << 20)).reduce(term, 0, 0)
        assert (found.outcome, found.steps) == ("work", 1 << 20)


# -- work and memory -------------------------------------------------------


def test_work_ends_where_it_is_used_up_and_more_of_it_changes_no_other_answer() -> None:
    arena = Arena(64)
    term = doubled(20)
    needed = arena.reduce(term, 0, 0, WIDE).made
    for work in range(needed + 2):
        found = arena.reduce(term, 0, 0, Budgets(MOST, 64, 99, work))
        assert found.outcome == ("normal" if work >= needed else "work")
        assert found.made == min(work, needed)


def test_a_loop_without_end_keeps_to_the_memory_that_is_live() -> None:
    loop = parse("(λs.s s) (λs.(λx.(λy.s s) (x x)) (λz.z))")
    found = Arena(64).reduce(loop, 0, 0, Budgets(MOST, 64, 99, 1 << 20))
    assert (found.outcome, found.made) == ("work", 1 << 20)
    assert found.cells is not None
    assert found.cells <= 1 << 14


def test_nothing_is_read_but_the_term_wherever_it_stands_among_other_words() -> None:
    loop = parse("(λs.s s) (λs.(λx.(λy.s s) (x x)) (λz.z))")
    around = np.full(3 * len(loop), np.iinfo(np.int32).max, np.int32)  # leads far outside
    around[len(loop) : 2 * len(loop)] = loop
    arena, budget = Arena(64), Budgets(MOST, 64, 99, 1 << 20)
    alone = arena.reduce(loop, 0, 0, budget)
    among = arena.reduce(around, len(loop), 0, budget)
    assert (among.outcome, among.steps, among.made, among.cells) == (
        alone.outcome, alone.steps, alone.made, alone.cells,
    )  # fmt: skip
    assert len(arena._names) == len(loop)


@pytest.mark.parametrize("forget", [False, True])
def test_environments_longer_than_a_word_of_names_are_collected_rightly(*, forget: bool) -> None:
    names = [f"x{k}" for k in range(70)]
    body = "x0 (λz.x69 (x1 z) (x0 x35)) (x7 x8 (λw.x62 w x0)) (x61 x0 x63) (λv.x64 x0 v)"
    arguments = ["(λi.i)", "(λa.λb.a (b a))", "(λd.λe.d)"] * 24
    term = f"(λ{' '.join(names)}.{body}) {' '.join(arguments[:70])}"
    budget = Budget(400, 400, 400)
    (plain,) = shared([parse(term)], budget)
    assert plain.outcome == "normal"
    assert plain == reduced([parse(term)], budget)[0]
    assert collected(parse(term), budget, forget=forget) in ((plain, None) if forget else (plain,))


@pytest.mark.parametrize(
    "loop",
    [
        "(λr.λa.λb.(λc.c (λz.r c) b) (λf.f (λk.k))) (λx.x) (λx.x)",
        "(λr.λn.(λb.λu.r (λa.λb.a)) (n n n) n) (λx.x)",
        "(λr.λn." + "(λu." * 70 + "r n" + ") n" * 70 + ") (λx.x)",
    ],
)
def test_an_environment_keeps_only_what_its_code_names(loop: str) -> None:
    fixed_point = f"(λf.(λx.f (x x)) (λx.f (x x))) {loop}"
    found = Arena(64).reduce(parse(fixed_point), 0, 0, Budgets(MOST, 64, 99, 1 << 18))
    assert (found.outcome, found.made) == ("work", 1 << 18)
    assert found.cells is not None
    assert found.cells <= 1 << 14


def test_what_lives_beyond_the_cells_of_the_work_ends_in_the_outcome_work() -> None:
    growing = parse("(λs.s s (λx.x)) (λs.λx.s s (λy.y x))")
    limits = Budgets(MOST, 64, 99, 1 << 20)
    found = Arena(64).reduce(growing, 0, 0, limits)
    assert found.outcome == "work"
    assert found.cells is not None
    assert found.cells <= most_cells(limits)


@pytest.mark.slow
def test_memory_that_the_system_does_not_give_ends_in_the_outcome_work() -> None:
    growing = "(λs.s s (λx.x)) (λs.λx.s s (λy.y x))"
    asked = f"--json --max-steps none --max-work {1 << 36} '{growing}'"
    program = f"ulimit -v 1800000 && exec {sys.executable} -m automaton reduce {asked}"
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["outcome"], answer["term"]) == (12, "work", None)
    assert done.stderr.startswith("error: no normal form within --max-work")
    assert 1 << 20 < answer["shared_steps"] < 1 << 30


def test_an_arena_that_was_large_once_gives_the_same_figures() -> None:
    growing = parse("(λs.s s (λx.x)) (λs.λx.s s (λy.y x))")
    arena = Arena(64)

    def figures(term: Words, steps: int) -> tuple[Any, ...]:
        found = arena.reduce(term, 0, 0, Budgets(steps, 64, 99))
        return found.outcome, found.steps, found.made, found.cells

    asked = [(growing, 10), (doubled(40), MOST), (growing, 1000), (growing, 100_000)]
    first = [figures(*one) for one in asked]
    assert [figures(*one) for one in asked] == first
    assert first[-1][0] == "steps"


# -- published normal forms ------------------------------------------------


@pytest.mark.shared_data
def test_every_published_normal_form_and_step_count_comes_out(shared_data: Path) -> None:
    names, batch, normals, free, counts = zip(*suites(shared_data / "lambda"), strict=True)
    budget = Budget(1_000_000, 65_536, 4_096)
    answers = shared(batch, budget, free)
    assert answers == reduced(batch, budget, free)
    for name, normal, count, answer in zip(names, normals, counts, answers, strict=True):
        assert (answer.outcome, answer.words) == ("normal", normal), name
        assert count in {None, answer.steps}, name


def leaderboard(folder: Path) -> list[tuple[Any, Words, str]]:
    """Number, term and normal form in binary of the shared file's lines."""
    rows = (line.split("\t") for line in (folder / "strong.tsv").read_text().splitlines())
    return [(number, parse(term, "blc"), normal) for number, term, normal in rows]


@pytest.mark.shared_data
def test_every_term_that_needs_sharing_is_normalised(shared_data: Path) -> None:
    arena = Arena(1 << 16)
    for number, term, normal in leaderboard(shared_data / "strong"):
        found = arena.reduce(term, 0, 0, WIDE)
        assert found.outcome == "normal", number
        assert format_term(found.words, "blc") == normal, number
        tower = arena.reduce(apply(EVALUATOR, encoded(term)), 0, 0, TOWERS)
        assert tower.outcome == "normal", number
        assert format_term(tower.words, "blc") == normal, number
        found = arena.reduce(term, 0, 0, WIDE)
        assert found.steps is not None
        if found.steps < 1 << 22:
            words = found.words.tolist()
            assert reduced([term], Budget(1 << 22, 1 << 16, 4_096)) == [
                ("normal", found.steps, words)
            ]
