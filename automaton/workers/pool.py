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
from typing import Any, Protocol, TypeVar

import numpy.typing as npt

from automaton.workers.sharding import ScratchFactory, ShardResult, ShardSizer, ShardTask
from automaton.workers.threads import Serial, Threads

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
    dealer: ShardSizer

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

    def run(self, call: ShardTask, count: int, size: int | None = None) -> list[ShardResult]:
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


def open_pool(
    engine: str, count: int, recipe: ScratchFactory, dealer: ShardSizer, say: Callable[[str], None]
) -> Pool:
    """The pool of an engine: `serial`, `thread` or `process`."""
    if engine == "process":
        from automaton.workers.processes import ProcessPool  # noqa: PLC0415 - only who wants it pays for it

        return ProcessPool(count, recipe, dealer, say)
    return Threads(count, recipe, dealer) if engine == "thread" else Serial(recipe, dealer)
