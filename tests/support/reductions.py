"""Terms, budgets and answers that tests of several reducers share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from strategies import closed_terms, published
from targets import FORMS, Array, fenced, intact, joined, machine

from automaton.terms import encodings
from automaton.terms.arrays import Words
from automaton.terms.notation import parse
from automaton.terms.packed import APP, LAM, VAR, apply, linked
from kernels.terms import reduce

NODES = 20_000  # on the way, beyond which the textbook reducer gives no answer


class Budget(NamedTuple):
    """Beta steps, nodes of the normal form, pending arguments."""

    steps: int
    size: int
    depth: int


class Answer(NamedTuple):
    """Outcome, beta steps, and the words of the normal form."""

    outcome: str
    steps: int
    words: list[int] | None


@cache
def bodies(bits: int, depth: int) -> tuple[tuple[int, ...], ...]:
    """All terms of so many bits of binary lambda calculus under `depth` lambdas, unlinked."""
    found: list[tuple[int, ...]] = []
    if 0 <= bits - 2 < depth:
        found.append(((bits - 2) << 2 | VAR,))
    if bits >= 4:
        found += [(LAM, *body) for body in bodies(bits - 2, depth + 1)]
    for left in range(2, bits - 3):
        pairs = itertools.product(bodies(left, depth), bodies(bits - 2 - left, depth))
        found += [(APP, *function, *argument) for function, argument in pairs]
    return tuple(found)


COMBINATORS = [
    encodings.IDENTITY, encodings.SUCCESSOR, encodings.PAIR, encodings.ADDITION,
    encodings.APPLICATION,
    encodings.TRUE, encodings.FALSE, encodings.numeral(2), encodings.numeral(3),
    *map(parse, ["λx.λy.λz.x z (y z)", "λx.x x", "λx.x x x", "λf.(λx.f (x x)) (λx.f (x x))",
                 "λx.λy.y (x x)", "λa.a (λb.(λc.λd.b (c d)) a)"]),
]  # fmt: skip


def lively_terms() -> st.SearchStrategy[Words]:
    """Closed terms that make many steps: applications of combinators to each other."""
    leaves = st.sampled_from(COMBINATORS)
    pairs = st.recursive(leaves, lambda some: st.builds(apply, some, some), max_leaves=8)
    return pairs | closed_terms()


def reduced(
    batch: Sequence[Words], budget: Budget, free: Sequence[int] = (), form: str = "compiled"
) -> list[Answer]:
    """The machine's answers, in arrays of exactly the lengths that it states."""
    code, starts, _ = joined(batch)
    count = len(batch)
    free_of = np.array(free or [0] * count, np.int32)
    columns = [fenced(count, kind) for kind in (np.uint8, np.int32, np.int32, np.int64)]
    outcomes, steps, sizes, places = columns
    out = fenced(3 * budget.size)
    scratch = machine(*budget, free=max(free_of.tolist(), default=0))
    answers: list[Answer] = []
    while len(answers) < count:
        done = len(answers)
        upto = FORMS[form](reduce.reduce_terms)(
            code, starts, free_of, done, count, *budget, out, len(out), *columns, *scratch
        )
        assert done < upto <= count
        for i in range(done, upto):
            found = None if places[i] < 0 else out[places[i] :][: sizes[i]].tolist()
            answers.append(Answer(reduce.OUTCOMES[outcomes[i]], int(steps[i]), found))
    assert intact(out, *columns, *scratch)
    return answers


def all_closed(bits: int) -> list[Words]:
    return [linked(words) for words in bodies(bits, 0)]


def bytes_of(text: bytes) -> Array:
    return np.frombuffer(text, np.uint8)


OMEGA = "(λx.x x) (λx.x x)"

SUITES = [
    "adjust",
    "adjustb",
    "capture10",
    "constructed10",
    "constructed20",
    "foursubst",
    "full",
    "full-2",
    "id",
    "lazy",
    "onesubst",
    "random2",
    "t1",
    "t2",
    "t3",
    "t4",
    "t5",
    "t6",
    "t7",
    "tests",
    "threesubst",
    "twosubst",
]


PROPERTY = settings(deadline=None)


TIGHT = st.builds(Budget, st.integers(0, 20), st.integers(0, 40), st.integers(0, 8))


def suites(folder: Path) -> Iterator[tuple[str, Words, list[int], int, int | None]]:
    """The published terms: name, term, normal form, free variables, beta steps."""
    for suite in SUITES:
        for case in published(folder, suite):
            yield case.name, case.term, case.normal.tolist(), case.free, case.steps
