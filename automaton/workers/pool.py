"""Where shards of a batch run: this thread, this process's threads, or processes.

One contract: `run` computes a call over all slots, in shards and in any order, and
returns the shards with their results in the order of the slots; `allocate` makes
the arrays that calls fill; `resize` changes how many workers there are. What a
shard computes is not known here, and no result depends on how it was dealt.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy.typing as npt

from automaton.workers.sharding import ScratchFactory, ShardResult, ShardSizer, ShardTask
from automaton.workers.threads import Serial, Threads

Made = TypeVar("Made")


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
    """The pool of an engine: `serial`, `thread` or `process`.

    Where processes can share no memory, threads compute, which is said.
    """
    if engine == "process":
        from automaton.workers.processes import ProcessPool  # noqa: PLC0415 - only who wants it pays for it
        from automaton.workers.shared_memory import why_not_shared  # noqa: PLC0415 - with it

        reason = why_not_shared()
        if not reason:
            return ProcessPool(count, recipe, dealer, say)
        say(f"no worker processes: {reason}; threads compute")
        engine, count = "thread", count + 1  # the program computes beside processes
    return Threads(count, recipe, dealer) if engine == "thread" else Serial(recipe, dealer)
