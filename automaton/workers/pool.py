"""Where shards of a batch run: this thread, this process's threads, or processes.

One contract: `run` computes a call over all slots, in shards and in any order, and
returns the shards with their results in the order of the slots; `allocate` makes
the arrays that calls fill; `resize` changes how many workers there are. What a
shard computes is not known here, and no result depends on how it was dealt.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import get_ident
from time import perf_counter
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from automaton.workers.sharding import Call, Dealer, Part, Recipe, spans

#: What a shard computes: (low, high, scratch) to a number.
Task = Callable[[int, int, Any], int]
Made = TypeVar("Made")


def available_cores() -> int:
    """Cores that this process may run on (its affinity), at least 1."""
    try:
        return len(os.sched_getaffinity(0)) or 1
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def gil_enabled() -> bool:
    """Whether only one thread of this interpreter runs Python at a time."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class Pool(Protocol):
    """What every engine offers."""

    engine: str
    shared: bool  # whether workers see only what `allocate` made
    count: int  # workers
    dealer: Dealer

    @property
    def active(self) -> int:
        """Workers that computed a shard of the last batch."""
        ...

    @property
    def replaced(self) -> int:
        """Workers that died, hung or failed, and were replaced."""
        ...

    @property
    def parts(self) -> int:
        """Shards of the last batch."""
        ...

    def run(self, call: Call, count: int, size: int | None = None) -> list[Part]:
        """Compute the slots 0..count-1 in shards (of `size` slots, or as seems best)."""
        ...

    def allocate(self, count: int, dtype: Any) -> npt.NDArray[Any]:
        """An array that calls may fill."""
        ...

    def resize(self, count: int) -> None:
        """From now on so many workers."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...


class Serial:
    """No workers: the caller computes."""

    engine = "serial"
    shared = False
    count = 1
    active = 1
    replaced = 0
    parts = 1

    def __init__(self, make_scratch: Callable[[], Any], dealer: Dealer | None = None) -> None:
        self.dealer = dealer or Dealer()
        self._scratch = make_scratch()

    def run(self, call: Task, count: int, size: int | None = None) -> list[Part]:
        """Compute the shards one after another."""
        size = size or self.dealer.largest or max(count, 1)
        return [Part(*span, call(*span, self._scratch)) for span in spans(count, size)]

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
        self, count: int, make_scratch: Callable[[], Any], dealer: Dealer | None = None
    ) -> None:
        self.count = count
        self.dealer = dealer or Dealer()
        self.parts = 1
        self.active = 1
        self._make_scratch = make_scratch
        self._scratch: dict[int, Any] = {}
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="reduce")

    def run(self, call: Task, count: int, size: int | None = None) -> list[Part]:
        """Compute the shards; an exception of one is raised here when all have ended."""
        name = name_of(call)
        parts = spans(count, size or self.dealer.size(name, count, self.count))
        if len(parts) == 1:
            done = [self._timed(call, *parts[0])]
        else:
            waiting = [self._executor.submit(self._timed, call, *part) for part in parts]
            done = _results(waiting)
        self.parts, self.active = len(parts), len({ident for _, _, ident in done})
        self.dealer.learn(name, count, [seconds for _, seconds, _ in done])
        return [Part(*span, result) for span, (result, _, _) in zip(parts, done, strict=True)]

    def _timed(self, call: Task, low: int, high: int) -> tuple[int, float, int]:
        """A shard's result, its seconds, and who computed it."""
        ident = get_ident()
        if ident not in self._scratch:
            self._scratch[ident] = self._make_scratch()
        start = perf_counter()
        result = call(low, high, self._scratch[ident])
        return result, perf_counter() - start, ident

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
    return call.function.__name__ if isinstance(call, Call) else ""


def open_pool(
    engine: str, count: int, recipe: Recipe, dealer: Dealer, say: Callable[[str], None]
) -> Pool:
    """The pool of an engine: `serial`, `thread` or `process`."""
    if engine == "process":
        from automaton.workers.processes import Processes  # noqa: PLC0415 - only who wants it pays for it

        return Processes(count, recipe, dealer, say)
    return Threads(count, recipe, dealer) if engine == "thread" else Serial(recipe, dealer)


class Background:
    """One task at a time beside the caller: the next one waits for the one before.

    And one ahead of it, on a thread of its own: what a later task will need.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="append")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._waiting: Future[Any] | None = None

    def ahead(self, task: Callable[..., Made], *arguments: Any) -> Callable[[], Made]:
        """Start something that waits for nothing; the answer waits for its result."""
        return self._ahead.submit(task, *arguments).result

    def start(self, task: Callable[..., Any], *arguments: Any) -> None:
        """Start a task once the one before has ended well; its exception is raised here."""
        self.wait()
        self._waiting = self._executor.submit(task, *arguments)

    def wait(self) -> None:
        """Wait for the task under way; its exception is raised here, once."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.result()

    @property
    def busy(self) -> bool:
        """Whether a task is under way."""
        return self._waiting is not None and not self._waiting.done()

    def close(self) -> None:
        """Wait for what is under way, whatever comes of it, and end the threads."""
        self._executor.shutdown()
        self._ahead.shutdown()
