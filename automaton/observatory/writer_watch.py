"""Who writes a log, and whether it still does: from its lock, its process and its commits.

A log carries no clock, so that a writer that hangs shows only by commits that do not come:
more than two and a half times the longest wait seen of late is too long. Touches what
the system tells of processes. Must not know: panels.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from automaton.log import file_io

#: Seconds without a commit that are never too long, and how often the longest wait of late.
PATIENCE, TIMES = 2.0, 2.5
#: Waits between commits that are compared.
WAITS = 32
#: Whose figures are read at most: more processes than a run has.
MOST_PROCESSES = 256
#: Seconds between two measurements of memory.
MEASURED_EVERY = 5.0


class Arrival(NamedTuple):
    """When this page saw what the log had come to."""

    seconds: float  # of a clock that only goes on
    tick: int
    made: int = 0  # modifications since the first tick
    tried: int = 0  # candidates since this page looks


class Writer(NamedTuple):
    """Who writes, and how it goes: `writing`, `waiting`, `stopped`, `stalled`, `died`, `none`."""

    state: str
    said: str
    pid: int | None = None


class Tree(NamedTuple):
    """A process and its children."""

    bytes: int  # proportional set size, or resident where the system does not tell it
    processes: int
    source: str


def look(path: Path, arrivals: Sequence[Arrival], now: float) -> Writer:
    """What can be known of a log's writer; `now` is of the clock of the arrivals."""
    pid, held = file_io.writer_of(str(path.resolve()))
    status = None
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            status = psutil.Process(pid).status()
    return judged(pid, status, waits(arrivals, now), held=held)


class CommitWaits(NamedTuple):
    """Seconds since the last commit, and the longest between commits of late (0: none seen)."""

    now: float
    longest: float


def waits(arrivals: Sequence[Arrival], now: float) -> CommitWaits:
    """How long commits let wait."""
    times = [now]  # of changes, the newest first
    for later, earlier in itertools.pairwise(reversed(arrivals)):
        if later.tick != earlier.tick:
            times.append(later.seconds)
        if len(times) > WAITS:
            break
    else:
        if len(times) == 1 and arrivals:
            return CommitWaits(now - arrivals[0].seconds, 0.0)
    gaps = [later - earlier for later, earlier in itertools.pairwise(times)]
    return CommitWaits(gaps[0] if gaps else 0.0, max(gaps[1:], default=0.0))


def judged(pid: int | None, status: str | None, wait: CommitWaits, *, held: bool | None) -> Writer:
    """The state of a writer; `held` None: the system does not tell of locks."""
    dead = status in {None, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    if pid is None and not held:
        return Writer("none", "nobody writes this log: its last run ended, or it never ran")
    if held is False or (held is None and dead):
        return Writer("died", f"its writer, process {pid}, is gone and did not end in order", pid)
    who = f"process {pid}" if pid is not None else "a process of another system"
    if status == psutil.STATUS_STOPPED:
        return Writer("stopped", f"{who} was stopped by a signal: it holds the log, and waits", pid)
    if wait.now > max(PATIENCE, TIMES * wait.longest):
        since = f"no commit for {wait.now:.1f} s"
        if not wait.longest:
            return Writer("waiting", f"{who} holds the log; {since}, since this page looks", pid)
        often = f"the longest wait before was {wait.longest:.1f} s"
        return Writer("stalled", f"{who} holds the log, but {since}; {often}", pid)
    return Writer("writing", f"{who} writes it", pid)


class TreeGauge:
    """The memory of a process and its children, measured now and then: it costs milliseconds."""

    def __init__(self) -> None:
        self._last: tuple[int | None, float, Tree | None] = (None, 0.0, None)

    def read(self, pid: int | None, now: float) -> Tree | None:
        """As measured at most `MEASURED_EVERY` seconds ago."""
        known, at, found = self._last
        if pid != known or now - at > MEASURED_EVERY:
            found = tree(pid)
            self._last = pid, now, found
        return found


def tree(pid: int | None) -> Tree | None:
    """The memory of a process and its children; None where it cannot be looked at."""
    if pid is None:
        return None
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)][:MOST_PROCESSES]
    except psutil.Error:
        return None
    try:
        sizes, what = [one.memory_full_info().pss for one in family], "proportional set size"
    except (psutil.Error, AttributeError):
        sizes, what = [], "resident set size, shared pages counted in each"
        for one in family:
            with contextlib.suppress(psutil.Error):
                sizes.append(one.memory_info().rss)
    return Tree(sum(sizes), len(family), f"the system, of process {pid}: {what}")
