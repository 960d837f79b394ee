"""The budgets of a reduction, and the arrays in which the machine works under them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from automaton.terms.arrays import Words

#: Steps are told up to here; beyond, that they are more.
MOST_STEPS = (1 << 63) - 1

#: A number of steps that limits nothing.
UNLIMITED = -1

#: Work that a term may take where nothing else is said: about a second.
MAX_WORK = 1 << 24


class Budgets(NamedTuple):
    """The limits of a term: beta steps, nodes of the normal form, pending arguments, work.

    max_steps UNLIMITED: they are counted. max_work: beta steps that are really made,
    where equal ones are made once; it bounds the memory too (`automaton.compute.machines`).
    """

    max_steps: int = 1_000_000
    max_size: int = 65_536
    max_depth: int = 4_096
    max_work: int = MAX_WORK


class MachineScratch(NamedTuple):
    """The arena's cells and the stack of `kernels.terms.reduce`, in the order it takes them.

    Pages that no reduction touched cost nothing.
    """

    cell_code: Words
    cell_env: Words
    cell_next: Words
    stack_code: Words
    stack_env: Words
    stack_level: Words
    stack_node: Words

    @classmethod
    def of(cls, budgets: Budgets, free: int = 0) -> MachineScratch:
        """What terms of so many free variables need at most."""
        cells = 1 + free + budgets.max_steps + budgets.max_size
        return cls(*(np.empty(n, dtype=np.int32) for n in [cells] * 3 + [budgets.max_depth] * 4))
