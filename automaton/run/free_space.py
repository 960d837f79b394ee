"""How fast a log grows, and whether the disk still has room for it. Values and sentences."""

from __future__ import annotations

from pathlib import Path

from automaton.log import Log
from automaton.log.file_io import free_bytes

#: Ticks of a run after which its growth is told.
MEASURED_TICKS = 10
_HOUR_MS = 3_600_000


class FreeSpaceGuard:
    """One run's growth since it began, and the room that must be left."""

    def __init__(self, log: Log, min_free: int) -> None:
        self._log, self._min_free = log, min_free
        self._begun = log.size
        self._folder = str(Path(log.path).parent)

    def short(self) -> str:
        """Why to stop before the next tick, or nothing."""
        if not self._min_free:
            return ""
        free = free_bytes(self._folder)
        if free >= self._min_free:
            return ""
        return (
            f"{free / 1e6:.0f} MB are free where {self._log.path} stands, less than "
            f"--min-free-disk {self._min_free // 1_000_000}; the log ends whole at tick "
            f"{len(self._log.commits)}: free some, or give a smaller limit"
        )

    def said(self, ticks: int, seconds: float, interval_ms: int) -> str:
        """What was measured over the first ticks, and how long the disk lasts at this pace."""
        grown = self._log.size - self._begun
        spent_ms = max(seconds * 1000 / ticks, interval_ms)
        an_hour = grown / ticks * _HOUR_MS / spent_ms
        free = max(free_bytes(self._folder) - self._min_free, 0)
        lasts = f", enough for {free / an_hour:,.1f} hours" if an_hour else ""
        return (
            f"the log grows by {grown / ticks:,.0f} bytes a tick, {an_hour / 1e6:,.1f} MB an hour "
            f"at this pace (measured over {ticks} ticks); {free / 1e9:.1f} GB may be used{lasts}"
        )
