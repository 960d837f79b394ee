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

    L0: every term of it is made by copying alone. L1: closed, and each term is made by
    a collision of others. Two organisations within one set (L2) are not told apart.
    """
    if not core.any() or leaving:
        return "none"
    inner = products[np.ix_(core, core)]
    numbers = np.full(len(core), -1, np.int32)
    numbers[core] = np.arange(core.sum())
    own = np.where(inner >= 0, numbers[inner], inner)
    return "L1" if self_maintaining_core(own, copies=False).all() else "L0"
