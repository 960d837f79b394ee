"""The batch of a tick: draw reactants, reduce, judge, one slot after another.

A slot's result depends on (snapshot, seed, tick, slot) alone, so a batch may be
cut into shards anywhere. Nothing here chooses winners or knows what a line is.
"""

from __future__ import annotations

import numpy as np

from kernels.philox import below, draw
from kernels.terms.church import UNDECIDED, church_reaction
from kernels.terms.packed import APP
from kernels.terms.reduce import EMPTY, NORMAL, reaction
from kernels.typed import U


def choose(seed, tick, slot, purpose, choices_a, choices_b):  # type: ignore[no-untyped-def]
    """The places of a and b for a slot, or (-1, -1) where a selector matched nothing."""
    if choices_a.shape[0] == 0 or choices_b.shape[0] == 0:
        return -1, -1
    w0, w1, _, _ = draw(seed, tick, np.uint64(slot), purpose)
    a = choices_a[U(below(w0, np.uint64(choices_a.shape[0])))]
    b = choices_b[U(below(w1, np.uint64(choices_b.shape[0])))]
    return a, b


def by_closed_form(  # type: ignore[no-untyped-def]
    op, a, b, size, value, form, copies, max_steps, max_size, max_depth, max_input, out, at
):  # fmt: skip
    """An arithmetic operator's reaction on two numerals as `reaction` has it, or UNDECIDED.

    A function of few arrays, called beside `reaction` and not around it: a call that
    hands on the machine's arrays costs as much as a small reaction.
    """
    if form[U(op)] == 0 or value[U(a)] < 0 or value[U(b)] < 0:
        return UNDECIDED, 0, 0
    return church_reaction(
        form[U(op)], size[U(op)], np.int64(value[U(a)]), np.int64(value[U(b)]),
        copies, max_steps, max_size, max_depth, max_input, out, at,
    )  # fmt: skip


def react(  # type: ignore[no-untyped-def]
    seed, tick, purpose, lo, hi,
    code, start, size, normal, value, form, choices_a, choices_b, operator, operator_of,
    copies, max_steps, max_size, max_depth, max_input,
    outcomes, steps, sizes, salience, places_a, places_b, operators, results, out, at,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """The reactions of the slots lo..hi-1.

    seed, tick uint64. code int32: all packed terms; start int64, size int32,
    normal bool (known to be a normal form), value int32 (what a Church numeral
    stands for, -1: none), form uint8 (an operator's number in `church.OPERATORS`)
    by place; choices_a, choices_b int32: the places that may be reactants.
    operator: the place of the tick's operator; operator_of int32 by place: the
    operator that a rule puts in its stead where a is that place, or -1 (of length
    0: no rules). Results, by slot: outcomes uint8, steps int32, sizes int32,
    salience int32 (|a| + |b| - |result|, in nodes), places_a, places_b, operators
    int32, results int64 (start of the normal form in out, -1 unless NORMAL). out
    int32 needs (hi-lo)*max_size words from `at` on.
    """
    for slot in range(lo, hi):
        a, b = choose(seed, tick, slot, purpose, choices_a, choices_b)
        places_a[U(slot)] = a
        places_b[U(slot)] = b
        operators[U(slot)] = operator
        results[U(slot)] = -1
        steps[U(slot)] = 0
        sizes[U(slot)] = 0
        salience[U(slot)] = 0
        if a < 0:
            outcomes[U(slot)] = EMPTY
            continue
        op = operator
        if operator_of.shape[0] > 0 and operator_of[U(a)] >= 0:
            op = operator_of[U(a)]
            operators[U(slot)] = op
        outcome, made, nodes = by_closed_form(
            op, a, b, size, value, form,
            copies, max_steps, max_size, max_depth, max_input, out, at,
        )  # fmt: skip
        if outcome == UNDECIDED:
            outcome, made, nodes = reaction(
                code, start[U(op)], size[U(op)],
                start[U(a)], size[U(a)], normal[U(a)], start[U(b)], size[U(b)], normal[U(b)],
                copies, max_steps, max_size, max_depth, max_input, out, at,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
        outcomes[U(slot)] = outcome
        steps[U(slot)] = made
        sizes[U(slot)] = nodes
        if outcome == NORMAL:
            salience[U(slot)] = size[U(a)] + size[U(b)] - nodes
            results[U(slot)] = at
            at += nodes


def react_proposed(  # type: ignore[no-untyped-def]
    lo, hi, code, start, size, normal, value, form,
    copies, max_steps, max_size, max_depth, max_input,
    outcomes, steps, sizes, places_a, places_b, operators, results, out, at,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """The reactions of lo..hi-1 whose rows stand already in places_a, places_b, operators.

    Arguments and results as in `react`; a place of -1 gives the outcome EMPTY.
    """
    for slot in range(lo, hi):
        op, a, b = operators[U(slot)], places_a[U(slot)], places_b[U(slot)]
        outcome, made, nodes = EMPTY, 0, 0
        if a >= 0:
            outcome, made, nodes = by_closed_form(
                op, a, b, size, value, form,
                copies, max_steps, max_size, max_depth, max_input, out, at,
            )  # fmt: skip
        if outcome == UNDECIDED:
            outcome, made, nodes = reaction(
                code, start[U(op)], size[U(op)],
                start[U(a)], size[U(a)], normal[U(a)], start[U(b)], size[U(b)], normal[U(b)],
                copies, max_steps, max_size, max_depth, max_input, out, at,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
        outcomes[U(slot)] = outcome
        steps[U(slot)] = made
        sizes[U(slot)] = nodes
        results[U(slot)] = -1
        if outcome == NORMAL:
            results[U(slot)] = at
            at += nodes


def apply_words(words, op, op_size, a, a_size, b, b_size, out):  # type: ignore[no-untyped-def]
    """Write the term `(op a) b` of three spans of words to out; returns its size."""
    out[0] = ((2 + op_size + a_size) << 2) | APP
    out[1] = ((1 + op_size) << 2) | APP
    n = 2
    for k in range(op, op + op_size):
        out[n] = words[k]
        n += 1
    for k in range(a, a + a_size):
        out[n] = words[k]
        n += 1
    for k in range(b, b + b_size):
        out[n] = words[k]
        n += 1
    return n
