"""Hybrid applicative order, one step at a time, with a limit on every term on the way.

The order of Sestoft (Demonstrating lambda calculus reduction, 2002): call by value finds
a function's head, arguments are reduced fully. A term without a normal form is reduced
even where the function ignores it, so this policy fails where leftmost-outermost
reduction answers. By literal substitution, because what is limited is the size of the
term itself. A step that looked for its redex from the root would find the same one: what
was left behind has none, and steps under lambdas make none outside.
"""

from __future__ import annotations

from .packed import APP, LAM, VAR, link
from .reduce import NORMAL, SIZE, STEPS
from .substitute import instantiate, span_end

VALUE, HYBRID = 0, 1
#: What of an application is done: nothing, its function, its argument, all but its function.
FRESH, FUNCTION, ARGUMENT, LAST = range(4)


def reduce_applicatively(  # type: ignore[no-untyped-def]
    term, size, max_steps, limit, other, marks, inner, stages
):  # fmt: skip
    """Reduce the linked term in term[:size]; returns (outcome, beta steps, size).

    term, other int32: two buffers of size + 2 * limit words; marks, inner, stages int32:
    scratch of twice as many. limit: nodes that the term may have after each step. The
    normal form stands, linked, in `term`. Words moved a step: those of the redex, of what
    it becomes, and of all behind it.
    """
    half = stages.shape[0] // 2  # positions stand below, stages and modes above
    steps = 0
    stages[0] = 0
    stages[half] = HYBRID
    top = 1
    while top > 0:
        at = stages[top - 1]
        word = term[at]
        tag = word & 3
        mode = stages[half + top - 1] & 1
        stage = stages[half + top - 1] >> 1
        if tag == VAR or stage == LAST or (tag == LAM and mode == VALUE):
            top -= 1
            continue
        if tag == LAM:
            stages[top - 1] = at + 1
            continue
        if stage < ARGUMENT:
            stages[half + top - 1] += 2
            stages[top] = at + 1 if stage == FRESH else at + (word >> 2)
            stages[half + top] = VALUE if stage == FRESH else mode
            top += 1
            continue
        if term[at + 1] & 3 != LAM:
            stages[half + top - 1] = LAST << 1 | mode
            if mode == HYBRID:
                stages[top] = at + 1
                stages[half + top] = HYBRID
                top += 1
            continue
        if steps >= max_steps:
            return STEPS, steps, size
        steps += 1
        argument = at + (word >> 2)
        behind = span_end(term, argument)
        made = instantiate(term, at + 2, argument, behind, 0, limit, other, marks, inner)
        if made < 0 or size + made - (behind - at) > limit:
            return SIZE, steps, size
        replace(term, at, behind, size, made, other, marks)
        grown = made - (behind - at)
        size += grown
        for k in range(top - 1):  # the redex stands in the function of some applications
            above = stages[k]
            if term[above] & 3 == APP and above + (term[above] >> 2) > at:
                term[above] += grown << 2
        stages[half + top - 1] = mode
    return (NORMAL if size <= limit else SIZE), steps, size


def replace(term, begin, end, size, made, new, marks):  # type: ignore[no-untyped-def]
    """Put new[:made], linked, in the place of term[begin:end], moving what stands behind."""
    grown = made - (end - begin)
    if grown > 0:
        for i in range(size - 1, end - 1, -1):
            term[i + grown] = term[i]
    elif grown < 0:
        for i in range(end, size):
            term[i + grown] = term[i]
    for i in range(made):
        term[begin + i] = new[i]
    link(term, begin, made, marks)
