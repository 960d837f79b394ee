"""Hybrid applicative order: every step that of a reducer which looks from the root."""

from __future__ import annotations

import numpy as np
import pytest
from soup_oracle import evaluated, nodes, tree_of
from targets import FORMS

from automaton.terms.arrays import Words
from automaton.terms.generators import tree
from automaton.terms.notation import format_term, parse
from kernels.philox import index_of, words
from kernels.terms.applicative import reduce_applicatively
from kernels.terms.reduce import OUTCOMES


def reduced(form: str, term: Words, steps: int, size: int) -> tuple[str, int, str | None]:
    """Outcome, steps and normal form under two limits."""
    room = 2 * (len(term) + 4 * size)
    buffer, *scratch = (np.empty(room, dtype=np.int32) for _ in range(5))
    buffer[: len(term)] = term
    outcome, made, left = FORMS[form](reduce_applicatively)(
        buffer, len(term), steps, size, *scratch
    )
    name = OUTCOMES[outcome]
    return name, int(made), format_term(buffer[:left].copy()) if name == "normal" else None


def drawn(number: int, size: int) -> Words:
    """A random term."""
    count = iter(range(1 << 20))
    return tree(size, lambda bound: index_of(words(7, number, next(count), np.uint64(0))[0], bound))


@pytest.mark.parametrize("form", ["python", "compiled"])
def test_outcome_steps_and_normal_form_are_those_of_the_textbook(form: str) -> None:
    seen = set()
    for number in range(60 if form == "python" else 400):
        parts = [drawn(2 * number + k, 8 + number % 9) for k in range(2)]
        offset = np.array([(1 + len(parts[0])) << 2 | 2], dtype=np.int32)
        term = np.concatenate([offset, *parts])
        outcome, steps, last = evaluated(tree_of(term), 6, 90)
        found = reduced(form, term, 6, 90)
        assert found[:2] == (outcome, steps)
        if found[2] is not None:
            assert tree_of(parse(found[2])) == last
        seen.add(outcome)
    assert seen >= {"normal", "steps"}


def test_what_a_function_ignores_is_reduced_all_the_same() -> None:
    term = parse("(λx.λy.y) ((λx.x x) (λx.x x))")
    assert reduced("compiled", term, 100, 50) == ("steps", 100, None)
    grows = parse("(λx.λy.y) ((λx.x x x) (λx.x x x))")
    assert reduced("compiled", grows, 100, 50)[0] == "size"


def test_the_limit_is_on_the_terms_on_the_way() -> None:
    term = parse("(λn.n (λx.λa.λb.b) (λa.λb.a)) (λf.λx.f (f (f (f (f (f x))))))")
    largest = max(
        nodes(evaluated(tree_of(term), steps, 1000)[2])
        for steps in range(1, 1 + reduced("compiled", term, 100, 1000)[1])
    )
    assert reduced("compiled", term, 100, largest)[0] == "normal"
    assert reduced("compiled", term, 100, largest - 1)[0] == "size"
