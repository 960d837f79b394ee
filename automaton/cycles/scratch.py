"""Room in which a thread computes reactions of cycles: arrays, lent and given back.

Made once for each of the threads that compute at a time, not for every cycle: to
get and give back a megabyte costs as much as some reactions. Holds nothing that the
next one could read. Must not know stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from automaton.compute.budgets import Budgets, MachineScratch
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.format.options import Options
from automaton.terms.arrays import Words
from kernels.experiments import gather

#: Nodes on the way that literal substitution allows.
NODES = 65_536


class Columns:
    """Room for n reactions: what is drawn, what comes of them (`kernels.experiments.explore`)."""

    def __init__(self, n: int, max_size: int) -> None:
        self.a, self.b, self.operators = (np.empty(n, dtype=np.int32) for _ in range(3))
        self.outcomes, self.fresh = (np.empty(n, dtype=np.uint8) for _ in range(2))
        self.steps, self.sizes, self.rows = (np.empty(n, dtype=np.int32) for _ in range(3))
        self.results = np.empty(n, dtype=np.int64)
        self.out: Words = np.empty(n * max_size, dtype=np.int32)
        self.hashes = np.empty(n, dtype=np.uint64)
        self.seen = np.empty(1 << (2 * n).bit_length(), dtype=np.int32)
        self.reacted = (
            self.a, self.b, self.operators, self.outcomes, self.steps, self.sizes, self.results,
            self.out,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.a)

    def words(self, k: int) -> Words:
        """A copy of the normal form of a reaction."""
        begin = self.results[k]
        return self.out[begin : begin + self.sizes[k]].copy()


class Scratch:
    """The room of one thread: the machine's, the substitution's, that of reactions."""

    def __init__(self, options: Options) -> None:
        self._max_size = options.max_size
        budgets = Budgets(options.max_steps, options.max_size, options.max_depth)
        self.machine = MachineScratch.of(budgets)
        nodes = (2 * NODES, 2 * NODES, NODES, NODES)
        self.reference = tuple(np.empty(n, dtype=np.int32) for n in nodes)
        self.sums = np.empty(gather.DIMENSIONS, dtype=np.int32)
        self._columns: dict[str, Columns] = {}

    def columns(self, name: str, n: int) -> Columns:
        """Room for n reactions, under a name of its own."""
        made = self._columns
        if name not in made or len(made[name]) != n:
            made[name] = Columns(n, self._max_size)
        return made[name]


@contextmanager
def borrow(branch: FrozenPopulation) -> Iterator[Scratch]:
    """A bench that no other thread has meanwhile."""
    try:
        bench: Scratch = branch.spare.pop()
    except IndexError:
        bench = Scratch(branch.options)
    try:
        yield bench
    finally:
        branch.spare.append(bench)
