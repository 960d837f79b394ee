"""Carries out what `autoscale_policy` decides: workers come and go, batches shrink, caches go.

Looks at the gauges once a second, between ticks; keeps a bounded history of ticks'
times and of decisions. Nothing here changes an appended byte.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from threading import Event

import psutil

from automaton.backends import CpuBackend
from automaton.errors import ShortOfMemoryError, UsageError
from automaton.population import selection
from automaton.workers import available_cores
from automaton.workers.autoscale_policy import (
    Decision,
    PolicyState,
    Readings,
    ScalingOptions,
    decide,
    shares,
)
from automaton.workers.memory_limits import OWN, Limit, give_back, tightest, tree_bytes

LOOK_SECONDS = 1.0
#: Seconds between two looks of a run that pauses for want of memory.
PAUSE_SECONDS = 5.0
#: Seconds after which such a pause was in vain ...
LONGEST_PAUSE = 120.0
#: ... and where the limit counts this run alone, so that nobody else can give anything back.
LONGEST_ALONE = 10.0


class Autoscaler:
    """The workers of one run, by need and by memory."""

    def __init__(
        self, device: CpuBackend, scaling: ScalingOptions, say: Callable[[str], None]
    ) -> None:
        self.scaling = scaling
        self.decisions: deque[Decision] = deque(maxlen=scaling.max_execution_history)
        self.ticks: deque[float] = deque(maxlen=scaling.max_execution_history)  # seconds
        self.freed = 0  # bytes that collecting and trimming gave back
        self._device = device
        self._say = say
        self._memory = PolicyState()
        self._process = psutil.Process()
        self._since: deque[float] = deque(maxlen=scaling.max_execution_history)
        self.limit = self.tightest()
        self._refuse_too_little()
        now = time.monotonic()
        self._next = now + LOOK_SECONDS
        self._collect_at = _due(now, scaling.gc_interval)
        self._trim_at = _due(now, scaling.trim_interval)

    def after_tick(
        self, seconds: float, stopping: Event, until: float | None = None, *, bounded: bool = False
    ) -> None:
        """Note a tick's time; look and act when it is due; pause while memory is short.

        A pause ends when there is memory again, when `stopping` is set, at the time
        `until`, or when it was in vain. Then the run goes on with what is left; where that
        is next to nothing, a run that is `bounded` (or has an end, or a limit of its own)
        ends with `ShortOfMemoryError`, and any other waits on.
        """
        self.ticks.append(seconds)
        self._since.append(seconds)
        now = time.monotonic()
        if now < self._next:
            return
        self._maintain(now)
        decision = self.look()
        self._act(decision)
        if decision.action == "pause":
            self._pause(decision, stopping, until, bounded=bounded or until is not None)
        self._next = time.monotonic() + LOOK_SECONDS

    def _refuse_too_little(self) -> None:
        """A limit of the person's own that is used up before anything is run cannot be meant."""
        asked, own = self.scaling.memory_limit, self.tree_bytes()
        if asked is not None and asked < own:
            raise UsageError(
                f"--memory-limit {asked} is less than the {own / 1e6:.0f} MB that the program "
                f"takes before its first tick; give at least {1.25 * own / 1e6:.0f}MB"
            )

    def look(self) -> Decision:
        """Read the gauges and decide."""
        self.limit = self.tightest()
        pool = self._device.pool
        self._figures = Readings(
            self.limit.used, self.limit.limit, self.limit.source, pool.count,
            pool.dealer.shards(pool.count + 1),
            statistics.median(self._since) if self._since else 0.0, available_cores(),
        )  # fmt: skip
        self._since.clear()
        decision, self._memory = decide(self._figures, self._memory, self.scaling)
        last = self.decisions[-1].action if self.decisions else ""
        if decision.action != "hold" and not decision.action == last == "pause":
            self.decisions.append(decision)
        return decision

    def _act(self, decision: Decision) -> None:
        """Do what was decided, except to pause."""
        match decision.action:
            case "grow" | "shrink":
                self._device.pool.resize(decision.workers)
                way = "one more" if decision.action == "grow" else "one less"
                many = "worker" if decision.workers == 1 else "workers"
                self._say(f"{decision.workers} {many} now, {way}: {decision.reason}")
            case "smaller":
                self._device.narrow()
            case "restore":
                self._device.widen()
            case "trim":
                self._trim()
            case "collect":
                self._collect()
            case "pause" | "hold":
                pass

    def _maintain(self, now: float) -> None:
        """Collect and trim when their intervals have passed."""
        if now >= self._collect_at:
            self._collect()
            self._collect_at = _due(now, self.scaling.gc_interval)
        if now >= self._trim_at:
            self._trim()
            self._trim_at = _due(now, self.scaling.trim_interval)

    def _collect(self) -> None:
        self._measured(gc.collect)

    def _trim(self) -> None:
        """Forget what can be found again, and give freed memory back to the system."""
        selection.forget_patterns()
        self._measured(give_back)

    def _measured(self, step: Callable[[], object]) -> None:
        """Memory before, a step, memory after."""
        before = self._process.memory_info().rss
        step()
        self.freed += max(0, before - self._process.memory_info().rss)

    def _pause(
        self, decision: Decision, stopping: Event, until: float | None, *, bounded: bool
    ) -> None:
        """Wait, giving back what can be, until a look finds memory or it was in vain."""
        begun = now = time.monotonic()
        alone = self.limit.source in OWN
        longest = LONGEST_ALONE if alone else LONGEST_PAUSE
        end = begun + longest if until is None else min(until, begun + longest)
        helps = "allow more" if alone else "end other programs"
        helps = f"{helps}, or begin a log with fewer --max-objects"
        said = f"memory is short: {decision.reason}; the run pauses"
        self._say(f"{said} until there is some again: {helps}")
        while decision.action == "pause":
            if now >= end and not self._figures.used_up:
                self._memory = replace(self._memory, resigned=True)
                break
            if now >= end and (bounded or alone):
                waited = f"memory stayed short for {now - begun:.0f} s: {decision.reason}"
                message = f"{waited}; the log ends whole at its last commit: {helps}"
                raise ShortOfMemoryError(message)
            if stopping.wait(min(PAUSE_SECONDS, end - now) if now < end else PAUSE_SECONDS):
                return
            self._collect()
            self._trim()
            decision, now = self.look(), time.monotonic()
            self._act(decision)
        self._say(f"the run goes on after {now - begun:.0f} s: {shares(self._figures)}")

    def tightest(self) -> Limit:
        """The limit of memory that leaves least."""
        return tightest(self._process, self.scaling.memory_limit)

    def tree_bytes(self) -> int:
        """Resident memory of this process and its workers."""
        return tree_bytes(self._process)


def _due(now: float, milliseconds: int) -> float:
    return now + milliseconds / 1000 if milliseconds else float("inf")
