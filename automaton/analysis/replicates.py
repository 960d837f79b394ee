"""Several runs of one experiment, figure by figure: the mean, and how sure it is.

The interval is Student's, with 95 % confidence, over independent runs (Student, The
probable error of a mean, Biometrika 6, 1908); quantiles stand in a table. Pure.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

#: 97.5 % quantiles of Student's t by degrees of freedom, from 1 on; beyond them the normal's.
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_NORMAL = 1.96


class Estimate(NamedTuple):
    """The mean of independent runs and its 95 % interval; of one run there is no interval."""

    mean: float
    low: float | None
    high: float | None


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of at least one value, and the interval in which the true one lies."""
    mean, n = statistics.fmean(values), len(values)
    if n < 2:
        return Estimate(mean, None, None)
    quantile = _T[n - 2] if n - 2 < len(_T) else _NORMAL
    half = quantile * statistics.stdev(values) / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half)
