"""Cycles in flight: which stage runs when, on which thread, in bounded numbers.

A few threads compute; a stage that waits does so on an event loop (`async def`) or on
a thread of a pool for that, and its cycle is put aside meanwhile. So many cycles are
begun and not yet over at most. Results do not depend on any of this. Touches threads
and the clock; must not know what stages do, or where results go.

Longer than 300 lines: its classes share every state of a cycle under way.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from threading import Condition, Thread, local
from typing import Any

from automaton.cycles.graph import Cycle, Stage, Values, failure, inputs, outcome
from automaton.cycles.plan import DeadlineError, FinishedCycle, Job, Plan, in_time
from automaton.cycles.results import Result
from automaton.cycles.thread_copy import copy_plan

#: Threads on which stages that block may wait; more wait for one of them (`async def` does not).
WAITERS = 256
#: Seconds that a stage must take for another one to run beside it: far above its dispatch.
WORTH = 2e-3
#: Weight of the last measurement in a stage's mean time.
_SMOOTH = 0.2


@dataclass(eq=False)
class _RunningCycle:
    """A cycle that has begun."""

    job: Job
    began: float
    cycle: Cycle = field(init=False)  # both are made by the thread that begins it, in no lock
    sorter: TopologicalSorter[str] | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    here: list[str] = field(default_factory=list)  # stages that may run on this thread
    arrived: deque[tuple[str, Any, BaseException | None]] = field(default_factory=deque)
    aside: dict[str, Future[Any]] = field(default_factory=dict)  # stages under way elsewhere
    parked: float = 0.0  # when it was put aside; 0: it is not
    computed: float = 0.0
    waited: float = 0.0
    over: bool = False


class _StageCosts(local):
    """Mean seconds of stages, as each thread has measured them itself: nothing is shared."""

    def __init__(self) -> None:
        self.mean: dict[str, float] = {}

    def worth_sharing(self, stage: str) -> bool:
        """Whether a stage takes so long that another may run beside it."""
        mean = self.mean
        return stage in mean and mean[stage] > WORTH

    def all_short(self, stages: Iterable[str]) -> bool:
        """Whether each is known to take so little that nothing need run beside it."""
        mean = self.mean
        return all(name in mean and not self.worth_sharing(name) for name in stages)

    def learn(self, stage: str, seconds: float) -> None:
        """A stage has taken so long."""
        mean = self.mean
        before = mean[stage] if stage in mean else seconds  # noqa: SIM401  # get takes a lock
        mean[stage] = before + _SMOOTH * (seconds - before)


class ThreadExecutor:
    """Runs jobs until there are no more, or `stop` is called; `done` is told of each.

    `workers` threads compute, `most` cycles are in flight. `done` is called from them.
    """

    def __init__(
        self, plan: Plan, jobs: Iterator[Job], done: Callable[[FinishedCycle], None],
        *, workers: int, most: int,
    ) -> None:  # fmt: skip
        self.plan, self._jobs, self._done = plan, jobs, done
        self._workers, self._most, self._waits = workers, max(1, most), plan.graph.waits
        self._changed = Condition()
        self._ready: deque[_RunningCycle] = deque()  # put aside, and something has arrived
        self._begun: set[_RunningCycle] = set()
        self._more, self._stopping, self._idle = True, False, 0
        self.peak = 0  # most cycles that were in flight at a time
        self._costs = _StageCosts()  # of stages that compute
        self._defect: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads = [
            Thread(target=self._work, name=f"cycles-{k}", daemon=True) for k in range(workers)
        ]
        self._beside = ThreadPoolExecutor(workers, thread_name_prefix="stages")
        self._waiters = ThreadPoolExecutor(min(WAITERS, self._most), thread_name_prefix="waiting")

    # -- from outside ----------------------------------------------------------

    def prepare(self) -> None:
        """Start the event loop, where a stage waits on one."""
        if any(stage.is_async for stage in self.plan.graph.stages):
            self._loop = asyncio.new_event_loop()
            self._looping = Thread(target=self._loop.run_forever, name="cycles-loop", daemon=True)
            self._looping.start()

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no more cycles and give up those that wait; what computes is finished."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, seconds: float) -> bool:
        """Wait so long; whether everything is over. Expires what is past its deadline."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._expire()
        return not any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """End the threads; raises what a defect of this program raised in one of them."""
        self.stop()
        for thread in self._threads:  # they alone send stages elsewhere: from then on nobody does
            if thread.ident is not None:
                thread.join()
        for own in self._begun:
            for future in own.aside.values():
                future.cancel()
        self._beside.shutdown()
        self._waiters.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(_given_up(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._looping.join()
            self._loop.close()
        if self._defect is not None:
            raise self._defect

    def _expire(self) -> None:
        """Cycles that wait past their deadline are over."""
        deadline = self.plan.deadline
        if deadline is None:
            return
        with self._changed:
            late = [o for o in self._begun if o.parked and time.perf_counter() - o.began > deadline]
            for own in late:
                where = next(iter(own.aside), "")
                error = DeadlineError(f"{deadline} s passed (--deadline) in stage {where}")
                own.arrived.append((where, None, error))
                self._unpark(own)
            self._changed.notify_all()

    # -- threads that compute --------------------------------------------------

    def _work(self) -> None:
        try:
            plan, costs = copy_plan(self.plan), self._costs
            names = plan.graph.order
            while (own := self._next()) is not None:
                if own.sorter is None and not self._waits and costs.all_short(names):
                    self._run_in_order(own, plan)
                else:
                    self._advance(own, plan)
        except BaseException as error:  # noqa: BLE001  # raised again in `close`
            with self._changed:
                self._defect, self._stopping = error, True
                self._changed.notify_all()

    def _next(self) -> _RunningCycle | None:
        """A cycle to go on with, or a new one; None at the end."""
        with self._changed:
            while True:
                if self._ready:
                    return self._ready.popleft()
                if self._more and not self._stopping and len(self._begun) < self._most:
                    job = next(self._jobs, None)
                    if job is not None:
                        own = _RunningCycle(job, time.perf_counter())
                        self._begun.add(own)
                        self.peak = max(self.peak, len(self._begun))
                        return own
                    self._more = False
                waiting = bool(self._begun) and not self._stopping
                if not waiting or (not self._more and not self._begun):
                    self._changed.notify_all()
                    return None
                self._idle += 1
                self._changed.wait()
                self._idle -= 1

    def _run_in_order(self, own: _RunningCycle, plan: Plan) -> None:
        """A cycle from its first stage to its last: nothing of it could run beside the rest.

        What sorting and sending cost is a tenth of a standard cycle's time.
        """
        cpu, name, graph, answers = time.thread_time(), "", plan.graph, own.answers
        own.cycle = cycle = plan.cycle(own.job.seed, own.job.catalyst)
        try:
            for name in graph.order:
                answers[name] = self._computed(own, graph.by_name[name])
                in_time(plan, own.began, name)
            result = outcome(graph, cycle, answers)
        except BaseException as error:  # noqa: BLE001  # a failing cycle is a result
            result = failure(cycle, error, name)
        own.computed = time.thread_time() - cpu
        self._end(own, result)

    def _advance(self, own: _RunningCycle, plan: Plan) -> None:
        """Go on with a cycle until it is over or only waits."""
        cpu, name, by_name = time.thread_time(), "", plan.graph.by_name
        if (sorter := own.sorter) is None:
            own.cycle = plan.cycle(own.job.seed, own.job.catalyst)
            own.sorter = sorter = plan.graph.sorter()
            sorter.prepare()
        try:
            while sorter.is_active():
                self._begin(own)
                if own.here:
                    name = own.here.pop()
                    self._answer(own, name, self._computed(own, by_name[name]))
                    in_time(plan, own.began, name)
                elif not self._arrived(own, cpu):
                    return
            result = outcome(plan.graph, own.cycle, own.answers)
        except _StageError as error:
            result = failure(own.cycle, error.reason, error.stage)
        except BaseException as error:  # noqa: BLE001  # a failing cycle is a result
            result = failure(own.cycle, error, name)
        own.computed += time.thread_time() - cpu
        self._end(own, result)

    def _begin(self, own: _RunningCycle) -> None:
        """Start what became ready: here, or elsewhere where it waits or is worth it."""
        by_name = self.plan.graph.by_name
        assert own.sorter is not None
        for name in own.sorter.get_ready():
            stage = by_name[name]
            if stage.is_async:
                assert self._loop is not None
                work = _on_loop(stage, own.cycle, inputs(stage, own.answers))
                self._send(own, stage, asyncio.run_coroutine_threadsafe(work, self._loop))
            elif stage.waits:
                given = inputs(stage, own.answers)
                self._send(own, stage, self._waiters.submit(stage.work, own.cycle, given))
            elif own.here and self._idle and self._costs.worth_sharing(name):
                self._send(own, stage, self._beside.submit(self._computed_beside, own, stage))
            else:
                own.here.append(name)

    def _send(self, own: _RunningCycle, stage: Stage, future: Future[Any]) -> None:
        """Have a stage's answer brought to its cycle."""
        own.aside[stage.name] = future
        future.add_done_callback(lambda done: self._arrive(own, stage.name, done))

    def _computed(self, own: _RunningCycle, stage: Stage) -> Any:
        """A stage's answer, computed on this thread; its time is remembered."""
        began = time.perf_counter()
        answer = stage.work(own.cycle, inputs(stage, own.answers))
        self._costs.learn(stage.name, time.perf_counter() - began)
        return answer

    def _computed_beside(self, own: _RunningCycle, stage: Stage) -> Any:
        """The same on a thread of the stages' own."""
        cpu = time.thread_time()
        try:
            return self._computed(own, stage)
        finally:
            with self._changed:
                own.computed += time.thread_time() - cpu

    def _arrive(self, own: _RunningCycle, name: str, done: Future[Any]) -> None:
        """A stage has ended elsewhere."""
        error = None if done.cancelled() else done.exception()
        answer = None if done.cancelled() or error is not None else done.result()
        with self._changed:
            if own.over or done.cancelled():
                return
            own.arrived.append((name, answer, error))
            if own.parked:
                self._unpark(own)
                self._changed.notify()

    def _unpark(self, own: _RunningCycle) -> None:
        """A cycle that was put aside can go on; it has waited if a stage that waits was out."""
        by_name = self.plan.graph.by_name
        if any(by_name[name].elsewhere for name in own.aside):
            own.waited += time.perf_counter() - own.parked
        own.parked = 0.0
        self._ready.append(own)

    def _arrived(self, own: _RunningCycle, cpu: float) -> bool:
        """Take in what has arrived; where nothing has, put the cycle aside."""
        with self._changed:
            if not own.arrived:
                own.computed += time.thread_time() - cpu
                own.parked = time.perf_counter()
                return False
            arrived, own.arrived = own.arrived, deque()
        for name, answer, error in arrived:
            own.aside.pop(name, None)
            if error is not None:
                raise _StageError(name, error)
            self._answer(own, name, answer)
            in_time(self.plan, own.began, name)
        return True

    @staticmethod
    def _answer(own: _RunningCycle, name: str, answer: Any) -> None:
        assert own.sorter is not None
        own.answers[name] = answer
        own.sorter.done(name)

    def _end(self, own: _RunningCycle, result: Result) -> None:
        with self._changed:
            own.over = True
            for future in own.aside.values():
                future.cancel()
            self._begun.discard(own)
            if self._idle and (not self._begun or self._more):
                self._changed.notify_all()
        seconds = time.perf_counter() - own.began
        self._done(FinishedCycle(own.job.number, result, seconds, own.computed, own.waited))


async def _on_loop(stage: Stage, cycle: Cycle, given: Values) -> Any:
    """A stage's answer; its own coroutine begins here, so none is left that never began."""
    return await stage.work(cycle, given)


async def _given_up() -> None:
    """Cancel what still waits on this loop, and wait until that is done."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class _StageError(Exception):
    """A stage that ran elsewhere failed."""

    def __init__(self, stage: str, reason: BaseException) -> None:
        super().__init__(stage)
        self.stage, self.reason = stage, reason
