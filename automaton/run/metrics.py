"""Reads the statistics of a run off its parts, the clock and the machine.

Every figure was counted, or is asked of the system at this moment; the window
of a rate is since the figures before. Nothing here changes a run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from automaton.backends import CpuBackend
from automaton.chemistry import World
from automaton.chemistry.tick import TickResult
from automaton.compute.reduction import OUTCOMES
from automaton.log import Log
from automaton.run.autoscaler import Autoscaler
from automaton.run.effects import RunEffects
from automaton.run.sidecar_writer import SidecarWriter
from automaton.run.stats import Stats
from automaton.verify.live import LiveVerification
from automaton.workers import SingleTaskExecutor, available_cores, gil_enabled
from automaton.workers.autoscale_policy import as_json

#: Decisions that a set of statistics shows.
SHOWN_DECISIONS = 10


@dataclass
class RunTotals:
    """What one run has counted."""

    tick: int  # the last that is done
    modifications: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    unknown: dict[str, None] = field(default_factory=dict)  # conditions, once each
    moved: bool = True  # whether anything fired in the last tick

    def add(self, result: TickResult) -> None:
        """Count a tick."""
        step = result.lines.step
        self.tick = result.fields.tick
        self.moved = step.fired
        self.unknown.update(dict.fromkeys(step.unknown))
        self.modifications += len(result.lines.winners)
        for name, count in result.fields.outcomes.items():
            self.outcomes[name] += count


@dataclass(frozen=True)
class RunParts:
    """The parts of a run whose figures are read."""

    log: Log
    world: World
    device: CpuBackend
    background: SingleTaskExecutor
    effects: RunEffects
    scaler: Autoscaler
    pace: LiveVerification
    aside: SidecarWriter | None
    living: tuple[int, int]  # terms alive, and different ones among them


class RunMeter:
    """The clock of one run, and the figures at its last reading."""

    def __init__(self, first_tick: int) -> None:
        self.first_tick = first_tick
        self._process = psutil.Process()
        self._counted = (0, 0)  # winners and candidates when the clock was started
        self.start()

    def start(self) -> float:
        """Start the clock; returns its time, in seconds."""
        self._started = time.monotonic()
        self._window = (self._started, *self._counted)
        self._at_start = self._counted[0]
        return self._started

    def read(self, run: RunParts, totals: RunTotals, *, final: bool) -> Stats:
        """The statistics now."""
        now = time.monotonic()
        normal, candidates = totals.modifications, sum(totals.outcomes.values())
        since, normal_before, candidates_before = self._window
        if final:
            since, (normal_before, candidates_before) = self._started, self._counted
        self._window = (now, normal, candidates)
        self._counted = (normal, candidates) if final else self._counted
        span = max(now - since, 1e-9)
        memory = psutil.virtual_memory()
        scaler, pool = run.scaler, run.device.pool
        since_start = max(now - self._started, 1e-9)
        limit = scaler.tightest()
        world, state = run.world, run.world.state
        live, distinct = run.living
        return Stats(
            tick=totals.tick,
            ticks=totals.tick - self.first_tick,
            seconds=round(now - self._started, 6),
            modifications=normal,
            modifications_per_s=round((normal - normal_before) / span, 1),
            candidates=candidates,
            candidates_per_s=round((candidates - candidates_before) / span, 1),
            objects=state.counters["objects"],
            live=live,
            distinct=distinct,
            modifications_per_s_total=round((normal - self._at_start) / since_start, 1),
            tick_ms_p50=_quantile(scaler.ticks, 0.5),
            tick_ms_p99=_quantile(scaler.ticks, 0.99),
            tree_bytes=scaler.tree_bytes(),
            memory_used_bytes=limit.used,
            memory_limit_bytes=limit.limit,
            memory_limit_source=limit.source,
            freed_bytes=scaler.freed,
            rss_bytes=self._process.memory_info().rss,
            memory_available_bytes=memory.available,
            memory_percent=memory.percent,
            cores=available_cores(),
            load=round(os.getloadavg()[0], 2),
            engine=pool.engine,
            workers_active=pool.active,
            workers_total=pool.count,
            workers_replaced=pool.replaced,
            scaling=tuple(map(as_json, list(scaler.decisions)[-SHOWN_DECISIONS:])),
            threads=pool.count if pool.engine == "thread" else 1,
            device=run.device.name,
            dimension=world.dimension(),
            automaton=state.automaton,
            outcomes=dict(totals.outcomes),
            actions=dict(state.actions),
            counters=dict(state.counters),
            unknown_conditions=tuple(totals.unknown),
            moved=totals.moved,
            parallel=world.options.parallel,
            queue=int(run.background.busy),
            durable_bytes=run.log.durable,
            log_bytes=run.log.size,
            head=run.log.head.hex(),
            refused=dict(run.effects.refused),
            inbox_begun_anew=run.log.inbox.begun_anew,
            verify=run.pace.report(totals.tick).as_json(),
            gil=gil_enabled(),
            ends=state.ends,
            remembered=run.aside.remembered() if run.aside else None,
            final=final,
        )


def _quantile(seconds: Sequence[float], share: float) -> float | None:
    """The time in milliseconds under which this share of ticks stays; None without ticks."""
    ordered = sorted(seconds)
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3, 3)
