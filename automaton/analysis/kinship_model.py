"""The decision table of the source about kinship, computed as written and as it must be.

Pure. A table's probabilities should add up to 1; where they do not, both readings
are given, with an interval over all ways to put it right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: The published table: utility of each outcome, and the probability that stands beside it.
UTILITIES = (0.0, 25.0, 60.0, 80.0, 100.0)
PROBABILITIES = (0.01, 0.03, 0.25, 0.45, 0.35)
_NEARLY = 1e-9  # rounding of sums


@dataclass(frozen=True, slots=True)
class KinshipDecision:
    """A table and the expected utility that it gives under each reading."""

    utilities: tuple[float, ...]
    probabilities: tuple[float, ...]
    total: float  # what the probabilities add up to
    as_written: float  # sum of utility times probability
    normalised: float  # each probability divided by the total
    low: float  # least and greatest over all corrections, see `expected`
    high: float
    warning: str

    def as_json(self) -> dict[str, Any]:
        """Every member by name."""
        return asdict(self)


def expected(
    utilities: Sequence[float] = UTILITIES, probabilities: Sequence[float] = PROBABILITIES
) -> KinshipDecision:
    """The expected utility of a table, in units of its utilities.

    The interval holds the value of every table whose probabilities add up to 1 and
    differ from the written ones in one direction only: what is too much was taken
    away (what is missing was added) somewhere, and nobody knows where. It is exact,
    the answer of a linear programme, and no statement about samples.
    """
    _refuse(utilities, probabilities)
    total = math.fsum(probabilities)
    written = _value(utilities, probabilities)
    ends = [_corrected(utilities, probabilities, reverse=r) for r in (True, False)]
    return KinshipDecision(
        tuple(utilities), tuple(probabilities), total, written, written / total,
        min(ends), max(ends), _warning(total),
    )  # fmt: skip


def _refuse(utilities: Sequence[float], probabilities: Sequence[float]) -> None:
    if len(utilities) != len(probabilities):
        raise ValueError("each utility has one probability")
    if not all(math.isfinite(u) for u in utilities):
        raise ValueError("utilities are numbers")
    if not all(0 <= p <= 1 for p in probabilities) or math.fsum(probabilities) <= 0:
        raise ValueError("probabilities are from 0 to 1, and not all of them 0")


def _value(utilities: Sequence[float], probabilities: Sequence[float]) -> float:
    return math.fsum(u * p for u, p in zip(utilities, probabilities, strict=True))


def _corrected(
    utilities: Sequence[float], probabilities: Sequence[float], *, reverse: bool
) -> float:
    """The value when the excess is taken where utility is greatest (`reverse`), or least.

    What is missing is added to one outcome; its probability may not exceed 1.
    """
    rest = math.fsum(probabilities) - 1
    mended = list(probabilities)
    for k in sorted(range(len(mended)), key=lambda k: utilities[k], reverse=reverse):
        change = min(mended[k], rest) if rest > 0 else max(mended[k] - 1, rest)
        mended[k] -= change
        rest -= change
    return _value(utilities, mended)


def _warning(total: float) -> str:
    """What is wrong with the table; empty where nothing is."""
    if abs(total - 1) < _NEARLY:
        return ""
    return f"the probabilities add up to {total:.2f}, not to 1: as written this is no expectation"
