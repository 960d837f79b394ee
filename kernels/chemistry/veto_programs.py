"""Vetoes over single terms: selectors as postfix programs, asked while a soup is computed.

What a selector means is `automaton.program.selectors`; there a column of candidates is
looked at, here one product at a time, before the next collision. Must not know which
objects the rules are.
"""

from __future__ import annotations

from kernels.terms.match import matches
from kernels.terms.packed import numeral_of
from kernels.typed import U

#: Steps of a program: rows (step, how, number). A comparison pushes one truth value, END
#: takes the last and ends a rule.
CONSTANT, SIZE, STEPS, NUMERAL, MATCHES, NOT, AND, OR, END = range(9)
#: How a comparison compares.
EQUAL, UNEQUAL, LESS, AT_MOST, GREATER, AT_LEAST = range(6)


def compares(how, left, right):  # type: ignore[no-untyped-def]
    """Whether two numbers compare so."""
    if how == EQUAL:
        return left == right
    if how == UNEQUAL:
        return left != right
    if how == LESS:
        return left < right
    if how == AT_MOST:
        return left <= right
    if how == GREATER:
        return left > right
    return left >= right


def first_veto(  # type: ignore[no-untyped-def]
    program, patterns, pattern_starts, truth, bound_start, bound_end, words, start, size, steps
):  # fmt: skip
    """The number, from 1, of the first rule that forbids words[start:start+size], or 0.

    program int64 [n, 3]: the rules' steps, one rule behind the other. patterns int32, that of
    number k in patterns[pattern_starts[k]:pattern_starts[k+1]]. steps: beta steps that made
    the term. Scratch: truth uint8, a place for each nested step; bound_start, bound_end int64,
    one for each metavariable.
    """
    top = 0
    rule = 1
    for at in range(program.shape[0]):
        step = program[U(at), 0]
        how = program[U(at), 1]
        number = program[U(at), 2]
        if step == END:
            top -= 1
            if truth[U(top)] != 0:
                return rule
            rule += 1
        elif step == NOT:
            truth[U(top - 1)] = 1 - truth[U(top - 1)]
        elif step == AND:
            top -= 1
            truth[U(top - 1)] = min(truth[U(top - 1)], truth[U(top)])
        elif step == OR:
            top -= 1
            truth[U(top - 1)] = max(truth[U(top - 1)], truth[U(top)])
        else:
            holds = number != 0
            if step == SIZE:
                holds = compares(how, size, number)
            elif step == STEPS:
                holds = compares(how, steps, number)
            elif step == NUMERAL:
                holds = numeral_of(words, start, size) >= 0
            elif step == MATCHES:
                pattern = patterns[pattern_starts[U(number)] : pattern_starts[U(number + 1)]]
                holds = matches(pattern, words, start, bound_start, bound_end)
            truth[U(top)] = 1 if holds else 0
            top += 1
    return 0
