"""Every term of a set reacted with every other: a table of what they make.

Computed on all cores by the kernels of a run, under a run's budgets. Must not know
what the table means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from automaton.compute.budgets import Budgets, MachineScratch
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.chemistry import collide
from kernels.terms import packed

ELASTIC, OUTSIDE = collide.ELASTIC, collide.OUTSIDE
_ROWS = 8  # that are computed at a time


@dataclass(frozen=True)
class CollisionTable:
    """What each ordered pair of terms makes under one operator."""

    products: npt.NDArray[np.int32]  # [n, n]: the number of the term, ELASTIC or OUTSIDE
    steps: npt.NDArray[np.int32]  # [n, n]: beta steps


@dataclass(frozen=True)
class CollisionLaw:
    """The operator of all collisions, and what ends one."""

    operator: Words
    max_steps: int
    max_size: int
    max_depth: int
    max_input: int


def collisions(
    terms: Sequence[Words], law: CollisionLaw, threads: int = 1,
    progress: Callable[[int], None] = lambda _rows: None,
) -> CollisionTable:  # fmt: skip
    """The table of different terms in normal form; n * n reactions, 8 bytes each.

    `progress` is told how many rows are done.
    """
    n = len(terms)
    sizes = np.array([len(term) for term in terms], dtype=np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])[:n]
    code = np.concatenate([*terms, law.operator]).astype(np.int32)
    hashes = np.array(
        [cpu.compiled(packed.term_hash)(term, 0, len(term)) for term in terms], dtype=np.uint64
    )
    order = np.argsort(hashes, kind="stable").astype(np.int32)
    table = CollisionTable(np.empty((n, n), np.int32), np.empty((n, n), np.int32))
    budgets = law.max_steps, law.max_size, law.max_depth

    def rows(low: int) -> int:
        high = min(low + _ROWS, n)
        cpu.compiled(collide.collide)(
            low, high, code, starts, sizes, int(sizes.sum()), len(law.operator), hashes[order],
            order, *budgets, law.max_input, table.products, table.steps,
            np.empty(law.max_size, np.int32), *MachineScratch.of(Budgets(*budgets)),
        )  # fmt: skip
        return high - low

    done = 0
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for count in pool.map(rows, range(0, n, _ROWS)):
            done += count
            progress(done)
    return table
