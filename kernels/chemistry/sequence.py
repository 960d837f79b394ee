"""Reactions one after another: each product is in the population before the next draw.

The dynamics of a well-stirred reactor as algorithmic chemistry runs it (Fontana and
Buss 1994; asynchronous updating): two terms collide, the product takes the place of a
random one. A slot depends on all slots before it, so a batch is one loop on one core;
soups run side by side instead. A reaction is a function of two terms, so what a pair of
species makes is computed once. Amplifiers are the test functions of Vimal, Mathis, Weimer
and Forrest (Prebiotic functional programs, 2025). Must not know what a line is.
"""

from __future__ import annotations

import numpy as np

from kernels.chemistry.react import apply_words
from kernels.chemistry.species import PAIRS, pair_at, pair_key, species_of
from kernels.chemistry.veto_programs import first_veto
from kernels.philox import COPY, PLACE, below, draw
from kernels.terms.applicative import reduce_applicatively
from kernels.terms.packed import link, same, term_hash
from kernels.terms.reduce import (
    COPY as COPIED,
)
from kernels.terms.reduce import (
    DEPTH,
    EMPTY,
    INPUT,
    NORMAL,
    PENDING,
    SIZE,
    normalise,
    reaction,
)  # fmt: skip
from kernels.text.winner_lines import put_label
from kernels.typed import U

#: Entries of `state`: the next slot, words used of the population's code, live places,
#: free places that were filled.
SLOT, END, ALIVE, FILLED = range(4)
NORMAL_ORDER, HYBRID_APPLICATIVE = 0, 1
_NUMBER = np.uint64(8)  # a copy's number stands above the purpose of its draw


def collide_species(  # type: ignore[no-untyped-def]
    a, b, operator, amplifiers, code, starts, sizes, fits, targets, target_starts, target_sizes,
    order, copies, max_steps, max_size, max_depth, max_input, test_steps, test_size,
    out, other, marks, inner, stages,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """What species a makes of species b: (outcome, beta steps, size, whose the product is).

    The species below `amplifiers` are tests: such a one makes copies of b where it maps
    b to its target (targets int32, by number), else a copy of itself; then the last is
    b or a. It is -1 where the product, of `size` words, stands in out[:size].
    """
    if b < amplifiers or (a < amplifiers and fits[U(b)] == 0):
        return EMPTY, 0, 0, -1
    if a >= amplifiers:
        op, op_size = starts[U(operator)], sizes[U(operator)]
        if order == NORMAL_ORDER:
            outcome, steps, size = reaction(
                code, op, op_size, starts[U(a)], sizes[U(a)], True, starts[U(b)], sizes[U(b)],
                True, copies, max_steps, max_size, max_depth, max_input, out, 0,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
            return outcome, steps, size, -1
        size = 2 + op_size + sizes[U(a)] + sizes[U(b)]
        if size > max_input:
            return INPUT, 0, 0, -1
        apply_words(code, op, op_size, starts[U(a)], sizes[U(a)], starts[U(b)], sizes[U(b)], out)
        outcome, steps, size = reduce_applicatively(
            out, size, max_steps, max_size, other, marks, inner, stages
        )
        if outcome == NORMAL and not copies and (
            (size == sizes[U(a)] and same(out, 0, code, starts[U(a)], size))
            or (size == sizes[U(b)] and same(out, 0, code, starts[U(b)], size))
        ):  # fmt: skip
            outcome = COPIED
        if outcome not in (NORMAL, COPIED):
            size = 0
        return outcome, steps, size, -1
    if order == NORMAL_ORDER:
        stack_code[0] = starts[U(b)]
        stack_env[0] = -1
        stack_level[0] = PENDING
        outcome, steps, size = normalise(
            code, starts[U(a)], test_steps, test_size, max_depth, out, 0, 0, 1, -1, 0, -1, 0,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        )  # fmt: skip
    else:
        size = 1 + sizes[U(a)] + sizes[U(b)]
        out[0] = 2
        for k in range(sizes[U(a)]):
            out[U(1 + k)] = code[U(starts[U(a)] + k)]
        for k in range(sizes[U(b)]):
            out[U(1 + sizes[U(a)] + k)] = code[U(starts[U(b)] + k)]
        link(out, 0, size, marks)
        outcome, steps, size = reduce_applicatively(
            out, size, test_steps, test_size, other, marks, inner, stages
        )
    if outcome in (SIZE, DEPTH):
        return outcome, steps, 0, -1
    passed = (
        outcome == NORMAL
        and size == target_sizes[U(a)]
        and same(out, 0, targets, target_starts[U(a)], size)
    )
    return NORMAL, steps, size, b if passed else a


def take_in_pair(  # type: ignore[no-untyped-def]
    pair, a, b, operator,
    amplifiers, targets, target_starts, target_sizes, test_copies, test_steps, test_size,
    order, copies, max_steps, max_size, max_depth, max_input,
    used, table, code, starts, lengths, hashes, fits,
    keys, pair_outcomes, pair_steps, pair_products, pair_copies, pair_vetoes, pair_ticks,
    program, patterns, pattern_starts, truth, bound_start, bound_end,
    out, other, marks, inner, stages,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Collide species a and b, and keep what comes of it at `pair`; False: no room.

    A product that a rule forbids takes no place: pair_copies is 0, pair_vetoes the rule.
    """
    if 2 * used[PAIRS] >= keys.shape[0]:
        return False
    outcome, made, nodes, product = collide_species(
        a, b, operator, amplifiers, code, starts, lengths, fits, targets, target_starts,
        target_sizes, order, copies, max_steps, max_size, max_depth, max_input, test_steps,
        test_size, out, other, marks, inner, stages,
        cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
    )  # fmt: skip
    times = test_copies if product == b else 1
    if outcome == NORMAL and product < 0:
        times = 1
        product = species_of(
            out, 0, nodes, term_hash(out, 0, nodes), used, table, code, starts, lengths, hashes,
            fits, marks,
        )  # fmt: skip
        if product < 0:
            return False
    veto = 0
    if outcome == NORMAL and program.shape[0] > 0:
        veto = first_veto(
            program, patterns, pattern_starts, truth, bound_start, bound_end,
            code, starts[U(product)], lengths[U(product)], made,
        )  # fmt: skip
    keys[pair] = pair_key(a, b)
    pair_outcomes[pair] = outcome
    pair_steps[pair] = made
    pair_products[pair] = product if outcome == NORMAL else nodes
    pair_copies[pair] = 0 if veto else times
    pair_vetoes[pair] = veto
    pair_ticks[pair] = 0
    used[PAIRS] += 1
    return True


def react_in_order(  # type: ignore[no-untyped-def]
    seed, tick, purpose, rounds, state,
    words, start, size, born_tick, born_slot, labels, text, mark,
    living, free, overwritable, row_of, number_of, operator_row, operator, products,
    amplifiers, targets, target_starts, target_sizes, test_copies, test_steps, test_size,
    order, copies, max_steps, max_size, max_depth, max_input,
    outcomes, vetoed, steps, sizes, salience, places_a, places_b, operators, results, first, copied,
    used, table, code, starts, lengths, hashes, fits,
    keys, pair_outcomes, pair_steps, pair_products, pair_copies, pair_vetoes, pair_ticks,
    pair_slots, program, patterns, pattern_starts, truth, bound_start, bound_end,
    out, other, marks, inner, stages,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """React the slots from state[SLOT] on in order; stops early where the tables are full.

    state int64[4]. Columns and results as in `react.react`, but that the places of
    reactants are rows: the product of slot k, if it is a candidate, is written to the row
    products + k, its term to words from state[END] on, which needs rounds * max_size words
    more. living int32: the live places, ascending, the first state[ALIVE] of them, with
    room for free ones; free and overwritable int32, ascending. row_of int32 by place: the
    row whose term stands there. number_of int32 by row: its species. A product's place is
    that of `fold.find_places`: a free one, then a drawn one, else it does not enter; copied
    uint32 by slot: how many places it takes, each by a draw of its own, and none where
    vetoed, uint8 by slot and 0 at first, names the rule that forbids it. first int32 by slot:
    the first slot of the tick that collided the same species. text, mark: the letters of the
    tick's ids, as in `fold.enter`. From `used` on: the tables of `species`, by pair what came
    of it. From `program` to bound_end: as `first_veto` takes them; no steps, no vetoes. out,
    other, marks, inner, stages: scratch of `reduce_applicatively`.
    """
    bound = np.uint64(overwritable.shape[0])
    at = state[END]
    for slot in range(state[SLOT], rounds):
        operators[U(slot)] = operator_row
        results[U(slot)] = -1
        steps[U(slot)] = 0
        sizes[U(slot)] = 0
        salience[U(slot)] = 0
        copied[U(slot)] = 0
        first[U(slot)] = slot
        alive = state[ALIVE]
        if alive == 0:
            places_a[U(slot)] = places_b[U(slot)] = -1
            outcomes[U(slot)] = EMPTY
            continue
        w0, w1, _, _ = draw(seed, tick, np.uint64(slot), purpose)
        a = row_of[U(living[U(below(w0, np.uint64(alive)))])]
        b = row_of[U(living[U(below(w1, np.uint64(alive)))])]
        pair = pair_at(number_of[U(a)], number_of[U(b)], keys)
        if keys[pair] == 0 and not take_in_pair(
            pair, number_of[U(a)], number_of[U(b)], operator,
            amplifiers, targets, target_starts, target_sizes, test_copies, test_steps, test_size,
            order, copies, max_steps, max_size, max_depth, max_input,
            used, table, code, starts, lengths, hashes, fits,
            keys, pair_outcomes, pair_steps, pair_products, pair_copies, pair_vetoes, pair_ticks,
            program, patterns, pattern_starts, truth, bound_start, bound_end,
            out, other, marks, inner, stages,
            cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
        ):  # fmt: skip
            state[SLOT], state[END] = slot, at
            return
        places_a[U(slot)] = a
        places_b[U(slot)] = b
        outcomes[U(slot)] = pair_outcomes[pair]
        steps[U(slot)] = pair_steps[pair]
        if pair_ticks[pair] == tick:
            first[U(slot)] = pair_slots[pair]
        else:
            pair_ticks[pair] = tick
            pair_slots[pair] = slot
        if pair_outcomes[pair] != NORMAL:
            sizes[U(slot)] = pair_products[pair]
            continue
        product = pair_products[pair]
        nodes = lengths[U(product)]
        begin = starts[U(product)]
        for k in range(nodes):
            words[U(at + k)] = code[U(begin + k)]
        sizes[U(slot)] = nodes
        salience[U(slot)] = size[U(a)] + size[U(b)] - nodes
        results[U(slot)] = at
        row = products + slot
        start[U(row)] = at
        size[U(row)] = nodes
        born_tick[U(row)] = tick
        born_slot[U(row)] = slot
        number_of[U(row)] = product
        put_label(labels, row, text, mark, slot)
        at += nodes
        copied[U(slot)] = pair_copies[pair]
        if pair_copies[pair] == 0:
            vetoed[U(slot)] = pair_vetoes[pair]
        for copy in range(pair_copies[pair]):
            if state[FILLED] < free.shape[0]:
                place = free[U(state[FILLED])]
                state[FILLED] += 1
                living[U(state[ALIVE])] = place
                state[ALIVE] += 1
                row_of[U(place)] = row
            elif bound > 0:
                word = place_word(seed, tick, slot, copy)
                row_of[U(overwritable[U(below(word, bound))])] = row
    state[SLOT], state[END] = rounds, at


def place_word(seed, tick, slot, copy):  # type: ignore[no-untyped-def]
    """The word that draws the place of a winner's copy; number 0 is the winner itself."""
    if copy == 0:
        return draw(seed, tick, np.uint64(slot), PLACE)[0]
    return draw(seed, tick, np.uint64(slot), COPY | (np.uint64(copy) << _NUMBER))[0]


def draw_places(seed, tick, slots, copied, words):  # type: ignore[no-untyped-def]
    """The words of all copies of the winners of these slots (int64), one behind the other.

    copied: how many each has; words uint32: the result, as many as they add up to.
    """
    at = 0
    for i in range(slots.shape[0]):
        for copy in range(copied[U(i)]):
            words[U(at)] = place_word(seed, tick, slots[U(i)], copy)
            at += 1
