"""How strong a remembered item is: what use adds, what disuse takes, when it is forgotten.

All in fixed point, at fixed ticks, so that a strength is a function of when the
item was used and of nothing else. Pure: arrays in, arrays out. Knows no store.

A period is `every` ticks. An item enters in period s with strength `delta`; n uses
in period p make it min(1, left + n x delta), where left is what the unused periods
between s and p have spared: max(0, strength - (p - s - 1) x decay). It is forgotten
after the first period at whose end nothing is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automaton.errors import UsageError
from automaton.terms.arrays import Numbers

ONE = 1 << 16  # strength 1
_LATEST = (1 << 62) - 1  # a tick or a period; sums of two stay inside int64


@dataclass(frozen=True)
class DecayRule:
    """The parameters: `every` in ticks; `delta` a use and `decay` a period, in units of 1/ONE."""

    every: int = 10_000
    delta: int = ONE // 8
    decay: int = ONE // 64

    def __post_init__(self) -> None:
        for name, most in (("every", _LATEST), ("delta", ONE), ("decay", ONE)):
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise UsageError(f"consolidation: {name} is {value}; it must be from 1 to {most}")

    def period(self, tick: int) -> int:
        """The period that a tick belongs to."""
        return tick // self.every

    def left(self, strengths: Numbers, unused: Numbers) -> Numbers:
        """What is left of strengths after so many unused periods, each."""
        periods = np.clip(unused, 0, ONE)  # after ONE of them nothing is left in any case
        rest: Numbers = np.maximum(0, strengths - periods * self.decay)
        return rest

    def used(self, strengths: Numbers, since: Numbers, uses: Numbers, now: int) -> Numbers:
        """The strengths of items last used in the periods `since`, used again in period `now`."""
        gained = np.clip(uses, 0, ONE) * self.delta
        sums: Numbers = np.minimum(ONE, self.left(strengths, now - since - 1) + gained)
        return sums

    def until(self, strengths: Numbers, since: Numbers) -> Numbers:
        """The period at whose end nothing is left, if the item is not used again."""
        return since - (-strengths // self.decay)
