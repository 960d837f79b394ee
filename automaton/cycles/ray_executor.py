"""Tasks of Ray that run cycles: given ranges of jobs, repeated when a process or a node is lost.

The same contract as `ThreadExecutor`. The frozen population is put into the cluster once,
and kept by each process that has a task. A task that is lost costs its cycles another try,
each in a task of its own; one that costs its process again has failed. Must not know what
becomes of results.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from operator import length_hint
from threading import Thread
from typing import Any, NamedTuple

from automaton.cluster import ray_cluster
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import failure
from automaton.cycles.plan import DeadlineError, FinishedCycle, Job, Plan, warm
from automaton.cycles.worker import finished_of, graph_from_json, graph_to_json, read, run_jobs
from automaton.errors import WorkerError
from automaton.workers import spawn
from kernels import cpu

#: Seconds of computing in a task, and most jobs of one.
RANGE_S, MOST = 0.25, 4096
#: Tasks that are given ahead for each that computes.
AHEAD = 2
#: How often a cycle may cost a process, alone in a task, before it has failed.
ATTEMPTS = 2
#: Seconds beyond a deadline after which a process that goes on with a cycle ends itself.
GRACE_S = 1.0
#: Seconds in which all processes must be ready; the first on a node compiles.
START_S = 300.0
#: Seconds for which answers are waited for before it is seen whether all is to end.
_LOOK_S = 0.1
#: Seconds without an answer after which it is seen whether this process's node is there.
_NODE_S = 1.0


# In a process of a node.

_kept: dict[str, Plan] = {}  # the plan of the last call, by its key


class SharedPlan(NamedTuple):
    """What all cycles share, as tasks are given it."""

    key: str  # of the whole of it
    head: str  # JSON: the graph, catalysts, deadline, cycles in flight, kernels' sources
    place: Any  # the reference of the packed population, which is fetched once a process


def run_range(shared: SharedPlan, jobs: list[list[Any]]) -> bytes:
    """Run jobs in this process; their answers as `worker.read` takes them."""
    plan, most = _plan_of(shared), json.loads(shared.head)[3]
    told: list[bytes] = []
    for part in _parts(plan, [Job(*job) for job in jobs]):
        run_jobs(plan, most, part, told.extend)
    return b"[%s]" % b",".join(told)


def _parts(plan: Plan, jobs: list[Job]) -> Iterator[list[Job]]:
    """All jobs at once; with a deadline one by one, each under an alarm that ends the process."""
    if plan.deadline is None or plan.graph.waits:
        yield jobs
        return
    try:
        for job in jobs:
            signal.setitimer(signal.ITIMER_REAL, plan.deadline + GRACE_S)
            yield [job]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _plan_of(shared: SharedPlan) -> Plan:
    """The plan, made once in this process."""
    if shared.key not in _kept:
        import ray  # noqa: PLC0415  # it is there: it runs this

        if not spawn.die_with(os.getppid()):
            raise WorkerError("the raylet that started this process is gone")
        graph, texts, deadline, _, kernels = json.loads(shared.head)
        if cpu.source_key() != kernels:
            raise WorkerError(
                f"{platform.node()} has another version of this program, or of numba, than where "
                "this was started; install the same on every node"
            )
        branch = FrozenPopulation.unpacked(ray.get(shared.place)).ready()
        _kept.clear()
        _kept[shared.key] = Plan.of(branch, graph_from_json(graph), texts, deadline)
        warm(branch)
    return _kept[shared.key]


# Where the call is.


class _Range(NamedTuple):
    """Jobs of a task, and when it was given."""

    jobs: list[Job]
    given: float


class RayExecutor:
    """Runs jobs as tasks on a cluster, `workers` of them at a time; 0: its cores."""

    def __init__(  # noqa: PLR0913  # settings by name
        self, plan: Plan, jobs: Iterator[Job], done: Callable[[FinishedCycle], None],
        *, workers: int, most: int, address: str | None,
    ) -> None:  # fmt: skip
        self.plan, self._jobs, self._done = plan, jobs, done
        self.workers, self._most, self._address = workers, most, address
        self._graph = graph_to_json(plan.graph)
        self._calls: dict[Any, _Range] = {}  # by the reference of the answer
        self._again: deque[Job] = deque()  # jobs of a task that was lost, each to be run alone
        self._deaths: dict[int, int] = {}
        self._looked = 0.0  # when it was seen that this process's node is there
        self._mean = RANGE_S / 64  # seconds of a cycle, so far
        self._stopping = False
        self.peak = self._out = 0  # jobs that are with the cluster
        self._defect: BaseException | None = None
        self._ray: Any = None
        self._thread = Thread(target=self._work, daemon=True)

    def prepare(self) -> None:
        """Connect, and wait until there is a process for each task that runs at a time."""
        self._ray = ray_cluster.open_cluster(self._address)
        self._node = ray_cluster.node_address(self._ray)
        cores = int(self._ray.cluster_resources().get("CPU", 0))
        self.workers = max(1, min(self.workers or cores, self._most))
        raw, share = self.plan.branch.packed(), max(1, self._most // self.workers)
        head = json.dumps(
            [self._graph, list(self.plan.catalysts), self.plan.deadline, share, cpu.source_key()]
        )
        key = hashlib.sha256(head.encode() + raw).hexdigest()
        self._share = share
        self._shared = SharedPlan(key, head, self._ray.put(raw))
        # Repeated by us and not by Ray, which does not know which cycle is to blame.
        self._remote = self._ray.remote(num_cpus=1, max_retries=0)(run_range)
        ready = [self._remote.remote(self._shared, []) for _ in range(self.workers)]
        done, late = self._ray.wait(ready, num_returns=len(ready), timeout=START_S)
        if late:
            raise WorkerError(f"{len(late)} processes of Ray are not ready after {START_S:g} s")
        for call in done:
            self._start_of(call)

    def _start_of(self, call: Any) -> None:
        try:
            self._ray.get(call)
        except self._ray.exceptions.RayTaskError as error:
            raise _as_ours(error) from None
        except self._ray.exceptions.RayError as error:
            raise WorkerError(
                f"a process for cycles does not start on Ray: {_said(error)}"
            ) from None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Hand out no more; what is under way is lost."""
        self._stopping = True

    def join(self, seconds: float) -> bool:
        """Wait so long; whether everything is over."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Leave the cluster; raises what could not be gone on with."""
        self.stop()
        if self._thread.ident is not None:
            self._thread.join()
        if self._ray is not None:
            for call in self._calls:
                self._ray.cancel(call, force=True)
            self._ray.shutdown()
        if self._defect is not None:
            raise self._defect

    # -- the thread -------------------------------------------------------------

    def _work(self) -> None:
        try:
            while not self._stopping:
                while len(self._calls) < AHEAD * self.workers and (jobs := self._range()):
                    self._give(jobs)
                if not self._calls:
                    return
                self._collect()
        except BaseException as error:  # noqa: BLE001  # raised again in `close`
            self._defect, self._stopping = error, True

    def _range(self) -> list[Job]:
        """The next jobs for a task."""
        if self._again:
            return [self._again.popleft()]
        left = length_hint(self._jobs, MOST)
        size = min(MOST, int(RANGE_S / max(self._mean, 1e-6)), -(-self._share // AHEAD))
        size = min(size, left // (AHEAD * self.workers))  # none idles at the end
        jobs = list(islice(self._jobs, max(1, size)))
        self._out += len(jobs)
        self.peak = max(self.peak, self._out)
        return jobs

    def _give(self, jobs: list[Job]) -> None:
        told = [[job.number, job.seed, job.catalyst] for job in jobs]
        self._calls[self._remote.remote(self._shared, told)] = _Range(jobs, time.monotonic())

    def _collect(self) -> None:
        """Take in the answers that are there."""
        calls = list(self._calls)
        done, _ = self._ray.wait(calls, num_returns=1, timeout=_LOOK_S)
        if not done and time.monotonic() - self._looked > _NODE_S:
            self._looked = time.monotonic()
            ray_cluster.require_node(self._node)
        more, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        for call in dict.fromkeys([*done, *more]):
            given = self._calls.pop(call)
            try:
                answers = read(self._ray.get(call))
            except self._ray.exceptions.RayTaskError as error:
                raise _as_ours(error) from None
            except self._ray.exceptions.RayError as error:
                self._lost(given, error)
            else:
                self._take(answers)

    def _take(self, answers: list[Any]) -> None:
        self._out -= len(answers)
        for answer in answers:
            one = finished_of(answer)
            self._mean += 0.2 * (one.seconds - self._mean)
            self._done(one)

    def _lost(self, given: _Range, error: Exception) -> None:
        """A process or a node is gone: which cycle is to blame is seen where it is alone."""
        ray_cluster.require_node(self._node)
        if len(given.jobs) > 1:
            self._again.extend(given.jobs)
            return
        [job], deadline = given.jobs, self.plan.deadline
        deaths = self._deaths[job.number] = self._deaths.get(job.number, 0) + 1
        if deaths < ATTEMPTS:
            self._again.append(job)
            return
        hung = deadline is not None and time.monotonic() - given.given > deadline + GRACE_S
        reason = (
            DeadlineError(f"{deadline} s passed (--deadline); its process was ended")
            if hung
            else WorkerError(f"its process ended {ATTEMPTS} times on Ray: {_said(error)}")
        )
        result = failure(self.plan.cycle(job.seed, job.catalyst), reason)
        self._out -= 1
        self._done(FinishedCycle(job.number, result, 0.0, 0.0, 0.0))


def _said(error: Exception) -> str:
    """What Ray says, in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _as_ours(error: Any) -> BaseException:
    """What a task raised."""
    cause = error.cause
    return (
        cause if isinstance(cause, WorkerError) else WorkerError(f"a task on Ray failed: {cause}")
    )
