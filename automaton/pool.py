"""Where shards of a batch run: this process's threads. Nothing here knows what a shard does.

Kernels release the GIL, so threads are enough for them; other engines come
behind the same contract: `run` calls a task for every shard and returns when
all are done, in any order, and an exception of one is raised here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from threading import get_ident
from typing import Any

#: Shards are dealt by slot; smaller ones cost more to hand out than they save.
SHARD_SLOTS = 1024
#: Shards per thread: enough that a slow one does not stall the tick.
SHARDS_PER_THREAD = 4


def available_cores() -> int:
    """Cores that this process may run on (its affinity), at least 1."""
    try:
        return len(os.sched_getaffinity(0)) or 1
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def shards(count: int, workers: int) -> list[tuple[int, int]]:
    """Contiguous ranges (low, high) that cover 0..count-1."""
    parts = max(1, min(workers * SHARDS_PER_THREAD, count // SHARD_SLOTS))
    edges = [count * k // parts for k in range(parts + 1)]
    return list(pairwise(edges))


class Threads:
    """A fixed number of threads, each with scratch of its own."""

    def __init__(self, count: int, make_scratch: Callable[[], Any]) -> None:
        self.count = count
        self._make_scratch = make_scratch
        self._scratch: dict[int, Any] = {}
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="reduce")

    def run(self, task: Callable[[int, int, int, Any], None], count: int) -> int:
        """Call task(shard, low, high, scratch) over 0..count-1; returns the number of shards."""
        parts = shards(count, self.count)
        if len(parts) == 1:
            task(0, 0, count, self._own_scratch())
            return 1
        waiting = [
            self._executor.submit(self._call, task, number, low, high)
            for number, (low, high) in enumerate(parts)
        ]
        for future in waiting:
            future.result()
        return len(parts)

    def _call(
        self, task: Callable[[int, int, int, Any], None], number: int, low: int, high: int
    ) -> None:
        task(number, low, high, self._own_scratch())

    def _own_scratch(self) -> Any:
        """This thread's scratch, made at its first shard."""
        ident = get_ident()
        if ident not in self._scratch:
            self._scratch[ident] = self._make_scratch()
        return self._scratch[ident]

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown()


class Background:
    """One task at a time beside the caller: the next one waits for the one before."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="append")
        self._waiting: Future[Any] | None = None

    def start(self, task: Callable[..., Any], *arguments: Any) -> None:
        """Start a task once the one before has ended well; its exception is raised here."""
        self.wait()
        self._waiting = self._executor.submit(task, *arguments)

    def wait(self) -> None:
        """Wait for the task under way; its exception is raised here, once."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.result()

    def close(self) -> None:
        """Wait for what is under way, whatever comes of it, and end the thread."""
        self._executor.shutdown()
