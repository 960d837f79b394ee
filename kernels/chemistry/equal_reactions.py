"""Equal reactions of a batch told apart from different ones, so that each is made once.

A reaction is a function of three terms. Terms are equal where their words are: a hash
finds candidates, words decide, so that no collision can change a result. What the
first of equal reactions came to is then the result of all.
"""

from __future__ import annotations

import numpy as np

from kernels.terms.church import UNDECIDED
from kernels.terms.packed import same
from kernels.terms.reduce import EMPTY, NORMAL, reaction
from kernels.typed import U, signed

from .react import by_closed_form, choose

_MIX_A = signed(0x9E3779B97F4A7C15)
_MIX_B = signed(0xC2B2AE3D27D4EB4F)
_HIGH = np.uint64(32)


def draw_reactants(  # type: ignore[no-untyped-def]
    seed, tick, purpose, lo, hi, choices_a, choices_b, operator, operator_of,
    places_a, places_b, operators,
):  # fmt: skip
    """The rows of the slots lo..hi-1, drawn as `react.react` draws them."""
    for slot in range(lo, hi):
        a, b = choose(seed, tick, slot, purpose, choices_a, choices_b)
        places_a[U(slot)] = a
        places_b[U(slot)] = b
        operators[U(slot)] = operator
        if a >= 0 and operator_of.shape[0] > 0 and operator_of[U(a)] >= 0:
            operators[U(slot)] = operator_of[U(a)]


def class_of(row, code, start, size, hashes, mask, alike, rows):  # type: ignore[no-untyped-def]
    """The row that stands for all whose term equals this one's: the first that was asked for.

    alike int32 by row: -1, or that row. rows int32, a power of two of them, more than
    there are such rows: an open-addressed table, -1 where empty. Both are kept up.
    """
    if alike[U(row)] >= 0:
        return alike[U(row)]
    hashed = hashes[U(row)] & mask
    last = np.uint64(len(rows) - 1)
    at = hashed & last
    while rows[U(at)] >= 0:
        other = rows[U(at)]
        if (
            hashes[U(other)] & mask == hashed
            and size[U(other)] == size[U(row)]
            and same(code, start[U(other)], code, start[U(row)], size[U(row)])
        ):
            alike[U(row)] = other
            return other
        at = (at + np.uint64(1)) & last
    rows[U(at)] = row
    alike[U(row)] = row
    return row


def hash_of_kind(a, b, op):  # type: ignore[no-untyped-def]
    """A hash of the classes of a reaction's terms (int32), of which the upper half is zero."""
    hashed = (np.uint64(a) * np.uint64(_MIX_A) + np.uint64(b)) * np.uint64(_MIX_B) + np.uint64(op)
    hashed = (hashed ^ (hashed >> _HIGH)) * np.uint64(_MIX_A)
    return hashed >> _HIGH


def group(  # type: ignore[no-untyped-def]
    count, code, start, size, hashes, places_a, places_b, operators, mask, most, alike, rows,
    table, first, distinct,
):  # fmt: skip
    """Find the first slot of each kind of reaction; returns how many kinds there are.

    count: slots. code int32, start int64, size int32, hashes uint64 (`term_hash`) by row;
    places_a, places_b, operators int32 by slot, -1 for a slot without reactants. mask
    uint64: bits of a hash that are looked at (all; fewer in tests). most: kinds from
    which on the search is given up. alike, rows as in `class_of`, table int32 likewise, of
    slots: all -1. Results: first int32 by slot, the slot whose reaction it equals (-1
    without reactants), distinct int32: those slots, ascending. About 50 bytes a slot.
    """
    kinds = 0
    last = np.uint64(len(table) - 1)
    for slot in range(count):
        if places_a[U(slot)] < 0:
            first[U(slot)] = -1
            continue
        a = class_of(places_a[U(slot)], code, start, size, hashes, mask, alike, rows)
        b = class_of(places_b[U(slot)], code, start, size, hashes, mask, alike, rows)
        op = class_of(operators[U(slot)], code, start, size, hashes, mask, alike, rows)
        at = (hash_of_kind(a, b, op) & mask) & last
        while True:
            other = table[U(at)]
            if other < 0:
                if kinds >= most:
                    return -1
                table[U(at)] = slot
                first[U(slot)] = slot
                distinct[U(kinds)] = slot
                kinds += 1
                break
            if (
                alike[U(places_a[U(other)])] == a
                and alike[U(places_b[U(other)])] == b
                and alike[U(operators[U(other)])] == op
            ):
                first[U(slot)] = other
                break
            at = (at + np.uint64(1)) & last
    return kinds


def react_distinct(  # type: ignore[no-untyped-def]
    lo, hi, distinct, code, start, size, normal, value, form,
    copies, max_steps, max_size, max_depth, max_input,
    outcomes, steps, sizes, places_a, places_b, operators, results, out, at,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """The reactions of the slots distinct[lo:hi], as `react.react_proposed` makes them."""
    for k in range(lo, hi):
        slot = distinct[U(k)]
        op, a, b = operators[U(slot)], places_a[U(slot)], places_b[U(slot)]
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


def share_results(  # type: ignore[no-untyped-def]
    lo, hi, first, size, places_a, places_b, weighed, outcomes, steps, sizes, results, salience
):  # fmt: skip
    """Give the slots lo..hi-1 what the first of their kind came to.

    weighed: whether salience int32 is that of `react.react`, or is left to the judge.
    """
    for slot in range(lo, hi):
        own = first[U(slot)]
        if own < 0:
            outcomes[U(slot)] = EMPTY
            steps[U(slot)] = 0
            sizes[U(slot)] = 0
            results[U(slot)] = -1
        elif own != slot:
            outcomes[U(slot)] = outcomes[U(own)]
            steps[U(slot)] = steps[U(own)]
            sizes[U(slot)] = sizes[U(own)]
            results[U(slot)] = results[U(own)]
        if weighed:
            salience[U(slot)] = 0
            if outcomes[U(slot)] == NORMAL:
                a, b = places_a[U(slot)], places_b[U(slot)]
                salience[U(slot)] = size[U(a)] + size[U(b)] - sizes[U(slot)]
