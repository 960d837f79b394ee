"""Whether the values of pairs differ: the mean difference, its interval, and a sign-flip test.

Where what was changed makes no difference, the two of a pair are exchangeable, so each
difference is as likely with the other sign (Fisher, The design of experiments, 1935): p is
the share of sign patterns whose mean is as far from 0. All are tried where there are few,
else some are drawn. Pure: the same numbers for the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from automaton.analysis.population_series import estimate
from automaton.terms.arrays import Floats

#: Pairs up to which all sign patterns are tried: 16,384 of them.
EXACT = 14
DRAWN = 19_999  # sign patterns, where there are more pairs
_AT_A_TIME = 1 << 20  # signs in memory


class PairedEffect(NamedTuple):
    """The mean difference, its 95 percent interval (Student's t), its size, and its chance."""

    difference: float
    low: float
    high: float
    standardised: float | None  # mean by standard deviation (Cohen's d of pairs); None: no spread
    p: float


def compare_pairs(differences: Sequence[float], seed: int = 0) -> PairedEffect:
    """The effect that differences of at least two pairs show."""
    values = np.asarray(differences, dtype=np.float64)
    mean, low, high = estimate(values.tolist())
    assert low is not None
    assert high is not None
    spread = float(values.std(ddof=1))
    size = mean / spread if spread > 1e-12 * max(1.0, abs(mean)) else None
    return PairedEffect(mean, low, high, 0.0 if not values.any() else size, _chance(values, seed))


def least_chance(pairs: int) -> float:
    """The smallest p that so many pairs can have."""
    return 2.0 / 2**pairs if pairs <= EXACT else 1 / (1 + DRAWN)


def _chance(values: Floats, seed: int) -> float:
    """The share of sign patterns that reach the sum, the given one among them."""
    scale = float(np.abs(values).max())
    if scale == 0:
        return 1.0
    n, wanted = len(values), abs(math.fsum(values / scale)) - 1e-9
    reached = 0
    if n <= EXACT:
        patterns = np.arange(1 << n)[:, None] >> np.arange(n) & 1
        return float(np.count_nonzero(np.abs((1 - 2 * patterns) @ (values / scale)) >= wanted)
                     / (1 << n))  # fmt: skip
    source: Any = np.random.Philox(key=seed)  # of numpy's generators one whose numbers are fixed
    left, most = DRAWN, max(1, _AT_A_TIME // n)
    while left:
        count = min(left, most)
        raw = source.random_raw(count * n).reshape(count, n)
        signs = 1 - 2 * (raw >> np.uint64(63)).astype(np.int8)
        reached += int(np.count_nonzero(np.abs(signs @ (values / scale)) >= wanted))
        left -= count
    return (1 + reached) / (1 + DRAWN)
