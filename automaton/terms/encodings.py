"""What a lambda term means: Church encodings, operators, unification.

Terms are packed words; their shape is `packed`, its names are at hand here too.
Nothing here reads or prints notation, reduces, or touches anything outside;
nothing recurses on the depth of a term.
"""

from __future__ import annotations

import numpy as np

from automaton.terms.arrays import Words
from automaton.terms.packed import APP, LAM, VAR, apply, lam, var


def numeral(n: int) -> Words:
    """The Church numeral λf.λx.f (f ... x) with n times f; 2n + 3 nodes."""
    words = np.empty(2 * n + 3, np.int32)
    words[:2] = LAM
    words[2:-1:2] = 2 << 2 | APP
    words[3:-1:2] = 1 << 2 | VAR
    words[-1] = VAR
    return words


def numeral_value(words: Words) -> int | None:
    """The n of a term that is exactly λf.λx.f^n x, None for any other.

    λf.f is the numeral 1 only after eta expansion and does not count.
    """
    n, odd = divmod(len(words) - 3, 2)
    return n if n >= 0 and not odd and np.array_equal(words, numeral(n)) else None


def pair(first: Words, second: Words) -> Words:
    """The Church pair λf.f first second of two closed terms."""
    return lam(apply(apply(var(0), first), second))


def _lambdas(count: int, body: Words) -> Words:
    return np.concatenate((np.full(count, LAM, np.int32), body))


def _spine(head: Words, *arguments: Words) -> Words:
    """The head applied to the arguments, first to last."""
    for argument in arguments:
        head = apply(head, argument)
    return head


TRUE = _lambdas(2, var(1))
FALSE = _lambdas(2, var(0))
IDENTITY = lam(var(0))
SUCCESSOR = _lambdas(3, apply(var(1), _spine(var(2), var(1), var(0))))
PAIR = _lambdas(3, _spine(var(0), var(2), var(1)))
ADDITION = _lambdas(4, _spine(var(3), var(1), _spine(var(2), var(1), var(0))))
APPLICATION = _lambdas(2, apply(var(1), var(0)))

#: What the `currentState` of an automaton may name: the words of dimensions 0 to 7.
OPERATORS = {
    "identity": IDENTITY,
    "successor": SUCCESSOR,
    "pair": PAIR,
    "addition": ADDITION,
    **dict.fromkeys(
        ("application", "network", "consensus", "intelligence", "quantum"), APPLICATION
    ),
}


def operator_named(state: str) -> Words:
    """What the `currentState` of an automaton without a term stands for; the application else."""
    return OPERATORS.get(state, APPLICATION)
