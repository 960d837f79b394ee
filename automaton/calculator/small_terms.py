"""Answers to small terms by the plain machine as plain Python, which needs no compiler.

Loading numba and compiled kernels takes longer than a thousand steps of the same
body as Python. What that does not decide is left to `automaton.calculator.text_batch`. Opens no
files and prints nothing.
"""

from __future__ import annotations

import numpy as np

from automaton.calculator.answer_lines import Answer
from automaton.compute.budgets import UNLIMITED, Budgets
from automaton.terms.bindings import read_question
from automaton.terms.encodings import numeral_value
from automaton.terms.notation import format_term, printed_in
from automaton.terms.packed import free_variables
from kernels.terms import reduce

#: Beta steps, nodes of the normal form and pending arguments: a hundredth of a second.
STEPS, SIZE, DEPTH = 512, 1024, 256
#: Longest text: a larger term is read as fast by who can reduce it.
LONGEST = 1 << 13


def answer(text: str, budgets: Budgets, notation: str) -> Answer | None:
    """The answer to one term, or None where it takes more than a few steps to tell."""
    if len(text) > LONGEST:
        return None
    words, names = read_question(text, notation)
    free = free_variables(words)
    steps = min(STEPS, budgets.max_work)
    steps = steps if budgets.max_steps == UNLIMITED else min(steps, budgets.max_steps)
    limits = (steps, min(SIZE, budgets.max_size), min(DEPTH, budgets.max_depth))
    cells = 1 + free + limits[0] + limits[1]
    out = np.empty(limits[1], np.int32)
    outcome, made, size = reduce.normalise(  # type: ignore[no-untyped-call]
        words, 0, *limits, out, 0, free, 0, -1, 0, -1, 0,
        *(np.empty(cells, np.int32) for _ in range(3)),
        *(np.empty(limits[2], np.int32) for _ in range(4)),
    )  # fmt: skip
    if outcome == reduce.NORMAL:
        form = out[:size]
        term = format_term(form, printed_in(notation, words, names), names)
        return Answer("normal", made, size, term, numeral_value(form))
    met = {reduce.STEPS: 0, reduce.SIZE: 1, reduce.DEPTH: 2}[outcome]
    if limits[met] != (budgets.max_steps, budgets.max_size, budgets.max_depth)[met]:
        return None  # this limit is ours, not the person's
    return Answer(reduce.OUTCOMES[outcome], made)
