"""Permutation entropy of any order and delay, with ties treated as is said.

After Bandt and Pompe, "Permutation entropy: a natural complexity measure for time series"
(Physical Review Letters 88, 2002). Must not know: what a series is of.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

#: What is done where values of one pattern are equal: the earlier counts as the smaller;
#: such patterns are left out; being equal is a rank of its own (Bian and others 2012).
Ties = Literal["position", "skip", "equal"]
TIES: tuple[Ties, ...] = get_args(Ties)


class OrdinalEntropy(NamedTuple):
    """The entropy of a series' ordinal patterns."""

    patterns: int  # that were counted
    bits: float
    normalised: float  # bits by the greatest that patterns of this order could have


def ordinal_entropy(
    series: npt.ArrayLike, order: int = 3, delay: int = 1, ties: Ties = "position"
) -> OrdinalEntropy:
    """The Shannon entropy of the patterns of `order` values, `delay` apart.

    order: 2 to 7. Of a series that is too short there are no patterns, and 0 bits.
    """
    if not 2 <= order <= 7:
        raise ValueError(f"patterns of {order} values; 2 to 7 can be counted")
    if delay < 1:
        raise ValueError(f"values {delay} apart; the least is 1")
    values = np.asarray(series, np.float64)
    span = (order - 1) * delay + 1
    if len(values) < span:
        return OrdinalEntropy(0, 0.0, 0.0)
    windows = np.lib.stride_tricks.sliding_window_view(values, span)[:, ::delay]
    ranks = _ranks(windows, ties)
    _, counts = np.unique(ranks @ order ** np.arange(order), return_counts=True)
    shares = counts / max(1, len(ranks))
    bits = float(abs((shares * np.log2(shares)).sum()))
    return OrdinalEntropy(len(ranks), bits, bits / math.log2(_kinds(order, ties)))


def _ranks(windows: npt.NDArray[np.float64], ties: Ties) -> npt.NDArray[np.int64]:
    """The rank of each value within its window, from 0."""
    if ties == "equal":  # how many different values are smaller
        ordered = np.sort(windows, axis=1)
        fresh = np.ones(windows.shape, np.bool_)
        fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        smaller = (windows[:, :, None] > ordered[:, None, :]) & fresh[:, None, :]
        return np.asarray(smaller.sum(axis=2), np.int64)
    if ties == "skip":
        ordered = np.sort(windows, axis=1)
        windows = windows[(ordered[:, 1:] != ordered[:, :-1]).all(axis=1)]
    return np.argsort(np.argsort(windows, axis=1, kind="stable"), axis=1, kind="stable")


def _kinds(order: int, ties: Ties) -> int:
    """How many patterns there are: permutations, or rankings with ties (Fubini's numbers)."""
    if ties != "equal":
        return math.factorial(order)
    numbers = [1]
    for n in range(1, order + 1):
        numbers.append(sum(math.comb(n, k) * numbers[n - k] for k in range(1, n + 1)))
    return numbers[order]
