"""Breeding candidates: reactions of terms, and terms with a subterm put in another's place.

Who is chosen is a function of seed, round and slot. A candidate is kept as its
normal form, so that equal ones are equal words. Terms come in CSR form in `code`;
which rows may be parents, best first, the caller says. Bodies only.
"""

from __future__ import annotations

import numpy as np

from kernels.philox import below, draw
from kernels.terms.enumerate_forms import FORM, write_form
from kernels.terms.match import subterm_end
from kernels.terms.packed import LAM, is_normal, link
from kernels.terms.reduce import NORMAL, normalise, reaction
from kernels.typed import U

#: How a candidate was made.
NOTHING, REACTION, GRAFT, DRAWN = 0, 1, 2, 3
#: Words of a record of a candidate: how, operator (of a reaction), a, b (rows), node (of a,
#: where the subterm was put), bits and rank (of a drawn form).
RECORD = 7
#: Least bits of a drawn subterm, and how many sizes there are above that.
LEAST_BITS, SIZES = 2, 13
_QUARTERS = np.uint64(3)
_TWO = np.uint64(2)
_ONE = np.uint64(1)


def depth_of(words, start, node):  # type: ignore[no-untyped-def]
    """How many lambdas of the linked term at words[start] stand around its node."""
    depth = 0
    i = start
    while i < start + node:
        if words[U(i)] & 3 == LAM:
            depth += 1
            i += 1
        else:
            argument = i + (words[U(i)] >> 2)
            i = argument if argument <= start + node else i + 1
    return depth


def parent(first, second, order, tournament):  # type: ignore[no-untyped-def]
    """The row that two words draw: the better of two, or (without a tournament) the first."""
    one = below(first, np.uint64(order.shape[0]))
    other = below(second, np.uint64(order.shape[0]))
    return order[U(min(one, other))] if tournament else order[U(one)]


def changed(  # type: ignore[no-untyped-def]
    code, start, size, node, other, other_size, drawn, heads, forms, leading, none, none_sizes,
    bits, rank, draft, stack, linking,
):  # fmt: skip
    """Write the term at code[start] to draft with its subterm at `node` replaced.

    By the closed term at code[other], or where `drawn` by the form number `rank` (taken
    modulo their count) of so many bits. Returns (size, rank); size 0: it does not fit.
    """
    end = subterm_end(code, start + node)
    for k in range(node):
        draft[U(k)] = code[U(start + k)]
    put = other_size
    if drawn:
        depth = depth_of(code, start, node)
        count = forms[U(bits), U(depth)] if depth + bits // 2 + 1 < forms.shape[1] else 0
        if count == 0 or node + bits > draft.shape[0]:
            return 0, 0
        rank = rank % count
        put = write_form(
            heads, forms, leading, 0, 0, 0, none, none_sizes, code,
            FORM, bits, depth, rank, draft, node, stack,
        )  # fmt: skip
    else:
        if node + put > draft.shape[0]:
            return 0, 0
        for k in range(put):
            draft[U(node + k)] = code[U(other + k)]
    rest = start + size - end
    if node + put + rest > draft.shape[0]:
        return 0, 0
    for k in range(rest):
        draft[U(node + put + k)] = code[U(end + k)]
    link(draft, 0, node + put + rest, linking)
    return node + put + rest, rank


def breed(  # type: ignore[no-untyped-def]
    seed, round_, purpose, lo, hi, code, starts, sizes, order, tournament, operators, reactions,
    heads, forms, leading, none, none_sizes, max_steps, max_size, max_depth,
    out, at, made, steps, records, draft, stack, linking,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Make the candidates lo..hi-1: candidate i stands in out[at + i * max_size:], made[i] nodes.

    seed, round_, purpose uint64: of the draws. order int32: rows of possible parents, best
    first. operators int32: rows. reactions: how many quarters of the candidates are
    reactions `(op a) b`; of the others one half has a subterm of a replaced by b, one by a
    drawn form. made int32[n]: 0 where nothing came of it; steps int64[n]; records
    int32[n, RECORD]. draft int32: room for a term before it is reduced.
    """
    for i in range(lo, hi):
        w0, w1, w2, w3 = draw(seed, round_, np.uint64(2 * i), purpose)
        v0, v1, v2, v3 = draw(seed, round_, np.uint64(2 * i + 1), purpose)
        a = parent(w0, w1, order, tournament)
        b = parent(w2, v0, order, tournament)
        for k in range(RECORD):
            records[U(i), U(k)] = 0
        records[U(i), 2] = a
        records[U(i), 3] = b
        made[U(i)] = 0
        steps[U(i)] = 0
        place = at + i * max_size
        if (w3 & _QUARTERS) < reactions:
            op = operators[U(below(v1, np.uint64(operators.shape[0])))]
            records[U(i), 0] = REACTION
            records[U(i), 1] = op
            outcome, beta, size = reaction(
                code, starts[U(op)], sizes[U(op)],
                starts[U(a)], sizes[U(a)], is_normal(code, starts[U(a)], sizes[U(a)]),
                starts[U(b)], sizes[U(b)], is_normal(code, starts[U(b)], sizes[U(b)]),
                False, max_steps, max_size, max_depth,
                3 * max_size + 2, out, place,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
        else:
            drawn = ((w3 >> _TWO) & _ONE) == _ONE
            node = below(v1, np.uint64(sizes[U(a)]))
            bits = LEAST_BITS + below(v2, np.uint64(SIZES))
            size, rank = changed(
                code, starts[U(a)], sizes[U(a)], np.int64(node), starts[U(b)], sizes[U(b)], drawn,
                heads, forms, leading, none, none_sizes, np.int64(bits), np.int64(v3),
                draft, stack, linking,
            )  # fmt: skip
            records[U(i), 0] = DRAWN if drawn else GRAFT
            records[U(i), 4] = node
            if drawn:
                records[U(i), 3] = 0
                records[U(i), 5] = bits
                records[U(i), 6] = rank
            if size == 0:
                continue
            outcome, beta, size = normalise(
                draft, 0, max_steps, max_size, max_depth, out, place, 0, 0, -1, 0, -1, 0,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
        steps[U(i)] = beta
        if outcome == NORMAL:
            made[U(i)] = size
