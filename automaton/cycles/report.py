"""What a call of the engine reports: counts, measured times, what it saw.

Touches the clock. Must not know who ran the cycles.
"""

from __future__ import annotations

import queue
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from automaton.cycles.composite_index import CompositeIndex
from automaton.cycles.plan import FinishedCycle
from automaton.cycles.results import Result
from automaton.errors import AutomatonError


@dataclass(frozen=True)
class Report:
    """What a call of `run` did. `speedup_vs_sequential` is None where it was not measured.

    success_rate: completed of total_executions (None of none); avg_cii: the index over
    all completed cycles (None where a component could not be measured); times are UTC.
    """

    total_executions: int
    completed: int
    failed: int
    success_rate: float | None
    duration_seconds: float
    throughput_per_second: float
    avg_cii: float | None
    max_parallel: int
    start_time: str
    end_time: str
    speedup_vs_sequential: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Every field by name; the speed-up only where it was measured."""
        found = asdict(self)
        if self.speedup_vs_sequential is None:
            del found["speedup_vs_sequential"]
        return found


@dataclass(frozen=True)
class EngineMeasurements:
    """What the engine saw: who computed, and whether cycles computed or waited."""

    engine: str
    workers: int  # threads or processes that compute
    in_flight: int  # most cycles that were in flight at a time
    computed_seconds: float  # processor time, of all cycles
    waited_seconds: float  # in stages that wait, of all cycles
    kind: str  # what takes more: computing scales with workers, waiting with cycles in flight
    ready_seconds: float  # until workers were ready; not part of the duration
    gil: bool
    sequential_cycles: int  # run again in sequence, to measure the speed-up
    sequential_equal: int  # of these, with an equal result


@dataclass(frozen=True)
class EngineResult:
    """The report of a call, what it rests on, and the results in the order of their seeds."""

    report: Report
    cii: CompositeIndex
    saw: EngineMeasurements
    results: list[Result]
    asked: int
    interrupted: bool
    trouble: AutomatonError | OSError | None = None  # what ended it early, or was not kept

    def as_json(self) -> dict[str, Any]:
        """The report by its fields, beside it the rest; without the results."""
        return {
            "report": self.report.as_json(),
            "cii": self.cii.as_json(),
            "saw": asdict(self.saw),
            "asked": self.asked,
            "interrupted": self.interrupted,
            "trouble": None if self.trouble is None else str(self.trouble),
        }


class CallClock:
    """The clock of a call, and what is over so far."""

    def __init__(self) -> None:
        self.finished: list[FinishedCycle] = []
        self.interrupted = False
        self.trouble: AutomatonError | OSError | None = None
        self.peak = 1
        self.begin(0.0)

    def begin(self, ready: float) -> None:
        """Workers are ready, after so many seconds."""
        self.ready, self._start = ready, datetime.now(UTC)
        self._began = self._last = time.perf_counter()

    def mark(self) -> None:
        """A cycle is over: ending the workers afterwards is no part of the duration."""
        self._last = max(self._last, time.perf_counter())

    def take(self, over: queue.SimpleQueue[FinishedCycle]) -> None:
        """Take in what is over."""
        self.finished += [over.get() for _ in range(over.qsize())]

    def end(self, over: queue.SimpleQueue[FinishedCycle]) -> None:
        """All is over."""
        self.take(over)
        self.seconds = max(self._last - self._began, 1e-9)
        self.start_time = _said(self._start)
        self.end_time = _said(self._start + timedelta(seconds=self.seconds))


def _said(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
