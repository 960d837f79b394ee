"""The pools inside one process: a thread a worker, and the program alone.

Lives here: how shards run on threads. Must not know: what a shard computes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import get_ident
from time import thread_time
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.workers.sharding import ShardResult, ShardSizer, ShardTask, spans

#: What a shard computes: (low, high, scratch) to a number.
Task = Callable[[int, int, Any], int]


class Serial:
    """No workers: the caller computes."""

    engine = "serial"
    shared = False
    count = 1
    active = 1
    replaced = 0

    def __init__(self, make_scratch: Callable[[], Any], dealer: ShardSizer | None = None) -> None:
        self.dealer = dealer or ShardSizer()
        self._scratch = make_scratch()

    def run(self, call: Task, count: int, size: int | None = None) -> list[ShardResult]:
        """Compute the shards one after another."""
        size = size or self.dealer.largest or max(count, 1)
        return [ShardResult(*span, call(*span, self._scratch)) for span in spans(count, size)]

    def allocate(self, count: int, dtype: Any) -> npt.NDArray[Any]:
        """An array; untouched pages cost nothing."""
        return np.empty(count, dtype=dtype)

    def resize(self, count: int) -> None:
        """There is nobody to come or go."""

    def close(self) -> None:
        """There is nobody to end."""


class Threads:
    """A number of threads, each with scratch of its own; kernels release the GIL."""

    engine = "thread"
    shared = False
    replaced = 0  # a thread does not die alone

    def __init__(
        self, count: int, make_scratch: Callable[[], Any], dealer: ShardSizer | None = None
    ) -> None:
        self.count = count
        self.dealer = dealer or ShardSizer()
        self.active = 1
        self._make_scratch = make_scratch
        self._scratch: dict[int, Any] = {}
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="reduce")

    def run(self, call: Task, count: int, size: int | None = None) -> list[ShardResult]:
        """Compute the shards; an exception of one is raised here when all have ended."""
        name = name_of(call)
        parts = spans(count, size or self.dealer.size(name, count, self.count))
        if len(parts) == 1:
            self.active = 1
            if self.dealer.times(name, count):
                result, seconds, _ = self._timed(call, *parts[0])
                self.dealer.learn(name, count, [seconds])
            else:
                result = call(*parts[0], self._scratch_of(get_ident()))
            return [ShardResult(*parts[0], result)]
        done = _results([self._executor.submit(self._timed, call, *part) for part in parts])
        self.active = len({ident for _, _, ident in done})
        self.dealer.learn(name, count, [seconds for _, seconds, _ in done])
        return [
            ShardResult(*span, result) for span, (result, _, _) in zip(parts, done, strict=True)
        ]

    def _timed(self, call: Task, low: int, high: int) -> tuple[int, float, int]:
        """A shard's result, the seconds of a core that it took, and who computed it."""
        ident = get_ident()
        scratch = self._scratch_of(ident)
        start = thread_time()
        result = call(low, high, scratch)
        return result, thread_time() - start, ident

    def _scratch_of(self, ident: int) -> Any:
        """A thread's scratch."""
        if ident not in self._scratch:
            self._scratch[ident] = self._make_scratch()
        return self._scratch[ident]

    def allocate(self, count: int, dtype: Any) -> npt.NDArray[Any]:
        """An array; untouched pages cost nothing."""
        return np.empty(count, dtype=dtype)

    def resize(self, count: int) -> None:
        """From now on so many threads; the old ones end."""
        if count != self.count:
            self.close()
            self.count = count
            self._scratch.clear()
            self._executor = ThreadPoolExecutor(count, thread_name_prefix="reduce")

    def close(self) -> None:
        """End the threads."""
        self._executor.shutdown()


def _results(waiting: list[Future[tuple[int, float, int]]]) -> list[tuple[int, float, int]]:
    """What the shards returned, once none of them touches the arrays any more."""
    errors = [error for future in waiting if (error := future.exception()) is not None]
    if errors:
        raise errors[0]
    return [future.result() for future in waiting]


def name_of(call: Task) -> str:
    """What a call is remembered under: the name of its function."""
    return call.function.__name__ if isinstance(call, ShardTask) else ""
