"""Many cycles on one branch of a log: run at the same time, counted, reported.

What was asked to be in flight and what computes are two numbers. Opens the log
through `branching`, writes decisions beside it where asked; what cycles do, and which
thread runs which stage, others know. No figure of a report is assumed.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import takewhile
from pathlib import Path
from threading import Event

from automaton.cycles.catalysts import ANY
from automaton.cycles.composite_index import composite_index
from automaton.cycles.decision_writer import DecisionWriter
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Graph
from automaton.cycles.plan import FinishedCycle, Job, Plan, in_sequence, warm
from automaton.cycles.population_source import load_population
from automaton.cycles.process_executor import ProcessExecutor
from automaton.cycles.ray_executor import RayExecutor
from automaton.cycles.report import CallClock, EngineMeasurements, EngineResult, Report
from automaton.cycles.results import Result
from automaton.cycles.stages import STANDARD
from automaton.cycles.thread_executor import ThreadExecutor
from automaton.errors import AutomatonError, UsageError
from automaton.workers import available_cores, gil_enabled

ENGINES = ("thread", "process", "serial")
#: The engine that is no part of this machine alone.
RAY = "ray"
#: Most cycles in flight.
MOST = 10_000
_SEEDS = 1 << 64
Executor = ThreadExecutor | ProcessExecutor | RayExecutor
_LOOK = 0.1  # seconds between two looks at what is over


def nothing(_: int) -> None:
    """Nobody is told."""


def nobody(_: FinishedCycle) -> None:
    """Nobody keeps its decisions."""


class ParallelEngine:
    """Runs cycles of a log, `max_parallel` in flight at a time.

    `engine`: thread (as many threads compute as there are cores), process, serial, or ray
    (tasks of the cluster at `address`; None: one that begins and ends with `run`);
    `workers` sets their number. `graph`: the stages, of whoever has their own.
    `deadline`: seconds that a cycle may take. `decisions`: write what was decided
    beside the log. `sequential`: the share of cycles that is run again in sequence, to
    measure the speed-up; 0 leaves it out.
    """

    def __init__(  # noqa: PLR0913 - settings by name
        self, path: str | Path, max_parallel: int = 100, engine: str = "thread", *,
        seed: int = 0, workers: int | None = None, graph: Graph = STANDARD,
        deadline: float | None = None, decisions: bool = False, sequential: float = 0.1,
        branch: FrozenPopulation | None = None, address: str | None = None,
    ) -> None:  # fmt: skip
        if engine not in {*ENGINES, RAY}:
            known = ", ".join([*ENGINES, RAY])
            raise UsageError(f"engine is {engine!r}; it must be one of {known}")
        if address is not None and engine != RAY:
            raise UsageError("an address is that of a Ray cluster, and the engine is another")
        if not 1 <= max_parallel <= MOST:
            raise UsageError(f"max_parallel is {max_parallel}; it must be from 1 to {MOST}")
        if not 0 <= sequential <= 1:
            raise UsageError(f"sequential is {sequential}; it must be a share from 0 to 1")
        self.path = Path(path)
        self.max_parallel, self.engine, self.seed = max_parallel, engine, seed
        self.address, self._wanted = address, workers
        self.workers = 1 if engine == "serial" else min(workers or available_cores(), max_parallel)
        self.graph, self.deadline, self.sequential = graph, deadline, sequential
        self._decisions = decisions
        self.branch = load_population(self.path) if branch is None else branch
        self.notices: list[str] = []  # what was found beside the log and is worth saying
        self._stopping = Event()

    def stop(self) -> None:
        """End `run` soon, keeping what is finished; safe in a signal handler."""
        self._stopping.set()

    def run(
        self, cycles: int = 100, catalysts: Sequence[str] | None = None, *,
        progress: Callable[[int], None] = nothing,
    ) -> EngineResult:  # fmt: skip
        """Run so many cycles, with seeds that count up and catalysts taken in turn.

        Without catalysts each cycle draws a live term. `progress` is told how many
        are over. Ctrl-C, and `stop`, keep what is finished.
        """
        if cycles < 1:
            raise UsageError(f"cycles is {cycles}; run at least one")
        self._stopping.clear()
        jobs = self._jobs(cycles, list(catalysts or [ANY]))
        plan = Plan.of(self.branch, self.graph, [job.catalyst for job in jobs], self.deadline)
        warm(self.branch)
        kept = DecisionWriter(self.path, self.branch) if self._decisions else None
        self.notices = [] if kept is None else kept.notices
        run = self._serially if self.engine == "serial" else self._together
        try:
            timed = run(plan, jobs, nobody if kept is None else kept.take, progress)
        finally:
            if kept is not None:
                kept.close()
        timed.trouble = timed.trouble or (kept.trouble if kept is not None else None)
        return self._ran(plan, jobs, timed)

    def _jobs(self, count: int, texts: list[str]) -> list[Job]:
        return [Job(k, (self.seed + k) % _SEEDS, texts[k % len(texts)]) for k in range(count)]

    def _together(
        self, plan: Plan, jobs: list[Job], keep: Callable[[FinishedCycle], None],
        progress: Callable[[int], None],
    ) -> CallClock:  # fmt: skip
        """Run them at the same time; an error that ends them early leaves what is finished."""
        timed, over = CallClock(), queue.SimpleQueue[FinishedCycle]()

        def done(one: FinishedCycle) -> None:
            keep(one)
            over.put(one)
            timed.mark()

        began = time.perf_counter()
        flight = self._executor(plan, iter(jobs), done)
        try:
            with closing(flight):
                flight.prepare()
                timed.begin(time.perf_counter() - began)
                flight.start()
                self._watch(flight, timed, over, progress)
        except KeyboardInterrupt:
            timed.interrupted = True
        except (AutomatonError, OSError) as error:
            timed.take(over)
            if not timed.finished:
                raise
            timed.trouble = error
        timed.end(over)
        timed.peak = flight.peak
        if isinstance(flight, RayExecutor):  # it asked the cluster
            self.workers = flight.workers
        return timed

    def _executor(
        self, plan: Plan, jobs: Iterator[Job], done: Callable[[FinishedCycle], None]
    ) -> Executor:
        if self.engine == RAY:
            return RayExecutor(
                plan, jobs, done, workers=self._wanted or 0, most=self.max_parallel,
                address=self.address,
            )  # fmt: skip
        kind = ProcessExecutor if self.engine == "process" else ThreadExecutor
        return kind(plan, jobs, done, workers=self.workers, most=self.max_parallel)

    def _serially(
        self, plan: Plan, jobs: list[Job], keep: Callable[[FinishedCycle], None],
        progress: Callable[[int], None],
    ) -> CallClock:  # fmt: skip
        """Run them one after another, in this thread."""
        timed = CallClock()
        try:
            for job in takewhile(lambda _: not self._stopping.is_set(), jobs):
                one = in_sequence(plan, job)
                keep(one)
                timed.finished.append(one)
                progress(len(timed.finished))
        except KeyboardInterrupt:
            timed.interrupted = True
        timed.interrupted |= self._stopping.is_set()
        timed.mark()
        timed.end(queue.SimpleQueue())
        return timed

    def _watch(
        self, flight: Executor, timed: CallClock,
        over: queue.SimpleQueue[FinishedCycle], progress: Callable[[int], None],
    ) -> None:  # fmt: skip
        while not flight.join(_LOOK):
            timed.take(over)
            progress(len(timed.finished))
            if self._stopping.is_set():
                timed.interrupted = True
                flight.stop()
                return

    def _ran(self, plan: Plan, jobs: list[Job], timed: CallClock) -> EngineResult:
        finished = sorted(timed.finished, key=lambda one: one.number)
        results = [one.result for one in finished]
        failed = sum(bool(result.error) for result in results)
        total, index = len(results), composite_index(results)
        whole = not (timed.interrupted or timed.trouble)
        again = self._in_sequence(plan, jobs, finished) if whole else []
        speedup = None
        if again:
            each = sum(one.seconds for one in again) / len(again)
            speedup = each * (total - failed) / timed.seconds
        by_number = {one.number: one.result for one in finished}
        equal = sum(_same(by_number[one.number], one.result) for one in again)
        computed = sum(one.computed for one in finished)
        waited = sum(one.waited for one in finished)
        report = Report(
            total, total - failed, failed, (total - failed) / total if total else None,
            timed.seconds, total / timed.seconds, index.index, self.max_parallel,
            timed.start_time, timed.end_time, speedup,
        )  # fmt: skip
        saw = EngineMeasurements(
            self.engine, self.workers, timed.peak, computed, waited,
            "waiting" if waited > computed else "computing", timed.ready, gil_enabled(),
            len(again), equal,
        )  # fmt: skip
        return EngineResult(
            report, index, saw, results, len(jobs), timed.interrupted, timed.trouble
        )

    def _in_sequence(
        self, plan: Plan, jobs: list[Job], finished: list[FinishedCycle]
    ) -> list[FinishedCycle]:
        """A share of the completed cycles, evenly spread, one after another.

        A failed one is not run here: it may have cost a process, or never have ended.
        """
        done = [jobs[one.number] for one in finished if not one.result.error]
        if self.engine == "serial" or not self.sequential or not done:
            return []
        count = min(len(done), max(1, round(self.sequential * len(done))))
        chosen = (done[k * len(done) // count] for k in range(count))
        again: list[FinishedCycle] = []
        with suppress(KeyboardInterrupt):
            for job in takewhile(lambda _: not self._stopping.is_set(), chosen):
                again.append(in_sequence(plan, job))  # noqa: PERF401  # kept when interrupted
        return again


def _same(one: Result, other: Result) -> bool:
    return one.as_json() == other.as_json()


def replay_cycle(
    branch: FrozenPopulation, seed: int, catalyst: str | None, graph: Graph = STANDARD
) -> Result:
    """One cycle alone: the same result as among others."""
    text = catalyst or ANY
    return in_sequence(Plan.of(branch, graph, [text]), Job(0, seed, text)).result
