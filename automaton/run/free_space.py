"""How fast a log grows, and whether the disk still has room for it. Values and sentences."""

from __future__ import annotations

from automaton.log import Log
from automaton.log.file_io import free_bytes

#: Ticks of a run after which its growth is told.
MEASURED_TICKS = 10
_HOUR = 3600  # seconds


class FreeSpaceGuard:
    """One run's growth since it began, and the room that must be left."""

    def __init__(self, log: Log, min_free: int, *, sealing: bool = False) -> None:
        self._log, self._min_free, self._sealing = log, min_free, sealing
        self._begun = log.size

    def short(self) -> str:
        """Why to stop before the next tick, or nothing."""
        if not self._min_free:
            return ""
        free = free_bytes(self._log.fileno())
        if free >= self._min_free:
            return ""
        return (
            f"{free / 1e6:.0f} MB are free where {self._log.path} stands, less than "
            f"--min-free-disk {self._min_free // 1_000_000}; the log ends whole at tick "
            f"{len(self._log.commits)}: free some, or give a smaller limit"
        )

    def said(
        self, ticks: int, seconds: float, interval_ms: int, ends_in: float | None = None
    ) -> str:  # fmt: skip
        """What was measured over the first ticks, and how long the disk lasts at this pace.

        Nothing where the run ends, in `ends_in` seconds (None: never), before the disk is full.
        """
        spent = max(seconds / ticks, interval_ms / 1000)  # seconds a tick
        rate = (self._log.size - self._begun) / ticks / spent  # bytes a second
        free = max(free_bytes(self._log.fileno()) - self._min_free, 0)
        if not rate or (ends_in is not None and ends_in * rate < free):
            return ""
        commits = self._log.commits
        known = len(commits)  # the last batch may still be under way
        last = [commits.row(tick) for tick in range(max(1, known - ticks + 1), known + 1)]
        sealing = sum(row.end - row.commit_start for row in last) / len(last) / spent
        way = (
            ""
            if self._log.record == "commits"
            else f"; commits alone are {_bytes(sealing * _HOUR)} an hour, and a new log with "
            "--record commits keeps little more"
        )
        if self._sealing:
            way += "; what is sealed in segments takes less"
        return (
            f"the log grows by {_bytes(rate * _HOUR)} an hour at this pace (measured over {ticks} "
            f"ticks): full in {_duration(free / rate)}, after {_bytes(free)}{way}"
        )


def _bytes(count: float) -> str:
    """Bytes in the unit that fits."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return (
                f"{count:.0f} {unit}" if count >= 10 or unit == "bytes" else f"{count:.1f} {unit}"
            )
        count /= 1000
    return f"{count:,.1f} TB"


def _duration(seconds: float) -> str:
    """A time in the unit that fits."""
    for limit, unit in ((120, 1), (120 * 60, 60), (72 * 3600, 3600)):
        if seconds < limit:
            name = {1: "seconds", 60: "minutes", 3600: "hours"}[unit]
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:,.0f} days"
