"""Organisations: sets of terms that make each other.

After Fontana and Buss, "The arrival of the fittest" (1994): a set is closed where no
collision of its terms makes a term outside it, and self-maintaining where a collision
of its terms makes each of them. Functions of a table of collisions. Must not know:
terms, logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.soups.collision_table import ELASTIC, OUTSIDE

#: Terms of a set in which two organisations are looked for: pairs of them generate sets.
MOST_COMPOSED = 64

Table = npt.NDArray[np.int32]  # [n, n], as `CollisionTable.products`
Members = npt.NDArray[np.bool_]  # [n]


@dataclass(frozen=True)
class Organisation:
    """What the collisions within a set come to, and the largest part that maintains itself."""

    terms: int
    elastic: int  # collisions, of terms * terms
    outside: int
    copies: int  # that make one of their own reactants
    core: Members  # the largest self-maintaining part
    core_outside: int  # collisions of the core's terms that lead out of it
    core_made: int  # collisions of the core's terms that make one of them
    core_copies: int  # of these, copies
    level: str

    def as_json(self) -> dict[str, Any]:
        """The figures for programs; the core as the numbers of its terms."""
        found = dict(vars(self))
        found["core"] = np.flatnonzero(self.core).tolist()
        return found


def is_closed(products: Table, members: Members) -> bool:
    """Whether no collision of the members makes a term that is none of them."""
    return _leaving(products, members) == 0


def self_maintaining_core(products: Table, *, copies: bool) -> Members:
    """The largest set of terms each of which is made by a collision of the set.

    copies: whether a collision that makes one of its own reactants counts. The union of
    self-maintaining sets is one, so there is a largest.
    """
    n = len(products)
    core = np.ones(n, np.bool_)
    counted = products >= 0
    if not copies:
        counted &= ~_is_copy(products)
    while True:
        pairs = counted & core[:, None] & core[None, :]
        made = np.zeros(n, np.bool_)
        made[products[pairs]] = True
        if (core & made).sum() == core.sum():
            return core
        core &= made


def organisation(products: Table, *, copies: bool) -> Organisation:
    """What a set's table of collisions says of it."""
    core = self_maintaining_core(products, copies=copies)
    pairs = core[:, None] & core[None, :]
    within = pairs & (products >= 0)
    within[within] = core[products[within]]
    copied = _is_copy(products)
    leaving = _leaving(products, core)
    made, own_copies = int(within.sum()), int((within & copied).sum())
    return Organisation(
        len(products), int((products == ELASTIC).sum()), int((products == OUTSIDE).sum()),
        int(copied.sum()), core, leaving, made, own_copies,
        _level(products, core, leaving),
    )  # fmt: skip


def jaccard(left: frozenset[bytes], right: frozenset[bytes]) -> float:
    """The share of two sets that both have: 1 where both are empty."""
    both = left | right
    return len(left & right) / len(both) if both else 1.0


def _is_copy(products: Table) -> npt.NDArray[np.bool_]:
    numbers = np.arange(len(products))
    copy: npt.NDArray[np.bool_] = (products == numbers[:, None]) | (products == numbers[None, :])
    return copy


def _leaving(products: Table, members: Members) -> int:
    """Collisions of members that make a term which is none of them."""
    made = products[np.ix_(members, members)]
    return int((made == OUTSIDE).sum() + (~members[made[made >= 0]]).sum())


def _level(products: Table, core: Members, leaving: int) -> str:
    """The level as the literature has it, where the set shows one.

    L0: some term of it is made by copying alone. L1: closed, and each term is made by a
    collision of others. L2: L1, and it is two organisations of level 1 and what they make
    of each other.
    """
    if not core.any() or leaving:
        return "none"
    own = _within(products, core)
    if not self_maintaining_core(own, copies=False).all():
        return "L0"
    return "L2" if composed(own) else "L1"


def generated(products: Table, terms: Members) -> Members | None:
    """The smallest closed set that has these terms; None where a collision leads out of all."""
    members = terms.copy()
    while True:
        made = products[np.ix_(members, members)]
        if (made == OUTSIDE).any():
            return None
        more = made[made >= 0]
        if members[more].all():
            return members
        members[more] = True


def sub_organisations(products: Table) -> list[Members]:
    """The smallest organisations of level 1 that a set of at most MOST_COMPOSED terms holds.

    Those are looked for that one or two of their terms generate; none holds another.
    """
    n = len(products)
    seeds = [(a, a) for a in range(n)] + [(a, b) for a in range(n) for b in range(a)]
    found: dict[bytes, Members] = {}
    for a, b in seeds:
        terms = np.zeros(n, np.bool_)
        terms[[a, b]] = True
        members = generated(products, terms)
        if members is not None:
            found[members.tobytes()] = members
    level_1 = [m for m in found.values() if _maintained_by_others(products, m)]
    return [m for m in level_1 if not any(_holds(m, o) and not _holds(o, m) for o in level_1)]


def composed(products: Table) -> tuple[Members, Members] | None:
    """Two organisations without a common term that make terms of neither, the glue.

    None where there are none, or the set has more than MOST_COMPOSED terms.
    """
    if len(products) > MOST_COMPOSED:
        return None
    parts = sub_organisations(products)
    for number, left in enumerate(parts):
        for right in parts[:number]:
            across = np.concatenate(
                [products[np.ix_(left, right)].ravel(), products[np.ix_(right, left)].ravel()]
            )
            made = across[across >= 0]
            if not (left & right).any() and not (left | right)[made].all():
                return right, left
    return None


def _maintained_by_others(products: Table, members: Members) -> bool:
    return bool(self_maintaining_core(_within(products, members), copies=False).all())


def _holds(members: Members, others: Members) -> bool:
    """Whether all of the others are members."""
    return bool(members[others].all())


def _within(products: Table, members: Members) -> Table:
    """The table of a closed set's members alone."""
    inner = products[np.ix_(members, members)]
    numbers = np.full(len(members), -1, np.int32)
    numbers[members] = np.arange(members.sum())
    found: Table = np.where(inner >= 0, numbers[inner], inner)
    return found
