"""Whether two groups of runs differ, by the distances between runs: a permutation test.

The statistic is half the energy distance (Szekely and Rizzo, Energy statistics, J. Stat.
Plan. Inference 143, 2013): the mean distance between runs of two groups, less the mean of
those within them. It is 0 on average where the groups do not differ, and may be negative.
Groups are compared stratum by stratum, and labels are permuted within strata alone. Pure:
the same numbers for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.terms.arrays import Floats

_Z95 = 1.959963984540054  # two-sided 95 percent of the normal distribution


class Stratum(NamedTuple):
    """Runs of two groups under otherwise equal settings: the first `first` are of one."""

    distances: Floats  # [runs, runs], symmetric, 0 on the diagonal
    first: int


class Effect(NamedTuple):
    """The statistic, its 95 percent interval by the jackknife, and the chance of as much."""

    excess: float
    low: float
    high: float
    p: float


def compare(strata: Sequence[Stratum], permutations: int, seed: int) -> Effect:
    """The mean of the statistic over strata, and the share of permutations that reach it."""
    own = math.fsum(_excess(s, np.arange(len(s.distances))[None])[0] for s in strata)
    value = own / len(strata)
    orders = [_orders(len(s.distances), permutations, seed + k) for k, s in enumerate(strata)]
    null = np.sum([_excess(s, o) for s, o in zip(strata, orders, strict=True)], axis=0)
    reached = int(np.count_nonzero(null / len(strata) >= value - 1e-12))
    half = _Z95 * math.sqrt(math.fsum(map(_variance, strata))) / len(strata)
    return Effect(value, value - half, value + half, (1 + reached) / (1 + permutations))


def _excess(stratum: Stratum, orders: npt.NDArray[np.int64]) -> Floats:
    """The statistic of a stratum under each order of its runs; int64 [orders, runs]."""
    d, n, m = stratum.distances, stratum.first, len(stratum.distances) - stratum.first
    member = np.zeros(orders.shape)
    np.put_along_axis(member, orders[:, :n], 1.0, axis=1)
    toward = member @ d  # of each run: its distances to the first group, added up
    within = (toward * member).sum(axis=1)
    between = (toward * (1 - member)).sum(axis=1)
    others = d.sum() - within - 2 * between
    found: Floats = between / (n * m) - within / (2 * n * (n - 1)) - others / (2 * m * (m - 1))
    return found


def _variance(stratum: Stratum) -> float:
    """The jackknife's variance of the statistic: each run left out in turn, group by group."""
    d, n = stratum.distances, stratum.first
    total = 0.0
    for group in (range(n), range(n, len(d))):
        left = []
        for run in group:
            kept = np.delete(np.arange(len(d)), run)
            part = Stratum(d[np.ix_(kept, kept)], n - (run < n))
            left.append(_excess(part, np.arange(len(kept))[None])[0])
        total += (len(group) - 1) / len(group) * float(np.sum((left - np.mean(left)) ** 2))
    return total


def _orders(runs: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    """So many orders of runs; of numpy's generators the one whose numbers are fixed."""
    drawn: Any = np.random.Philox(key=seed).random_raw(count * runs)
    return np.argsort(drawn.reshape(count, runs), axis=1, kind="stable")


def holm(chances: Sequence[float]) -> list[float]:
    """Chances adjusted for how many there are (Holm, Scand. J. Stat. 6, 1979), in their order."""
    found, highest = [0.0] * len(chances), 0.0
    for rank, k in enumerate(sorted(range(len(chances)), key=lambda k: chances[k])):
        highest = max(highest, min(1.0, chances[k] * (len(chances) - rank)))
        found[k] = highest
    return found
