"""Worker processes: started when they are worth it, given shards, replaced when they fail.

Every worker is a fresh interpreter (nothing is forked); its arrays are shared, so a
shard costs a message of some bytes each way. Who asks computes shards too while the
workers do. SIGKILL, an exception or a passed deadline cost a worker and no result: its
shards are computed again by another.

Longer than 300 lines: a pool, its workers and their replacement are one state machine.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.errors import WorkerError
from automaton.workers import spawn
from automaton.workers.sharding import ScratchFactory, ShardResult, ShardSizer, ShardTask, spans
from automaton.workers.shared_memory import SharedArena
from automaton.workers.worker import (
    ANSWER,
    BLOCK,
    CALL,
    DONE,
    DROP,
    FAILED,
    LONGEST,
    NUMBERS,
    RECIPE,
    SHARD,
    function_name,
)

#: How often a shard may cost a worker before the run ends.
ATTEMPTS = 3
#: Seconds after which a worker that does not answer is taken to hang.
DEADLINE = 60.0
#: Shards that a worker is given, the one that it computes among them: it never waits for us.
AHEAD = 2
#: Seconds of batches that could have been shared after which workers are started. A start
#: costs about half a second of another core, and nothing of this one's.
WORTH_STARTING = 0.05


@dataclass(eq=False)
class Child:
    """A worker process as its parent sees it."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    due: float  # when it must have answered
    ready: bool = False
    given: deque[int] = field(default_factory=deque)  # shards, the one it computes first
    call: int = 0  # the last call it was told
    known: set[int] = field(default_factory=set)  # blocks that it maps

    def send(self, kind: bytes, body: bytes) -> None:
        """Send a message."""
        self.connection.send(kind + body)

    def end(self) -> int:
        """Kill it, wait until it is gone, and say how it ended."""
        self.connection.close()
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()


def _end_all(children: list[Child]) -> None:
    while children:
        children.pop().end()


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
        self.parts = 1
        self.active = 0
        self._recipe = recipe
        self._say = say
        self._deadline = deadline
        self._memory = SharedArena()
        self._own: Any = None  # this process's scratch
        self._calls = 0
        self._alone = 0.0  # seconds of batches that were computed here and could be shared
        self._stillborn = 0  # workers in a row that died before they were ready
        self._without = False  # workers do not start: no more are tried
        self._children: list[Child] = []
        weakref.finalize(self, _end_all, self._children)
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
        if shared and not self._children and (fixed or self._alone > WORTH_STARTING):
            self._fill()
        if not shared or not self._children:
            done = [self.compute(call, *part) for part in parts]
            results, seconds, active = [r for r, _ in done], [s for _, s in done], 0
            self._alone += sum(seconds) * shared
        else:
            batch = _Batch(self, call, parts)
            results, seconds, active = batch.computed(), batch.seconds, len(batch.helped)
        self.parts, self.active = len(parts), active
        self.dealer.learn(name, count, seconds)
        return [ShardResult(*span, result) for span, result in zip(parts, results, strict=True)]

    def allocate(self, count: int, dtype: Any) -> npt.NDArray[Any]:
        """An array that the workers see."""
        return self._memory.array(count, dtype)

    def resize(self, count: int) -> None:
        """From now on so many workers; those that came last are ended."""
        self.count = count
        while len(self._children) > count:
            self._children.pop().end()
        if self._children:
            self._fill()

    def close(self) -> None:
        """End the workers; they hold nothing that is not computed again."""
        _end_all(self._children)

    @property
    def pids(self) -> list[int]:
        """The process numbers of the workers that were started."""
        return [child.process.pid for child in self._children]

    # -- for a batch under way -------------------------------------------------

    @property
    def children(self) -> list[Child]:
        """The workers that there are."""
        return self._children

    def compute(self, call: ShardTask, low: int, high: int) -> tuple[int, float]:
        """A shard computed by whoever asks: its result and its seconds."""
        if self._own is None:
            self._own = self._recipe()
        start = perf_counter()
        return call(low, high, self._own), perf_counter() - start

    def described(self, call: ShardTask) -> bytes:
        """A call as the workers read it; arrays that they do not see yet are copied."""
        self._memory.clear_mail()
        self._calls += 1
        arguments = [
            self._memory.reference(value) if isinstance(value, np.ndarray) else value
            for value in call.arguments
        ]
        return json.dumps([function_name(call.function), arguments]).encode()

    def tell(self, child: Child, described: bytes) -> None:
        """Tell a worker the call under way, once."""
        if child.call == self._calls:
            return
        blocks = self._memory.blocks
        for number in child.known - blocks.keys():
            child.send(DROP, NUMBERS.pack(number, 0, 0))
        for number in blocks.keys() - child.known:
            block = blocks[number]
            body = BLOCK + NUMBERS.pack(number, block.length, 0)
            socket.send_fds(child.connection, [body], [block.descriptor])
        child.known = set(blocks)
        child.send(CALL, described)
        child.call = self._calls

    def due(self) -> float:
        """When a worker that is told something now must have answered."""
        return monotonic() + self._deadline

    def is_ready(self, child: Child) -> None:
        """A worker has started."""
        child.ready, child.due, self._stillborn = True, float("inf"), 0

    def bury(self, child: Child, why: str, slots: str) -> None:
        """Put another worker in the place of one that died, hung or failed."""
        self._children.remove(child)
        code = child.end()
        self.replaced += 1
        self._stillborn += not child.ready
        reason = why or spawn.describe_exit(code)
        if self._stillborn >= ATTEMPTS * self.count:
            self._do_without(f"worker processes do not start ({reason})")
            return
        doing = f" while it computed {slots}, which are computed again" if slots else ""
        self._say(f"worker process {child.process.pid} {reason}{doing}; another takes its place")
        self._fill()

    # -- inside ----------------------------------------------------------------

    def _fill(self) -> None:
        try:
            while len(self._children) < self.count and not self._without:
                self._children.append(self._started())
        except WorkerError as error:
            self._do_without(str(error))

    def _do_without(self, why: str) -> None:
        """No more workers can be had: go on with those that there are, or alone."""
        advice = "--engine thread needs none, doctor shows what this machine has"
        if not self.helping:
            raise WorkerError(f"{why}; {advice}")
        self._without = True
        self._say(f"{why}: the run goes on with {len(self._children)} of {self.count}; {advice}")

    def _started(self) -> Child:
        """A new worker, not yet ready."""
        process, ours = spawn.spawn("automaton.workers.worker")
        child = Child(process, ours, self.due())
        recipe = json.dumps([function_name(self._recipe.function), self._recipe.arguments]).encode()
        child.send(RECIPE, recipe)
        return child


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
        """Give every worker a shard, and one ahead while there are more than computers."""
        for ahead in range(AHEAD):
            for child in list(self._pool.children):
                enough = len(self._waiting) > ahead * (len(self._pool.children) + 1)
                if child.ready and len(child.given) == ahead and enough:
                    self._give(child)

    def _give(self, child: Child) -> None:
        """Hand the next shard to a worker."""
        shard = self._waiting.popleft()
        if not child.given:
            child.due = self._pool.due()
        child.given.append(shard)
        try:
            self._pool.tell(child, self._described)
            child.send(SHARD, NUMBERS.pack(shard, *self._parts[shard]))
        except OSError:
            self._lose(child, "")

    def _help(self) -> bool:
        """Compute the last shard that waits here, unless it has cost a worker; whether so."""
        alone = not self._pool.children
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
        poll = select.poll()
        by_file = {child.connection.fileno(): child for child in self._pool.children}
        for file in by_file:
            poll.register(file, select.POLLIN)
        due = min((child.due for child in by_file.values()), default=0.0)
        if wait is None and due != float("inf"):
            wait = max(0.0, due - monotonic()) * 1000
        for file, _ in poll.poll(wait):
            self._hear(by_file[file])
        now = monotonic()
        for child in list(self._pool.children):
            if child.due <= now:
                self._lose(child, "did not answer in time")

    def _hear(self, child: Child) -> None:
        try:
            message = child.connection.recv(LONGEST)
        except OSError:
            message = b""
        if not message:
            self._lose(child, "")
            return
        kind, shard, result, seconds = ANSWER.unpack_from(message)
        if kind == FAILED:
            self._lose(child, f"failed ({message[ANSWER.size :].decode(errors='replace')})")
        elif kind == DONE:
            self._results[shard] = result
            self.seconds.append(seconds)
            self.helped.add(child.process.pid)
            child.given.popleft()
            child.due = self._pool.due() if child.given else float("inf")
        else:
            self._pool.is_ready(child)

    def _lose(self, child: Child, why: str) -> None:
        """A worker is lost; its shards wait again, unless the first has cost too many."""
        given, slots = child.given, ""
        self._waiting.extendleft(reversed(given))
        if given:
            self._deaths[given[0]] += 1
            low, high = self._parts[given[0]]
            slots = f"slots {low} to {high - 1}"
        self._pool.bury(child, why, slots)
        if given and self._deaths[given[0]] >= ATTEMPTS:
            message = (
                f"{ATTEMPTS} worker processes in a row were lost on {slots} of "
                f"{self._call.function.__name__} (shard {given[0]} of {len(self._parts)}); "
                "the log ends at its last commit: `--engine serial` computes them in this process"
            )
            raise WorkerError(message)
