"""Rewriting one packed term by a pattern and a replacement: match at the root, put together anew.

A metavariable under k lambdas of the pattern stands for a term in their k variables;
in the replacement it gets the k outermost variables there. Bodies only; what a rule
is, and that its metavariables fit, is decided by whoever read it.
"""

from __future__ import annotations

from .match import matches
from .packed import APP, LAM, META, link


def lift(words, start, size, more, out, at, stack):  # type: ignore[no-untyped-def]
    """Copy a term to out[at:], its free indices raised by `more`; stack int32[size]: scratch."""
    depth = 0
    top = 0
    for i in range(size):
        word = words[start + i]
        out[at + i] = word
        if word & 3 == LAM:
            depth += 1
        elif word & 3 == APP:
            stack[top] = depth  # of the argument, which follows when the function has ended
            top += 1
        else:
            if word >> 2 >= depth:
                out[at + i] = word + (more << 2)
            if top > 0:
                top -= 1
                depth = stack[top]


def rewrite(  # type: ignore[no-untyped-def]
    pattern, replacement, under, depths, words, start, limit, out, stack, bound_start, bound_end
):
    """Write the operator λa.λb.t, t being what a rule makes of the linked term at words[start].

    pattern, replacement int32; under int32 by metavariable: the lambdas around it in the
    pattern; depths int32 by node of the replacement: the lambdas around it. Returns the
    operator's nodes, 0 where the term does not match or they would be more than `limit`
    (at least 2). out, stack int32[limit]; bound_start, bound_end int64 by metavariable.
    """
    if not matches(pattern, words, start, bound_start, bound_end):
        return 0
    out[0] = LAM
    out[1] = LAM
    n = 2
    for p in range(replacement.shape[0]):
        word = replacement[p]
        if word & 3 != META:
            if n >= limit:
                return 0
            out[n] = word
            n += 1
            continue
        meta = word >> 2
        size = bound_end[meta] - bound_start[meta]
        if n + size > limit:
            return 0
        lift(words, bound_start[meta], size, depths[p] - under[meta], out, n, stack)
        n += size
    link(out, 0, n, stack)
    return n
