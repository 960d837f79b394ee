"""The budgets of a reduction: steps, nodes and depth."""

from __future__ import annotations

from dataclasses import dataclass

#: Steps are told up to here; beyond, that they are more.
MOST_STEPS = (1 << 63) - 1

#: A number of steps that limits nothing.
UNLIMITED = -1

#: Work that a term may take where nothing else is said: about a second.
MAX_WORK = 1 << 24


@dataclass(frozen=True)
class Budgets:
    """The limits of every term: beta steps, nodes of the normal form, pending arguments.

    max_steps UNLIMITED: they are counted. max_work: beta steps that are really made,
    where equal ones are made once; it bounds the memory too (`automaton.compute.machines`).
    """

    max_steps: int
    max_size: int
    max_depth: int
    max_work: int = MAX_WORK
