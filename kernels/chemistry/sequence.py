"""Reactions one after another: each product is in the population before the next draw.

The dynamics of a well-stirred reactor as algorithmic chemistry runs it (Fontana and
Buss 1994; asynchronous updating): two terms collide, the product takes the place of a
random one. A slot depends on all slots before it, so a batch is one loop on one core;
soups run side by side instead. Must not know what a line is.
"""

from __future__ import annotations

import numpy as np

from kernels.chemistry.react import by_closed_form
from kernels.philox import PLACE, below, draw
from kernels.terms.church import UNDECIDED
from kernels.terms.packed import numeral_of
from kernels.terms.reduce import EMPTY, NORMAL, reaction
from kernels.text.winner_lines import put_label
from kernels.typed import U


def react_in_order(  # type: ignore[no-untyped-def]
    seed, tick, purpose, rounds,
    code, start, size, normal, value, form, born_tick, born_slot, labels, text, mark,
    living, alive, free, overwritable, row_of, operator, products,
    copies, max_steps, max_size, max_depth, max_input,
    outcomes, steps, sizes, salience, places_a, places_b, operators, results, at,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """React the slots 0..rounds-1 in order; returns the words of code used.

    Columns and results as in `react.react`, but that the places of reactants are rows:
    the product of slot k, if it is a candidate, is written to the row products + k, its
    term to code from `at` on, which needs rounds * max_size words more. living int32:
    the live places, ascending, the first `alive` of them, with room for free ones; free
    and overwritable int32, ascending. row_of int32 by place: the row whose term stands
    there; its own number where the tick begins. A product's place is that of
    `fold.find_places`: a free one, then a drawn one, else it does not enter.
    text, mark: the letters of the tick's ids, as in `fold.enter`.
    """
    used = 0
    bound = np.uint64(overwritable.shape[0])
    for slot in range(rounds):
        operators[U(slot)] = operator
        results[U(slot)] = -1
        steps[U(slot)] = 0
        sizes[U(slot)] = 0
        salience[U(slot)] = 0
        if alive == 0:
            places_a[U(slot)] = places_b[U(slot)] = -1
            outcomes[U(slot)] = EMPTY
            continue
        w0, w1, _, _ = draw(seed, tick, np.uint64(slot), purpose)
        a = row_of[U(living[U(below(w0, np.uint64(alive)))])]
        b = row_of[U(living[U(below(w1, np.uint64(alive)))])]
        places_a[U(slot)] = a
        places_b[U(slot)] = b
        outcome, made, nodes = by_closed_form(
            operator, a, b, size, value, form,
            copies, max_steps, max_size, max_depth, max_input, code, at,
        )  # fmt: skip
        if outcome == UNDECIDED:
            outcome, made, nodes = reaction(
                code, start[U(operator)], size[U(operator)],
                start[U(a)], size[U(a)], normal[U(a)], start[U(b)], size[U(b)], normal[U(b)],
                copies, max_steps, max_size, max_depth, max_input, code, at,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
        outcomes[U(slot)] = outcome
        steps[U(slot)] = made
        sizes[U(slot)] = nodes
        if outcome != NORMAL:
            continue
        salience[U(slot)] = size[U(a)] + size[U(b)] - nodes
        results[U(slot)] = at
        row = products + slot
        start[U(row)] = at
        size[U(row)] = nodes
        normal[U(row)] = True
        value[U(row)] = numeral_of(code, at, nodes)
        born_tick[U(row)] = tick
        born_slot[U(row)] = slot
        put_label(labels, row, text, mark, slot)
        at += nodes
        if used < free.shape[0]:
            place = free[U(used)]
            used += 1
            living[U(alive)] = place
            alive += 1
            row_of[U(place)] = row
        elif bound > 0:
            word = draw(seed, tick, np.uint64(slot), PLACE)[0]
            row_of[U(overwritable[U(below(word, bound))])] = row
    return at
