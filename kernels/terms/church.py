"""Church numerals in batches: packed, as counts, reduced, and by closed form.

The numeral n is λf.λx.f (f ... x): 2n + 3 words. `operate` lets the machine of
`reduce` reduce an operator on numerals; `closed_form` knows the outcome, the
beta steps and the value without reducing, for the operators of `OPERATORS`, and
says `UNDECIDED` where it does not: then the machine is to be asked.

Why the closed forms hold. Under leftmost-outermost reduction (op m) n makes p
steps until two lambdas are read out; from there on the work is a forest whose
leaves, left to right, are the f that are read out, and whose inner nodes are
beta steps made on the way to their first leaf, two each: a numeral k applied to
g and y becomes g (g ... y), so a node has k children. With A0 = x and
A(k+1) = n Ak the body of n^m is the tree of Am: height m, n children a node.
The limits are met in the order of this walk: before leaf i stand the inner nodes
whose first leaf is at most i. At most three arguments are pending at a time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kernels.typed import U

from .packed import APP, LAM, VAR, link
from .reduce import COPY, DEPTH, INPUT, NORMAL, PENDING, SIZE, STEPS, normalise

OK, OVERFLOW, NEGATIVE = range(3)
STATUS = ("ok", "overflow", "negative")
NO_COUNT = -1  # where there is no value: not a numeral, overflow, negative

UNDECIDED = 255  # the outcome of a closed form that does not know: ask the machine
LEAST_STEPS, LEAST_SIZE, LEAST_DEPTH = 8, 3, 3  # budgets from which on closed forms hold
MOST_COUNT = 1 << 28  # larger numerals have too many words for a batch

_PLENTY = 1 << 32  # beyond every budget: powers and step counts stop growing there
_RESULT_IDENTITY, _RESULT_PAIR = -2, -3  # values that are no numerals
_F = 1 << 2 | VAR
_APPLY = 2 << 2 | APP  # an application whose function is one word


def _term(*words):  # type: ignore[no-untyped-def]
    """A packed term from words whose applications lack their offsets."""
    term = np.array(words, dtype=np.int32)
    link(term, 0, len(term), np.empty(len(term), dtype=np.int32))
    term.flags.writeable = False
    return term


#: The operators whose reactions on numerals are known; 0 is any other.
IDENTITY, APPLICATION, POWER, PAIR = range(1, 5)
SUCCESSOR, ADDITION, MULTIPLICATION, EXPONENTIATION = range(5, 9)
OPERATORS = {
    IDENTITY: _term(LAM, VAR),  # λx.x: m n, which is n**m
    APPLICATION: _term(*[LAM] * 2, APP, _F, VAR),  # λa.λb.a b
    POWER: _term(*[LAM] * 2, APP, VAR, _F),  # λm.λn.n m: m**n, but λx.x for n = 0
    PAIR: _term(*[LAM] * 3, APP, APP, VAR, 2 << 2, _F),  # λx.λy.λf.f x y
    SUCCESSOR: _term(*[LAM] * 3, APP, _F, APP, APP, 2 << 2, _F, VAR),  # λn.λf.λx.f (n f x)
    ADDITION: _term(*[LAM] * 4, APP, APP, 3 << 2, _F, APP, APP, 2 << 2, _F, VAR),  # m f (n f x)
    MULTIPLICATION: _term(*[LAM] * 3, APP, 2 << 2, APP, _F, VAR),  # λm.λn.λf.m (n f)
    # λm.λn.λf.λx.n m f x: m**n, also for n = 0
    EXPONENTIATION: _term(*[LAM] * 4, APP, APP, APP, 2 << 2, 3 << 2, _F, VAR),
}


def kind_of(operator: npt.NDArray[np.int32]) -> int:
    """The number of a packed operator in `OPERATORS`, 0 for any other."""
    for kind, words in OPERATORS.items():
        if np.array_equal(operator, words):
            return kind
    return 0


def write_numeral(out, at, n):  # type: ignore[no-untyped-def]
    """Write the numeral n to out[at:at+2n+3]."""
    out[U(at)] = LAM
    out[U(at + 1)] = LAM
    for k in range(n):
        out[U(at + 2 + 2 * k)] = _APPLY
        out[U(at + 3 + 2 * k)] = _F
    out[U(at + 2 + 2 * n)] = VAR


def encode_numerals(ns, starts, lo, hi, code):  # type: ignore[no-untyped-def]
    """Write the numerals lo..hi-1: ns, starts int64[n], code int32. 16 bytes in, 4 a word out."""
    for i in range(lo, hi):
        write_numeral(code, starts[U(i)], ns[U(i)])


def decode_numerals(code, starts, sizes, lo, hi, ns):  # type: ignore[no-untyped-def]
    """The values of the terms lo..hi-1, -1 for what is not a numeral: ns int64[n].

    Every word is compared, offsets too: 4 bytes a word in.
    """
    for i in range(lo, hi):
        size = sizes[U(i)]
        start = starts[U(i)]
        ns[U(i)] = NO_COUNT
        if size < 3 or size & 1 == 0:
            continue
        n = (size - 3) >> 1
        wrong = (code[U(start)] ^ LAM) | (code[U(start + 1)] ^ LAM) | code[U(start + size - 1)]
        for k in range(n):
            wrong |= code[U(start + 2 + 2 * k)] ^ _APPLY
            wrong |= code[U(start + 3 + 2 * k)] ^ _F
        if wrong == 0:
            ns[U(i)] = n


def add_counts(ms, ns, lo, hi, sums, status):  # type: ignore[no-untyped-def]
    """Sums of int64 counts; -1 and its status (uint8) where there is none. 25 bytes an element."""
    for i in range(lo, hi):
        m = ms[U(i)]
        n = ns[U(i)]
        negative = (m | n) < 0
        overflow = not negative and m > np.int64(0x7FFFFFFFFFFFFFFF) - max(n, np.int64(0))
        failed = negative or overflow
        sums[U(i)] = NO_COUNT if failed else m + n
        status[U(i)] = NEGATIVE if negative else (OVERFLOW if overflow else OK)


def mult_counts(ms, ns, lo, hi, products, status):  # type: ignore[no-untyped-def]
    """Products of int64 counts; -1 and its status (uint8) where there is none.

    The halves of 32 bits say whether the product needs more than 63, without a
    division. 25 bytes an element.
    """
    low = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    for i in range(lo, hi):
        m = ms[U(i)]
        n = ns[U(i)]
        negative = (m | n) < 0
        a = np.uint64(0 if negative else m)
        b = np.uint64(0 if negative else n)
        a1, a0 = a >> half, a & low
        b1, b0 = b >> half, b & low
        both = (a1 * b1) != np.uint64(0)
        upper = a1 * b0 + a0 * b1 + ((a0 * b0) >> half)  # below 2**64 unless both
        overflow = both or upper >= np.uint64(1 << 31)
        products[U(i)] = NO_COUNT if negative or overflow else np.int64(a * b)
        status[U(i)] = NEGATIVE if negative else (OVERFLOW if overflow else OK)


def operate(  # type: ignore[no-untyped-def]
    code, op, arity, left, right, lo, hi, max_steps, max_size, max_depth, out, capacity,
    outcomes, steps, sizes, places,
    cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
):  # fmt: skip
    """Reduce the operator at code[op] on closed terms; stop when the room is used up.

    arity 1: on code[left[i]], 2: on code[right[i]] too; left, right int64[n]. The
    results, the scratch and what is returned are those of `reduce.reduce_terms`.
    """
    at = 0
    for i in range(lo, hi):
        if at + max_size > capacity:
            return i
        outcome, made, size = DEPTH, 0, 0
        if arity <= max_depth:
            if arity == 2:
                stack_code[0] = right[U(i)]
                stack_env[0] = -1
                stack_level[0] = PENDING
            stack_code[U(arity - 1)] = left[U(i)]
            stack_env[U(arity - 1)] = -1
            stack_level[U(arity - 1)] = PENDING
            outcome, made, size = normalise(
                code, op, max_steps, max_size, max_depth, out, at, 0, arity, -1, 0, -1, 0,
                cell_code, cell_env, cell_next, stack_code, stack_env, stack_level, stack_node,
            )  # fmt: skip
        outcomes[U(i)] = outcome
        steps[U(i)] = made
        sizes[U(i)] = size if outcome == NORMAL else 0
        places[U(i)] = at if outcome == NORMAL else -1
        if outcome == NORMAL:
            at += size
    return hi


def forest(base, height):  # type: ignore[no-untyped-def]
    """Leaves and inner nodes of a full tree, neither beyond `_PLENTY`."""
    if base < 2:
        return (1, height) if base == 1 else (1, 0) if height == 0 else (0, 1)
    leaves, nodes = 1, 0
    for _ in range(height):
        nodes = min(nodes + leaves, _PLENTY)
        leaves = min(leaves * base, _PLENTY)
        if leaves == _PLENTY:
            return leaves, leaves
    return leaves, nodes


def nodes_before(base, height, leaf):  # type: ignore[no-untyped-def]
    """Inner nodes of the full tree whose first leaf is at most this one."""
    nodes = height
    below = base
    for _ in range(height):
        if base < 2 or below > leaf:
            break
        nodes += leaf // below
        below *= base
    return nodes


def closed_form(kind, m, n, max_steps, max_size, max_depth):  # type: ignore[no-untyped-def]
    """(outcome, beta steps, value) of the reaction (op m) n; 0 <= m, n < MOST_COUNT.

    Value: the numeral's, or what `write_result` knows; it counts with NORMAL alone.
    """
    least = max_steps >= LEAST_STEPS and max_size >= LEAST_SIZE and max_depth >= LEAST_DEPTH
    if kind < IDENTITY or not least:
        return UNDECIDED, 0, 0
    if kind == PAIR:
        size = 10 + 2 * m + 2 * n
        return (NORMAL if size <= max_size else SIZE), 2, _RESULT_PAIR
    room = (max_size - 2) >> 1  # leaves that fit
    groups, first, height, base = 0, 0, 0, 0  # groups of equal trees, steps made before them
    if kind == ADDITION:
        if m + n <= room:
            return (NORMAL if 2 * (m + n) + 3 <= max_size else SIZE), 6, m + n
        return SIZE, (4 if room < m else 6), 0
    if kind == MULTIPLICATION:
        groups, first, base, height = m, 3, n, 0
    elif kind == SUCCESSOR:
        groups, first, base, height = n, 3, n, m
    elif kind == EXPONENTIATION:
        groups, first, base, height = 1, 4, m, n
    else:
        first = 1 if kind == IDENTITY else 2
        groups, base, height = (1, m, n) if kind == POWER else (1, n, m)
        if height == 0:
            return NORMAL, first + 1, _RESULT_IDENTITY
    leaves, nodes = forest(base, height)
    grouped = kind == MULTIPLICATION or kind == SUCCESSOR  # noqa: PLR1714 - numba
    if kind == MULTIPLICATION:
        leaves = n
    count = groups * leaves
    if count > room:  # the room is used up before leaf number `room`, in group g of them
        g = room // leaves
        inner = nodes_before(base, height, room - g * leaves) + g * nodes
        made = first + 2 * (inner + (g + 1 if grouped else 0))
        return (SIZE, made, 0) if made <= max_steps else (STEPS, max_steps, 0)
    made = first + 2 * groups * (nodes + (1 if grouped else 0))
    if made > max_steps:
        return STEPS, max_steps, 0
    return (NORMAL if 2 * count + 3 <= max_size else SIZE), made, count


def write_result(value, m, n, out, at):  # type: ignore[no-untyped-def]
    """Write the normal form that a closed form's value stands for; returns its size."""
    if value >= 0:
        write_numeral(out, at, value)
        return 2 * value + 3
    out[U(at)] = LAM
    if value == _RESULT_IDENTITY:
        out[U(at + 1)] = VAR
        return 2
    out[U(at + 1)] = (2 * m + 6) << 2 | APP
    out[U(at + 2)] = _APPLY
    out[U(at + 3)] = VAR
    write_numeral(out, at + 4, m)
    write_numeral(out, at + 7 + 2 * m, n)
    return 2 * (m + n) + 10


def church_reaction(  # type: ignore[no-untyped-def]
    kind, op_size, m, n, copies, max_steps, max_size, max_depth, max_input, out, at
):
    """`reduce.reaction` of an operator of `OPERATORS` on two numerals, or UNDECIDED.

    Returns (outcome, beta steps, size); after NORMAL and COPY the normal form
    stands in out[at:at+size]. 4 bytes a word out.
    """
    if 2 + op_size + 2 * (m + n) + 6 > max_input:
        return INPUT, 0, 0
    if max_depth < 2:
        return DEPTH, 0, 0
    outcome, made, value = closed_form(kind, m, n, max_steps, max_size, max_depth)
    if outcome != NORMAL:
        return outcome, made, 0
    size = write_result(value, m, n, out, at)
    if not copies and value >= 0 and (value == m or value == n):  # noqa: PLR1714, SIM109 - numba
        return COPY, made, size
    return NORMAL, made, size


def church_reactions(  # type: ignore[no-untyped-def]
    kind, op_size, ms, ns, lo, hi, copies, max_steps, max_size, max_depth, max_input,
    out, at, outcomes, steps, sizes, places,
):  # fmt: skip
    """`church_reaction` for the pairs lo..hi-1; the columns of `react.react` by pair.

    ms, ns int64[n] from 0 to MOST_COUNT - 1; outcomes uint8, steps, sizes int32,
    places int64 (start in out, -1 unless NORMAL); out int32 needs
    (hi-lo)*max_size words from `at` on.
    """
    for i in range(lo, hi):
        outcome, made, size = church_reaction(
            kind, op_size, ms[U(i)], ns[U(i)], copies,
            max_steps, max_size, max_depth, max_input, out, at,
        )  # fmt: skip
        outcomes[U(i)] = outcome
        steps[U(i)] = made
        sizes[U(i)] = size
        places[U(i)] = -1
        if outcome == NORMAL:
            places[U(i)] = at
            at += size
