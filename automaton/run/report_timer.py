"""When statistics are due: every so many seconds, also while a run only waits.

Must not know what statistics are, nor the clock: the time is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Shown = TypeVar("Shown")


@dataclass(slots=True)
class ReportTimer(Generic[Shown]):
    """Shows what `read` gives, at least `every` seconds apart; `last` is when it did."""

    read: Callable[[], Shown]
    show: Callable[[Shown], None]
    every: float
    last: float

    @property
    def due(self) -> float:
        """When the next are due, in seconds of the clock that `last` is of."""
        return self.last + self.every

    def before(self, until: float | None) -> float:
        """The earlier of that time and another one."""
        return self.due if until is None else min(self.due, until)

    def when_due(self, now: float) -> None:
        """Show them if it is time."""
        if now >= self.due:
            self.show(self.read())
            self.last = now
