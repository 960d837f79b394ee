"""What the conditions of a tick are answered with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import (
    HALF_OMEGA,
    IDENTITY,
    TERMS,
    THREE,
    TWO,
    K,
    Members,
    S,
    answers_of,
    automaton,
    commits_in,
    objects_in,
    ran,
    term,
    transition,
    world_of,
    written,
)

from automaton.backends.batch import CandidateBatch
from automaton.chemistry import ConditionAnswers, World
from automaton.compute.reduction import OUTCOMES, SubstitutionReducer, application
from automaton.format.stream_options import FIXED_ONE
from automaton.program.conditions import QUESTIONS
from automaton.run import Run
from automaton.terms import encodings, unification
from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import apply
from automaton.terms.reference import reduce

PROPERTY = settings(deadline=None, max_examples=25)

GROUND = automaton("0D", term="λa.λb.a b")
ADDING = automaton("0D", currentState="addition", a="type = text", b="type = text")
ALL_TERMS = [IDENTITY, K, S, TWO, THREE, HALF_OMEGA, "λx.λy.y", "λx.x (λy.y x)", "λf.λx.x f"]
SOUPS = st.lists(st.sampled_from(ALL_TERMS), min_size=1, max_size=5, unique=True)


def soup(texts: list[str], ground: Members = GROUND) -> list[Members]:
    """A machine of one state and these terms."""
    return [ground, *(term(f"t{n}", text) for n, text in enumerate(texts))]


def reactants(answers: ConditionAnswers) -> list[tuple[Words, Words]]:
    """Both reactants of every winner."""
    words, batch = answers.world.population.words, answers.batch
    return [(words(batch.places_a[k]), words(batch.places_b[k])) for k in answers.winners]


# The winners.


@PROPERTY
@given(SOUPS, st.integers(0, 2**64 - 1), st.booleans())
def test_means_and_the_best_are_those_of_the_winners(
    texts: list[str], seed: int, copies: bool
) -> None:
    answers = answers_of(world_of(soup(texts), seed=seed, parallel=16, copies=copies))
    salience = {
        int(slot): len(a) + len(b) - len(answers.batch.word_span(slot))
        for slot, (a, b) in zip(answers.winners, reactants(answers), strict=True)
    }
    normal = np.flatnonzero(answers.batch.outcomes == OUTCOMES.index("normal"))
    assert list(salience) == normal.tolist()
    if salience:
        assert answers.mean_salience == sum(salience.values()) * FIXED_ONE // len(salience)
        assert answers.best == max(salience, key=lambda slot: (salience[slot], -slot))
    else:
        assert (answers.mean_salience, answers.best) == (0, None)


def test_without_a_winner_no_question_about_winners_is_answered_yes() -> None:
    answers = answers_of(world_of(soup([HALF_OMEGA], automaton("0D", a="type = text")), parallel=1))
    answers = barren(answers)
    for question in ("unifiable", "numeric", "majority_agree", "gradient_descent"):
        assert not answers(question)


def barren(answers: ConditionAnswers) -> ConditionAnswers:
    """The same tick without a winner."""
    answers.batch.won[:] = 0
    return answers


@PROPERTY
@given(SOUPS, st.integers(0, 2**64 - 1))
def test_numeric_is_whether_both_reactants_of_some_winner_are_numerals(
    texts: list[str], seed: int
) -> None:
    answers = answers_of(world_of(soup(texts), seed=seed, parallel=4))
    expected = any(
        encodings.numeral_value(a) is not None and encodings.numeral_value(b) is not None
        for a, b in reactants(answers)
    )
    assert answers("numeric") == expected


def test_sums_of_numerals_are_numeric() -> None:
    answers = answers_of(world_of(soup([TWO, THREE], ADDING), parallel=8))
    assert answers("numeric")
    assert not answers_of(world_of(soup([K, S], ADDING), parallel=8))("numeric")


@PROPERTY
@given(SOUPS, st.integers(0, 2**64 - 1))
def test_unifiable_is_whether_the_reactants_of_some_winner_unify(
    texts: list[str], seed: int
) -> None:
    answers = answers_of(world_of(soup(texts), seed=seed, parallel=3))
    assert answers("unifiable") == any(unification.unifiable(a, b) for a, b in reactants(answers))


def test_reactants_of_a_larger_budget_can_still_be_asked_about() -> None:
    world = world_of(soup(["λx.λy.y", "λx.λy.x (y (y (y (y (y (x x))))))"]), parallel=99)
    world.begin_run(replace(world.options, max_size=8, max_input=99), 2, 2)
    answers = answers_of(world)
    sizes = [len(a) + len(b) for a, b in reactants(answers)]
    assert max(sizes) > 16
    assert answers("unifiable") == any(unification.unifiable(a, b) for a, b in reactants(answers))


# Gradients and draws.


@pytest.mark.parametrize(("above", "expected"), [(-1, True), (0, False), (1, False)])
def test_gradient_descent_is_a_mean_above_the_baseline(above: int, expected: bool) -> None:
    answers = answers_of(world_of(soup([TWO, THREE, K, S]), parallel=16))
    answers.world.state.baseline = answers.mean_salience + above
    assert answers("gradient_descent") == expected


def test_before_any_training_the_baseline_is_0() -> None:
    answers = answers_of(world_of(soup([TWO, THREE, K, S]), parallel=16))
    assert answers.mean_salience > 0
    assert answers.world.state.baseline is None
    assert answers("gradient_descent")


def draws(world: World, question: str, ticks: int = 64, each: int = 1) -> list[bool]:
    """The answers to a question in so many ticks, asked so often in each."""
    batch = CandidateBatch(1, world.options.max_size)
    asked = [
        ConditionAnswers(world, batch, tick, SubstitutionReducer(), lambda: True)
        for tick in range(1, ticks + 1)
    ]
    return [answers(question) for answers in asked for _ in range(each)]


@pytest.mark.parametrize("question", ["observation", "quantum_collapse"])
def test_a_draw_is_a_fair_coin_that_seed_tick_and_number_decide(question: str) -> None:
    first = draws(world_of(soup([K]), seed=5), question)
    assert 16 < sum(first) < 48
    assert draws(world_of(soup([K, S]), seed=5), question) == first
    assert draws(world_of(soup([K]), seed=6), question) != first
    twice = draws(world_of(soup([K]), seed=5), question, each=2)
    assert twice[::2] == first
    assert twice[1::2] != first


@pytest.mark.parametrize(
    ("weights", "low", "high"),
    [
        ([FIXED_ONE, 0], 64, 64),
        ([FIXED_ONE * 3 // 4, FIXED_ONE // 4], 36, 60),
        ([FIXED_ONE // 8] * 8, 0, 20),
    ],
)
def test_a_collapse_is_as_likely_as_the_greatest_weight(
    weights: list[int], low: int, high: int
) -> None:
    world = world_of(soup([K]))
    world.state.weights = weights
    assert low <= sum(draws(world, "quantum_collapse")) <= high


# Agreement.


class Counting(SubstitutionReducer):
    """A reference that agrees so many times, then no more."""

    def __init__(self, agreeing: int) -> None:
        super().__init__()
        self.agreeing, self.asked = agreeing, 0

    def normal_form(self, words: Words, max_steps: int) -> tuple[Words | None, int]:
        self.asked += 1
        if self.asked > self.agreeing:
            return None, 0
        return super().normal_form(words, max_steps)


def agreement(agreeing: int, **options: int) -> tuple[bool, int]:
    """Whether a majority agrees, and how many winners were recomputed."""
    world = world_of(soup([TWO, THREE, K, S]), **options)
    known, reference = answers_of(world), Counting(agreeing)
    answers = ConditionAnswers(world, known.batch, 1, reference, lambda: True)
    return answers("majority_agree"), reference.asked


def test_a_majority_is_more_than_half_of_16_winners() -> None:
    assert agreement(16, parallel=64) == (True, 16)
    assert agreement(9, parallel=64) == (True, 16)
    assert agreement(8, parallel=64) == (False, 16)


def test_fewer_winners_than_16_are_all_recomputed() -> None:
    won = len(answers_of(world_of(soup([TWO, THREE, K, S]), parallel=5)).winners)
    assert 0 < won <= 5
    assert agreement(16, parallel=5) == (True, won)
    assert agreement(won // 2, parallel=5) == (False, won)


def test_a_wrong_normal_form_finds_no_majority() -> None:
    answers = answers_of(world_of(soup([TWO, THREE, K, S]), parallel=32))
    answers.batch.steps += 1
    assert not answers("majority_agree")
    answers = answers_of(world_of(soup([TWO, THREE, K, S]), parallel=32))
    answers.batch.out[:] ^= 4
    assert not answers("majority_agree")


def test_agreement_is_worked_out_once_a_tick() -> None:
    world = world_of(soup([TWO, THREE, K, S]), parallel=64)
    reference = Counting(16)
    answers = ConditionAnswers(world, answers_of(world).batch, 1, reference, lambda: True)
    assert answers("majority_agree")
    assert answers("majority_agree")
    assert reference.asked == 16


@PROPERTY
@given(st.sampled_from(ALL_TERMS), st.sampled_from(ALL_TERMS), st.sampled_from(ALL_TERMS))
def test_an_application_is_the_operator_on_a_on_b(operator: str, a: str, b: str) -> None:
    op, first, second = (parse(text) for text in (operator, a, b))
    built = application(op, first, second)
    assert np.array_equal(built, apply(apply(op, first), second))
    reduction = reduce(built, 20, 200, 20)
    assert reduction.outcome in OUTCOMES


# What the disk says.


def test_what_the_disk_says_is_asked_each_time_and_noted() -> None:
    answers = answers_of(world_of(soup([K])), file_exists=False)
    assert [answers("file_exists"), answers("file_exists")] == [False, False]
    assert answers.facts == [("file_exists", False)] * 2


def test_every_question_has_an_answer() -> None:
    answers = answers_of(world_of(soup(ALL_TERMS)))
    assert all(isinstance(answers(question), bool) for question in QUESTIONS)


# In a run.


def moving_when(condition: str) -> list[Members]:
    """A machine that leaves its first state when a condition holds."""
    way = transition("t", "0D", "1D", "evolve", condition)
    return [GROUND, automaton("1D", 1), way, *TERMS]


def left_after(path: Path, condition: str, ticks: int = 6, **given: int) -> int:
    """The tick at which the machine left its first state, 0 for never."""
    ran(written(path, moving_when(condition)), ticks, **given)
    entered = commits_in(path)[-1]["state"]["entered"]
    return int(entered) - 1


@pytest.mark.parametrize(
    ("condition", "tick"),
    [
        ("true", 1),
        ("step_count = 0", 1),
        ("step_count >= 3", 4),
        ("dimension > 0", 0),
        ("not dimension > 0", 1),
        ("line_number < ∞", 1),
        ("line_number > 11", 2),
        ("line_number > 10", 1),
        ("object_count = 11", 1),
        ("object_count > 11 and step_count > 1", 3),
        ("file_exists", 1),
        ("not file_exists", 0),
        ("no_such_thing", 0),
        ("not no_such_thing", 1),
        ("(", 0),
    ],
)
def test_a_condition_holds_on_the_tick_that_its_meaning_says(
    tmp_path: Path, condition: str, tick: int
) -> None:
    assert left_after(tmp_path / "log.jsonl", condition, parallel=8) == tick


def test_steps_are_counted_from_the_tick_of_entry(tmp_path: Path) -> None:
    back = transition("back", "1D", "0D", "evolve", "step_count = 2")
    path = written(tmp_path / "log.jsonl", [*moving_when("true"), back])
    ran(path, 8, parallel=4)
    levels = [commit["dimensionalLevel"] for commit in commits_in(path)]
    assert levels == [1, 1, 1, 0, 1, 1, 1, 0]


def test_what_the_disk_said_stands_in_the_batch(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", moving_when("file_exists and step_count > 0"))
    ran(path, 1, parallel=4)
    (tmp_path / "log.jsonl.genesis").unlink()
    with Run(path, {}) as run:
        (tmp_path / "log.jsonl.genesis").unlink()
        run.go(ticks=1, interval_ms=0)
    ran(path, 1)
    facts = objects_in(path, "fact")
    assert [fact["id"] for fact in facts] == ["m1.4", "m2.4", "m3.4"]
    assert [fact["size"] for fact in facts] == [1, 0, 1]
    assert all(fact["parents"] == ["file_exists"] for fact in facts)
