"""A probabilistic grammar of lambda terms: the random terms of the first algorithmic chemistry.

As the public engine of Fontana and Buss draws them (1994; used by Mathis, Patel, Weimer and
Forrest, Chaos 34, 2024). At the k-th of `depth` levels a node is an abstraction with
probability .3 - .2 s, an application with .5 + .2 s and a variable with .2, where
s = (k - 1) / (depth - 1); below the last level it is a variable. A name is one of six
letters; an abstraction binds the letter that it draws. The term is reduced to its normal
form, and the letters that are free in it are bound by lambdas before it, the first to occur
innermost. A draw without a normal form within the limits, or without a free letter, is
drawn again. Must not know where the draws come from.
"""

from __future__ import annotations

import numpy as np

from automaton.terms.arrays import Words
from automaton.terms.generators import Below
from automaton.terms.packed import APP, LAM, VAR, apply, lam, var
from automaton.terms.reference import reduce

#: Most levels.
MOST_LEVELS = 12
_LETTERS = 6
_STEPS, _NODES, _PENDING = 500, 800, 256
_ABSTRACTION, _APPLICATION, _VARIABLE = 3, 5, 2  # of ten, at the first level
_CHANGE = 2  # of ten, from the first level to the last
_TAG = 3
_DRAWS = 100  # of which none gives a term: never by chance, always where draws are no draws


def grammar_term(depth: int, below: Below) -> Words:
    """A closed term in normal form, of a derivation of at most depth + 1 levels."""
    free = tuple(range(_LETTERS))
    for _ in range(_DRAWS):
        words = _derived(1, depth, free, below)
        for _ in free:  # so that the term that is reduced is closed
            words = lam(words)
        found = reduce(words, _STEPS, _NODES, _PENDING).words
        closed = None if found is None else _bound_by_prefix(found[_LETTERS:])
        if closed is not None:
            return closed
    return lam(var(0))


def _derived(level: int, depth: int, letters: tuple[int, ...], below: Below) -> Words:
    """A term of the grammar; `letters` are those of the lambdas around it, innermost first."""
    if level > depth:
        return var(letters.index(below(_LETTERS)))
    scale = max(1, depth - 1)
    change = _CHANGE * (level - 1)
    coin = below((_ABSTRACTION + _APPLICATION + _VARIABLE) * scale)
    abstractions = _ABSTRACTION * scale - change
    if coin < abstractions:
        letter = below(_LETTERS)
        return lam(_derived(level + 1, depth, (letter, *letters), below))
    if coin < abstractions + _APPLICATION * scale + change:
        function = _derived(level + 1, depth, letters, below)
        return apply(function, _derived(level + 1, depth, letters, below))
    return var(letters.index(below(_LETTERS)))


def _bound_by_prefix(words: Words) -> Words | None:
    """The term under lambdas that bind its free variables, the first to occur innermost.

    None where there is none.
    """
    closed, order, depths = words.copy(), dict[int, int](), [0]
    for at, word in enumerate(words.tolist()):
        depth = depths.pop()
        if word & _TAG == LAM:
            depths.append(depth + 1)
        elif word & _TAG == APP:
            depths += [depth, depth]
        elif word >> 2 >= depth:
            place = order.setdefault((word >> 2) - depth, len(order))
            closed[at] = (depth + place) << 2 | VAR
    prefix = np.full(len(order), LAM, dtype=np.int32)
    return np.concatenate([prefix, closed]).astype(np.int32) if order else None
