"""Leftmost-outermost reduction by literal substitution: the reference, not the engine.

Terms without offsets (an application's payload is ignored), rewritten whole at
every step in two buffers. It is 5 to 750 times slower than the machine of
`reduce` and fails on intermediate size; it shares no idea with it, which is
its use: the two must agree wherever both finish.
"""

from __future__ import annotations

from .packed import APP, LAM, VAR, link

NORMAL, STEPS, NODES = 0, 2, 7


def span_end(term, i):  # type: ignore[no-untyped-def]
    """The position behind the subterm at i."""
    missing = 1
    while missing > 0:
        tag = term[i] & 3
        if tag == APP:
            missing += 1
        elif tag == VAR:
            missing -= 1
        i += 1
    return i


def shifted(term, begin, end, by, out, at, marks):  # type: ignore[no-untyped-def]
    """Copy the subterm with its free variables raised by `by`; returns the next position."""
    depth = 0
    top = 0
    missing = 1
    for i in range(begin, end):
        word = term[i]
        tag = word & 3
        if tag == APP:
            missing += 1
        elif tag == LAM:
            marks[top] = missing
            top += 1
            missing = 1
            depth += 1
        else:
            if word >> 2 >= depth:
                word = word + (by << 2)
            missing -= 1
            while missing == 0 and top > 0:
                top -= 1
                missing = marks[top] - 1
                depth -= 1
        out[at] = word
        at += 1
    return at


def instantiate(  # type: ignore[no-untyped-def]
    term, body, argument, behind, at, limit, out, marks, inner
):  # fmt: skip
    """Write the body of a lambda to out[at:], its argument put in; the next position.

    The body is term[body:argument], the argument term[argument:behind]. Returns -1 once
    more than `limit` words stand in out. marks, inner: int32 scratch, a word a lambda.
    """
    depth = 0
    top = 0
    missing = 1
    for i in range(body, argument):
        word = term[i]
        tag = word & 3
        if at > limit:
            return -1
        if tag == APP:
            missing += 1
        elif tag == LAM:
            marks[top] = missing
            top += 1
            missing = 1
            depth += 1
        if tag != VAR or word >> 2 < depth:
            out[at] = word
            at += 1
        elif word >> 2 == depth:
            at = shifted(term, argument, behind, depth, out, at, inner)
        else:
            out[at] = word - (1 << 2)
            at += 1
        if tag == VAR:
            missing -= 1
            while missing == 0 and top > 0:
                top -= 1
                missing = marks[top] - 1
                depth -= 1
    return at


def contract(term, redex, size, limit, out, marks, marks_inner):  # type: ignore[no-untyped-def]
    """Write the term with the redex contracted to out; returns its size, or -1 over limit."""
    body = redex + 2
    argument = span_end(term, body)
    behind = span_end(term, argument)
    for i in range(redex):
        out[i] = term[i]
    at = instantiate(term, body, argument, behind, redex, limit, out, marks, marks_inner)
    if at < 0 or at + size - behind > limit:
        return -1
    for i in range(behind, size):
        out[at] = term[i]
        at += 1
    return at


def substitute(term, size, max_steps, limit, other, marks, marks_inner):  # type: ignore[no-untyped-def]
    """Reduce the term in term[:size] to normal form, leftmost redex first.

    term, other: int32[2 * limit], the two buffers (a step is given up once it has
    written more than `limit`); marks, marks_inner: int32[limit] scratch.
    Returns (outcome, steps, size); outcome NORMAL, STEPS, or NODES where a term on
    the way has more than `limit` nodes. The normal form stands, linked,
    in `term`.
    """
    steps = 0
    while True:
        redex = 0
        while redex < size - 1 and not (term[redex] & 3 == APP and term[redex + 1] & 3 == LAM):
            redex += 1
        if redex >= size - 1:
            link(term, 0, size, marks)
            return NORMAL, steps, size
        if steps >= max_steps:
            return STEPS, steps, size
        new_size = contract(term, redex, size, limit, other, marks, marks_inner)
        if new_size < 0:
            return NODES, steps, size
        for i in range(new_size):
            term[i] = other[i]
        size = new_size
        steps += 1
