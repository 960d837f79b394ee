"""What conditions ask of a tick's winners: whether some winner's reactants ...

One pass over the winners in slot order, ended by the first that answers yes.
"""

from __future__ import annotations

from kernels.terms.packed import numeral_of
from kernels.terms.unify import unify


def some_numeric(code, start, size, places_a, places_b, won, count):  # type: ignore[no-untyped-def]
    """Whether both reactants of some slot with won[slot] are Church numerals."""
    for slot in range(count):
        if won[slot] != 0:
            a = places_a[slot]
            b = places_b[slot]
            first = numeral_of(code, start[a], size[a])
            if first >= 0 and numeral_of(code, start[b], size[b]) >= 0:
                return True
    return False


def some_unifiable(  # type: ignore[no-untyped-def]
    code, start, size, places_a, places_b, won, count, work
):
    """Whether the reactants of some slot with won[slot] unify; work: see `unify.unify`."""
    for slot in range(count):
        if won[slot] != 0:
            a = places_a[slot]
            b = places_b[slot]
            if unify(code, start[a], start[a] + size[a], start[b], start[b] + size[b], work):
                return True
    return False
