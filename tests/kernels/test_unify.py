"""The unification kernel, as Python and compiled, against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import closed_terms, open_terms
from unification_cases import UNIFIABLE, chain

from automaton.terms import encodings, unification
from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import apply, lam, var
from kernels import cpu
from kernels.terms.unify import ROOM, unify


def both_targets(a: Words, b: Words, room: int | None = None) -> bool:
    """The kernel's answer; it does not depend on the target or what the scratch held."""
    pool = np.concatenate((var(7), b, var(7), a, var(7)))  # the terms lie anywhere
    at = 1 + len(b) + 1
    places = (at, at + len(a), 1, 1 + len(b))
    nodes = len(a) + len(b)
    answers = set()
    for body in (unify, cpu.compiled(unify)):
        work = np.full(ROOM * nodes if room is None else room, 12345, np.int32)
        answers.add(bool(body(pool, *places, work)))
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize(("a", "b", "answer"), UNIFIABLE)
def test_the_kernel_knows_the_known_pairs(a: str, b: str, *, answer: bool) -> None:
    assert both_targets(parse(a), parse(b)) is answer


@settings(max_examples=300)
@given(closed_terms(), closed_terms())
def test_the_kernel_equals_the_reference_on_closed_terms(a: Words, b: Words) -> None:
    assert both_targets(a, b) == unification.unifiable(a, b)


@settings(max_examples=300)
@given(open_terms(free=3, max_nodes=16), open_terms(free=3, max_nodes=16))
def test_the_kernel_equals_the_reference_where_most_variables_unify(a: Words, b: Words) -> None:
    for _ in range(3):  # the free variables become metavariables, so that many pairs unify
        a, b = lam(a), lam(b)
    assert both_targets(a, b) == unification.unifiable(a, b)


@given(open_terms(free=2), open_terms(free=2))
def test_the_kernel_equals_the_reference_on_open_terms(a: Words, b: Words) -> None:
    assert both_targets(a, b) == unification.unifiable(a, b)


def test_an_exponential_unifier_fits_the_linear_scratch() -> None:
    assert both_targets(chain(60, left=True), chain(60, left=False))


def test_too_little_scratch_is_answered_with_no() -> None:
    identity = encodings.IDENTITY
    assert both_targets(identity, identity)
    assert not both_targets(identity, identity, room=ROOM * 4 - 1)


def test_long_spines_and_deep_lambdas_stay_within_the_scratch() -> None:
    spine, deep = var(0), var(0)
    for _ in range(300):
        spine, deep = apply(spine, var(1)), lam(deep)
    spine = lam(lam(apply(spine, deep)))
    assert both_targets(spine, spine)
    assert not both_targets(spine, lam(apply(spine[2:], var(0))))
