"""Processes that run cycles: started, given jobs in chunks, replaced when they die or hang.

A thread a process hands out and collects. A chunk is as long as keeps a process busy
for some milliseconds; a process that dies costs its cycles a second try, alone, and
then a recorded failure. Must not know what becomes of results.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import length_hint
from threading import Lock, Thread

from automaton.cycles.graph import failure
from automaton.cycles.plan import DeadlineError, FinishedCycle, Job, Plan
from automaton.cycles.worker import finished_of, graph_to_json, read
from automaton.errors import WorkerError
from automaton.workers import spawn

#: Seconds of computing in a chunk, and most jobs of one.
CHUNK, MOST = 0.01, 256
#: Chunks that a process is given ahead.
AHEAD = 2
#: How often a cycle may cost a process before it has failed.
ATTEMPTS = 2
#: Seconds beyond a deadline that a process may be silent before it is taken to hang.
GRACE = 1.0
#: Seconds in which a process must be ready.
START = 120.0


@dataclass(eq=False)
class _Member:
    """One process and what it has been given, in that order."""

    child: spawn.ChildProcess
    given: deque[Job] = field(default_factory=deque)
    chunks: deque[int] = field(default_factory=deque)
    mean: float = CHUNK / 4  # seconds of a cycle, so far
    ready: bool = False


class ProcessExecutor:
    """Runs jobs in `workers` processes; the same contract as `flight.Flight`."""

    def __init__(
        self, plan: Plan, jobs: Iterator[Job], done: Callable[[FinishedCycle], None],
        *, workers: int, most: int,
    ) -> None:  # fmt: skip
        self.plan, self._jobs, self._done = plan, jobs, done
        self._share = max(1, most // workers)  # cycles in flight in one process
        self._graph = graph_to_json(plan.graph)
        self._raw = plan.branch.packed()
        self._lock = Lock()
        self._again: deque[Job] = deque()  # jobs of a process that died, each to be run alone
        self._deaths: dict[int, int] = {}
        self._stopping = False
        self.peak = 0
        self._out = 0  # jobs that are with the processes
        self._defect: BaseException | None = None
        self._members: set[_Member] = set()  # those that are being served
        self._fresh: deque[_Member] = deque()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(workers)]

    def prepare(self) -> None:
        """Start the processes, and wait until they are ready."""
        self._fresh.extend(self._launched() for _ in self._threads)
        for member in self._fresh:
            self._greet(member)

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Hand out no more; what processes have under way is lost with them."""
        self._stopping = True
        with self._lock:
            for member in self._members:
                member.child.channel.hang_up()

    def join(self, seconds: float) -> bool:
        """Wait so long; whether everything is over."""
        for thread in self._threads:
            thread.join(seconds / len(self._threads))
        return not any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """End the processes; raises what a thread of this one could not go on with."""
        self.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        while self._fresh:
            self._fresh.pop().child.end()
        if self._defect is not None:
            raise self._defect

    # -- a thread a process ----------------------------------------------------

    def _work(self) -> None:
        try:
            while not self._stopping and self._served():
                pass
        except BaseException as error:  # noqa: BLE001  # raised again in `close`
            self._defect, self._stopping = error, True

    def _served(self) -> bool:
        """Serve one process until there is nothing to do; whether another is wanted."""
        member = self._next_member()
        try:
            while not self._stopping:
                while self._room(member) and (jobs := self._chunk(member)):
                    self._give(member, jobs)
                if not member.given:
                    return False
                self._collect(member)
        except OSError as error:
            if not self._stopping:
                self._died(member, error)
            return True
        finally:
            with self._lock:
                self._members.discard(member)
            member.child.end()
        return False

    def _next_member(self) -> _Member:
        with self._lock:  # another thread may take the last one meanwhile
            member = self._fresh.popleft() if self._fresh else None
        member = member or self._launched()
        if not member.ready:
            self._greet(member)
        with self._lock:
            self._members.add(member)
        return member

    @staticmethod
    def _launched() -> _Member:
        return _Member(spawn.ChildProcess.start("automaton.cycles.worker"))

    def _greet(self, member: _Member) -> None:
        """Give a process what all cycles share, and wait until it is ready."""
        head = [self._graph, list(self.plan.catalysts), self.plan.deadline, self._share]
        try:
            channel = member.child.channel
            channel.wait_at_most(START)
            channel.send(json.dumps(head).encode())
            channel.send(self._raw)
            if channel.receive() != b"[]":
                raise ConnectionError("it said nothing")
        except OSError as error:
            code = member.child.end()
            raise WorkerError(
                f"a process for cycles does not start ({error}; it {spawn.describe_exit(code)}); "
                "--engine thread needs none"
            ) from error
        deadline = self.plan.deadline
        channel.wait_at_most(None if deadline is None else deadline + GRACE)
        member.ready = True

    def _room(self, member: _Member) -> bool:
        """Whether a process may be given another chunk."""
        return len(member.chunks) < AHEAD and len(member.given) < self._share

    def _chunk(self, member: _Member) -> list[Job]:
        """The next jobs for a process."""
        size = self._share
        if not self.plan.graph.waits:
            size = max(1, min(MOST, int(CHUNK / max(member.mean, 1e-6)), -(-self._share // 2)))
        size = min(size, self._share - len(member.given))
        with self._lock:
            if self._again:
                return [] if member.given else [self._again.popleft()]
            left = length_hint(self._jobs, size * 2 * len(self._threads))
            size = min(size, max(1, left // (2 * len(self._threads))))  # none idles at the end
            jobs = list(islice(self._jobs, size))
            self._out += len(jobs)
            self.peak = max(self.peak, self._out)
        return jobs

    def _give(self, member: _Member, jobs: list[Job]) -> None:
        member.given.extend(jobs)
        member.chunks.append(len(jobs))
        told = json.dumps([[j.number, j.seed, j.catalyst] for j in jobs])
        member.child.channel.send(told.encode())

    def _collect(self, member: _Member) -> None:
        """Take in one answer."""
        message = member.child.channel.receive()
        if not message:
            raise ConnectionError("it ended")
        answers = read(message)
        over = {answer[0] for answer in answers}
        member.given = deque(job for job in member.given if job.number not in over)
        left = len(over)
        while left:  # chunks are answered in their order
            part = min(left, member.chunks[0])
            member.chunks[0] -= part
            left -= part
            if not member.chunks[0]:
                member.chunks.popleft()
        with self._lock:
            self._out -= len(over)
        for answer in answers:
            one = finished_of(answer)
            member.mean += 0.2 * (one.seconds - member.mean)
            self._done(one)

    def _died(self, member: _Member, error: OSError) -> None:
        """Its first unanswered cycle is to blame, surely where it was alone."""
        hung = isinstance(error, TimeoutError)
        how = "hung" if hung else spawn.describe_exit(member.child.end())
        first, *others = member.given or [None]
        with self._lock:
            self._again.extend(job for job in others if job is not None)
            if first is None:
                return
            self._deaths[first.number] = self._deaths.get(first.number, 0) + 1
            given_up = hung or self._deaths[first.number] >= ATTEMPTS
            if not given_up:
                self._again.append(first)
            else:
                self._out -= 1
        if given_up:
            cycle = self.plan.cycle(first.seed, first.catalyst)
            said = f"{self.plan.deadline} s passed (--deadline); its process was ended"
            reason = (
                DeadlineError(said) if hung else WorkerError(f"its process {how}, {ATTEMPTS} times")
            )
            self._done(FinishedCycle(first.number, failure(cycle, reason), 0.0, 0.0, 0.0))
