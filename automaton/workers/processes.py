"""Worker processes: started when they are worth it, given shards, replaced when they fail.

Every worker is a fresh interpreter (nothing is forked); its arrays are shared, so a
shard costs a message of some bytes each way. Who asks computes shards too while the
workers do. SIGKILL, an exception or a passed deadline cost a worker and no result: its
shards are computed again by another.

Longer than 300 lines: a pool, its workers and their replacement are one state machine.
"""

from __future__ import annotations

import contextlib
import json
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, thread_time
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.errors import WorkerError
from automaton.workers import open_files, spawn
from automaton.workers.sharding import ScratchFactory, ShardResult, ShardSizer, ShardTask, spans
from automaton.workers.shared_memory import SharedArena
from automaton.workers.worker import (
    ANSWER,
    BLOCK,
    CALL,
    DONE,
    DROP,
    FAILED,
    NUMBERS,
    RECIPE,
    SHARD,
    function_name,
)

#: How often a shard may cost a worker before the run ends.
ATTEMPTS = 3
#: Seconds after which a worker that does not answer is taken to hang.
DEADLINE = 60.0
#: Seconds in which a worker must be ready; half a second on a quiet machine.
START = 60.0
#: Shards that a worker is given, the one that it computes among them: it never waits for us.
AHEAD = 2
#: Seconds of processor time of batches that could have been shared after which workers are
#: started: what a start takes of another core. So it never costs more than it could have saved.
WORTH_STARTING = 0.5


@dataclass(eq=False)
class PoolWorker:
    """A worker process as its pool sees it."""

    child: spawn.ChildProcess
    due: float  # when it must have answered
    ready: bool = False
    given: deque[int] = field(default_factory=deque)  # shards, the one it computes first
    call: int = 0  # the last call it was told
    known: set[int] = field(default_factory=set)  # blocks that it maps

    def send(self, kind: bytes, body: bytes) -> None:
        """Send a message."""
        self.child.channel.send(kind + body)


def _end_all(workers: list[PoolWorker]) -> None:
    while workers:
        workers.pop().child.end()


class ProcessPool:
    """A number of worker processes, and whoever asks them beside them.

    They are started by the first batches that are worth it; at once where shards have a
    given size (`dealer.largest`, `size`). `helping`: whether the caller computes too.
    """

    engine = "process"
    shared = True

    def __init__(  # noqa: PLR0913 - settings by name
        self, count: int, recipe: ScratchFactory, dealer: ShardSizer | None = None,
        say: Callable[[str], None] = lambda _text: None, deadline: float = DEADLINE, *,
        helping: bool = True,
    ) -> None:  # fmt: skip
        self.count = count
        self.dealer = dealer or ShardSizer()
        self.helping = helping
        self.replaced = 0
        self.active = 0
        self._recipe = recipe
        self._say = say
        self._deadline = deadline
        self._memory = SharedArena()
        self._own: Any = None  # this process's scratch
        self._calls = 0
        self._alone = 0.0  # processor seconds of batches that could be shared
        self._stillborn = 0  # workers in a row that died before they were ready
        self._without = False  # workers do not start: no more are tried
        self._workers: list[PoolWorker] = []
        weakref.finalize(self, _end_all, self._workers)
        open_files.ensure(count)
        self._fixed = self.dealer.largest is not None
        if self._fixed:
            self._fill()

    # -- what the contract asks ----------------------------------------------

    def run(self, call: ShardTask, count: int, size: int | None = None) -> list[ShardResult]:
        """Compute the shards; what is not worth handing out is computed here."""
        name = call.function.__name__
        fixed = self._fixed or size is not None
        parts = spans(count, size or self.dealer.size(name, count, self.count + 1))
        shared = len(parts) > 1 or fixed
        if shared and not self._workers and (fixed or self._alone > WORTH_STARTING):
            self._fill()
        if not shared and not self.dealer.times(name, count):
            self.active = 0
            return [ShardResult(*parts[0], call(*parts[0], self._scratch()))]
        if not shared or not self._workers:
            begun = thread_time()
            done = [self.compute(call, *part) for part in parts]
            results, seconds, active = [r for r, _ in done], [s for _, s in done], 0
            self._alone += (thread_time() - begun) * shared
        else:
            batch = _Batch(self, call, parts)
            results, seconds, active = batch.computed(), batch.seconds, len(batch.helped)
        self.active = active
        self.dealer.learn(name, count, seconds)
        return [ShardResult(*span, result) for span, result in zip(parts, results, strict=True)]

    def allocate(self, count: int, dtype: Any) -> npt.NDArray[Any]:
        """An array that the workers see."""
        return self._memory.array(count, dtype)

    def resize(self, count: int) -> None:
        """From now on so many workers; those that came last are ended."""
        if count > self.count:
            open_files.ensure(count)
        self.count = count
        while len(self._workers) > count:
            self._workers.pop().child.end()
        if self._workers:
            self._fill()

    def close(self) -> None:
        """End the workers; they hold nothing that is not computed again."""
        _end_all(self._workers)

    @property
    def pids(self) -> list[int]:
        """The process numbers of the workers that were started."""
        return [worker.child.pid for worker in self._workers]

    # -- for a batch under way -------------------------------------------------

    @property
    def workers(self) -> list[PoolWorker]:
        """The workers that there are."""
        return self._workers

    def compute(self, call: ShardTask, low: int, high: int) -> tuple[int, float]:
        """A shard computed by whoever asks: its result and the seconds of a core it took."""
        own = self._scratch()
        start = thread_time()
        return call(low, high, own), thread_time() - start

    def _scratch(self) -> Any:
        """This process's own."""
        if self._own is None:
            self._own = self._recipe()
        return self._own

    def described(self, call: ShardTask) -> bytes:
        """A call as the workers read it; arrays that they do not see yet are copied."""
        self._memory.clear_mail()
        self._calls += 1
        arguments = [
            self._memory.reference(value) if isinstance(value, np.ndarray) else value
            for value in call.arguments
        ]
        return json.dumps([function_name(call.function), arguments]).encode()

    def tell(self, worker: PoolWorker, described: bytes) -> None:
        """Tell a worker the call under way, once."""
        if worker.call == self._calls:
            return
        blocks = self._memory.blocks
        for number in worker.known - blocks.keys():
            worker.send(DROP, NUMBERS.pack(number, 0, 0))
        for number in blocks.keys() - worker.known:
            block = blocks[number]
            body = BLOCK + NUMBERS.pack(number, block.length, 0)
            worker.child.channel.send(body, [block.descriptor])
        worker.known = set(blocks)
        worker.send(CALL, described)
        worker.call = self._calls

    def due(self) -> float:
        """When a worker that is told something now must have answered."""
        return monotonic() + self._deadline

    def is_ready(self, worker: PoolWorker) -> None:
        """A worker has started."""
        worker.ready, worker.due, self._stillborn = True, float("inf"), 0

    def bury(self, worker: PoolWorker, why: str, slots: str) -> None:
        """Put another worker in the place of one that died, hung or failed."""
        self._workers.remove(worker)
        code = worker.child.end()
        self.replaced += 1
        self._stillborn += not worker.ready
        reason = why or spawn.describe_exit(code)
        if self._stillborn >= ATTEMPTS * self.count:
            self._do_without(f"worker processes do not start ({reason})")
            return
        doing = f" while it computed {slots}, which are computed again" if slots else ""
        self._say(f"worker process {worker.child.pid} {reason}{doing}; another takes its place")
        self._fill()

    # -- inside ----------------------------------------------------------------

    def _fill(self) -> None:
        try:
            while len(self._workers) < self.count and not self._without:
                self._workers.append(self._started())
        except WorkerError as error:
            self._do_without(str(error))

    def _do_without(self, why: str) -> None:
        """No more workers can be had: go on with those that there are, or alone."""
        advice = "--engine thread needs none, doctor shows what this machine has"
        if not self.helping:
            raise WorkerError(f"{why}; {advice}")
        self._without = True
        self._say(f"{why}: the run goes on with {len(self._workers)} of {self.count}; {advice}")

    def _started(self) -> PoolWorker:
        """A new worker, not yet ready."""
        child = spawn.ChildProcess.start("automaton.workers.worker")
        worker = PoolWorker(child, monotonic() + START)
        recipe = json.dumps([function_name(self._recipe.function), self._recipe.arguments]).encode()
        with contextlib.suppress(OSError):  # it has ended already, which is noticed in time
            worker.send(RECIPE, recipe)
        return worker


class _Batch:
    """One call dealt out: which shards wait, which are done, who died of them."""

    def __init__(self, pool: ProcessPool, call: ShardTask, parts: list[tuple[int, int]]) -> None:
        self._pool = pool
        self._call = call
        self._parts = parts
        self._described = pool.described(call)
        self._waiting = deque(range(len(parts)))
        self._results: dict[int, int] = {}
        self._deaths = [0] * len(parts)
        self.seconds: list[float] = []
        self.helped: set[int] = set()  # process numbers

    def computed(self) -> list[int]:
        """The results of all shards, in order."""
        try:
            self._listen(0)  # who has ended since the last batch is replaced first
            while len(self._results) < len(self._parts):
                self._deal()
                self._listen(0 if self._help() else None)
        except BaseException:
            self._pool.close()  # what they still compute is of a batch that is no more
            raise
        return [self._results[shard] for shard in range(len(self._parts))]

    def _deal(self) -> None:
        """Give every worker a shard, and one ahead while many wait: a late worker holds up few."""
        for ahead in range(AHEAD):
            for worker in list(self._pool.workers):
                enough = len(self._waiting) > 2 * ahead * (len(self._pool.workers) + 1)
                if worker.ready and len(worker.given) == ahead and enough:
                    self._give(worker)

    def _give(self, worker: PoolWorker) -> None:
        """Hand the next shard to a worker."""
        shard = self._waiting.popleft()
        if not worker.given:
            worker.due = self._pool.due()
        worker.given.append(shard)
        try:
            self._pool.tell(worker, self._described)
            worker.send(SHARD, NUMBERS.pack(shard, *self._parts[shard]))
        except OSError:
            self._lose(worker, "")

    def _help(self) -> bool:
        """Compute the last shard that waits here, unless it has cost a worker; whether so."""
        alone = not self._pool.workers
        if not (self._pool.helping and self._waiting):
            return False
        if self._deaths[self._waiting[-1]] and not alone:
            return False
        shard = self._waiting.pop()
        self._results[shard], seconds = self._pool.compute(self._call, *self._parts[shard])
        self.seconds.append(seconds)
        return True

    def _listen(self, wait: float | None) -> None:
        """Take in answers, deaths and deadlines; wait for one (None) or not at all (0)."""
        by_channel = {worker.child.channel: worker for worker in self._pool.workers}
        due = min((worker.due for worker in by_channel.values()), default=0.0)
        if wait is None and due != float("inf"):
            wait = max(0.0, due - monotonic())
        for channel in spawn.readable(by_channel, wait):
            self._hear(by_channel[channel])
        now = monotonic()
        for worker in list(self._pool.workers):
            if worker.due <= now:
                self._lose(worker, "did not answer in time")

    def _hear(self, worker: PoolWorker) -> None:
        try:
            message = worker.child.channel.receive()
        except OSError:
            message = b""
        if not message:
            self._lose(worker, "")
            return
        kind, shard, result, seconds = ANSWER.unpack_from(message)
        if kind == FAILED:
            self._lose(worker, f"failed ({message[ANSWER.size :].decode(errors='replace')})")
        elif kind == DONE:
            self._results[shard] = result
            self.seconds.append(seconds)
            self.helped.add(worker.child.pid)
            worker.given.popleft()
            worker.due = self._pool.due() if worker.given else float("inf")
        else:
            self._pool.is_ready(worker)

    def _lose(self, worker: PoolWorker, why: str) -> None:
        """A worker is lost; its shards wait again, unless the first has cost too many."""
        given, slots = worker.given, ""
        self._waiting.extendleft(reversed(given))
        if given:
            self._deaths[given[0]] += 1
            low, high = self._parts[given[0]]
            slots = f"slots {low} to {high - 1}"
        self._pool.bury(worker, why, slots)
        if given and self._deaths[given[0]] >= ATTEMPTS:
            message = (
                f"{ATTEMPTS} worker processes in a row were lost on {slots} of "
                f"{self._call.function.__name__} (shard {given[0]} of {len(self._parts)}); "
                "the log ends at its last commit: `--engine serial` computes them in this process"
            )
            raise WorkerError(message)
