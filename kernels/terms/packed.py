"""Packed terms: preorder, one int32 word a node, de Bruijn indices.

The two low bits of a word are its tag: a variable (payload: its index), a
lambda, or an application (payload: the offset from here to its argument; the
function follows directly). Spans hold no absolute position, so a term can be
copied anywhere. Bodies only: no printing, no meaning beyond the shape.
"""

from __future__ import annotations

import numpy as np

from kernels.typed import U, signed

VAR = 0
LAM = 1
APP = 2
META = 3  # in patterns only: payload is the metavariable's number

_MULTIPLIER = signed(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd
_FINAL = signed(0xD6E8FEB86659FD93)  # from Pelle Evensen's rrmxmx family
_HALF = np.uint64(32)


def link(words, start, size, stack):  # type: ignore[no-untyped-def]
    """Fill in the offsets of the applications of a term written without them.

    Right to left with a stack of the starts of complete subterms; the stack
    (int32, at least `size` long) is scratch. One pass, 8 bytes a node.
    """
    top = 0
    for i in range(size - 1, -1, -1):
        tag = words[start + i] & 3
        if tag == VAR:
            stack[top] = i
            top += 1
        elif tag == LAM:
            stack[top - 1] = i
        else:
            words[start + i] = ((stack[top - 2] - i) << 2) | APP
            top -= 1
            stack[top - 1] = i


def same(left, i, right, j, size):  # type: ignore[no-untyped-def]
    """Whether `size` words from left[i] and from right[j] are equal."""
    for k in range(size):
        if left[i + k] != right[j + k]:
            return False
    return True


def term_hash(words, start, size):  # type: ignore[no-untyped-def]
    """A 64-bit hash of the packed words: multiply and fold, two words at a time."""
    h = np.uint64(size)
    for i in range(start, start + size - 1, 2):
        pair = np.uint64(words[U(i)]) | (np.uint64(words[U(i + 1)]) << _HALF)
        h = (h ^ pair) * np.uint64(_MULTIPLIER)
        h = h ^ (h >> _HALF)
    if size & 1:
        h = (h ^ np.uint64(words[U(start + size - 1)])) * np.uint64(_MULTIPLIER)
        h = h ^ (h >> _HALF)
    return h


def place_hash(place, hashed):  # type: ignore[no-untyped-def]
    """The hash of (place, term) from a place's number and its term's hash."""
    h = (hashed + np.uint64(place) * np.uint64(_MULTIPLIER)) * np.uint64(_FINAL)
    h = (h ^ (h >> _HALF)) * np.uint64(_MULTIPLIER)
    return h ^ (h >> _HALF)


def is_normal(words, start, size):  # type: ignore[no-untyped-def]
    """Whether no application's function is a lambda: the term is in normal form."""
    for i in range(start, start + size - 1):
        if words[i] & 3 == APP and words[i + 1] & 3 == LAM:
            return False
    return True


def numeral_of(words, start, size):  # type: ignore[no-untyped-def]
    """The n of a Church numeral λf.λx.f (f ... x), or -1 for any other term."""
    if size < 3 or size % 2 == 0 or words[start] != LAM or words[start + 1] != LAM:
        return -1
    n = (size - 3) // 2
    for k in range(n):
        i = start + 2 + 2 * k
        if words[i] & 3 != APP or words[i + 1] != (1 << 2) | VAR:
            return -1
    if words[start + size - 1] != VAR:
        return -1
    return n
