"""Worker processes: started, given shards, replaced when they die, hang or fail.

Every worker is a fresh interpreter (nothing is forked); its arrays are shared, so a
shard costs a message of some bytes each way. SIGKILL, an exception or a passed
deadline cost a worker and no result: its shard is computed again by another.

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
from time import monotonic
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
_NOTHING = -1  # in the place of a shard


@dataclass(eq=False)
class Child:
    """A worker process as its parent sees it."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    due: float  # when it must have answered
    ready: bool = False
    shard: int = _NOTHING  # what it computes
    call: int = 0  # the last call it was told
    known: set[int] = field(default_factory=set)  # blocks that it maps

    @property
    def idle(self) -> bool:
        """Whether it waits for a shard."""
        return self.ready and self.shard == _NOTHING

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
    """A number of worker processes."""

    engine = "process"
    shared = True

    def __init__(
        self, count: int, recipe: ScratchFactory, dealer: ShardSizer | None = None,
        say: Callable[[str], None] = lambda _text: None, deadline: float = DEADLINE,
    ) -> None:  # fmt: skip
        self.count = count
        self.dealer = dealer or ShardSizer()
        self.replaced = 0
        self.parts = 1
        self.active = 0
        self._recipe = recipe
        self._say = say
        self._deadline = deadline
        self._memory = SharedArena()
        self._own: Any = None  # this process's scratch, for batches too small to hand out
        self._calls = 0
        self._stillborn = 0  # workers in a row that died before they were ready
        self._children: list[Child] = []
        weakref.finalize(self, _end_all, self._children)
        open_files.ensure(count)
        self._fill()

    # -- what the contract asks ----------------------------------------------

    def run(self, call: ShardTask, count: int, size: int | None = None) -> list[ShardResult]:
        """Compute the shards; what is too small to hand out is computed here."""
        name = call.function.__name__
        fixed = size or self.dealer.largest
        parts = spans(count, size or self.dealer.size(name, count, max(2, self.count)))
        if len(parts) == 1 and not fixed:
            self.parts, self.active = 1, 0
            return [ShardResult(0, count, self._here(call, count))]
        batch = _Batch(self, call, parts)
        results = batch.computed()
        self.parts, self.active = len(parts), len(batch.helped)
        self.dealer.learn(name, count, batch.seconds)
        return [ShardResult(*span, result) for span, result in zip(parts, results, strict=True)]

    def allocate(self, count: int, dtype: Any) -> npt.NDArray[Any]:
        """An array that the workers see."""
        return self._memory.array(count, dtype)

    def resize(self, count: int) -> None:
        """Start workers, or end those that came last."""
        if count > self.count:
            open_files.ensure(count)
        self.count = count
        while len(self._children) > count:
            self._children.pop().end()
        self._fill()

    def close(self) -> None:
        """End the workers; they hold nothing that is not computed again."""
        _end_all(self._children)

    @property
    def pids(self) -> list[int]:
        """The workers' process numbers."""
        return [child.process.pid for child in self._children]

    # -- for a batch under way -------------------------------------------------

    @property
    def children(self) -> list[Child]:
        """The workers that there are."""
        return self._children

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
            message = (
                f"worker processes do not start ({reason}); "
                "--engine thread needs none, doctor shows what this machine has"
            )
            raise WorkerError(message)
        doing = f" while it computed {slots}, which are computed again" if slots else ""
        self._say(f"worker process {child.process.pid} {reason}{doing}; another takes its place")
        self._fill()

    # -- inside ----------------------------------------------------------------

    def _here(self, call: ShardTask, count: int) -> int:
        if self._own is None:
            self._own = self._recipe()
        return call(0, count, self._own)

    def _fill(self) -> None:
        while len(self._children) < self.count:
            self._children.append(self._started())

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
        while len(self._results) < len(self._parts):
            for child in list(self._pool.children):
                if child.idle and self._waiting:
                    self._give(child)
            self._listen()
        return [self._results[shard] for shard in range(len(self._parts))]

    def _give(self, child: Child) -> None:
        """Hand the next shard to a worker."""
        shard = self._waiting.popleft()
        child.shard, child.due = shard, self._pool.due()
        try:
            self._pool.tell(child, self._described)
            child.send(SHARD, NUMBERS.pack(shard, *self._parts[shard]))
        except OSError:
            self._lose(child, "")

    def _listen(self) -> None:
        """Wait for an answer, a death or a deadline."""
        poll = select.poll()
        by_file = {child.connection.fileno(): child for child in self._pool.children}
        for file in by_file:
            poll.register(file, select.POLLIN)
        due = min(child.due for child in by_file.values())
        wait = None if due == float("inf") else max(0.0, due - monotonic()) * 1000
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
            child.shard, child.due = _NOTHING, float("inf")
        else:
            self._pool.is_ready(child)

    def _lose(self, child: Child, why: str) -> None:
        """A worker is lost; its shard waits again, unless it has cost too many."""
        shard, slots = child.shard, ""
        if shard != _NOTHING:
            self._waiting.appendleft(shard)
            self._deaths[shard] += 1
            low, high = self._parts[shard]
            slots = f"slots {low} to {high - 1}"
        self._pool.bury(child, why, slots)
        if shard != _NOTHING and self._deaths[shard] >= ATTEMPTS:
            message = (
                f"{ATTEMPTS} worker processes in a row were lost on {slots} of "
                f"{self._call.function.__name__} (shard {shard} of {len(self._parts)}); "
                "the log ends at its last commit: `--engine serial` computes them in this process"
            )
            raise WorkerError(message)
