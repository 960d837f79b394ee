"""Which shards a batch is cut into, and what a shard computes, as a value.

Sizes follow what shards took before: large enough to be worth handing out, small
enough that a slow one does not stall a tick. No result depends on them. Knows no
threads and no processes, and reads no clock: seconds arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

#: Slots of a shard before anything was measured.
SHARD_SLOTS = 1024
#: Shards per worker: enough that a slow one does not stall the tick ...
SHARDS_PER_WORKER = 4
#: ... and the most, where shards take very different times.
_MOST_PER_WORKER = 16
#: Seconds that a shard should take at least: handing it out costs a tenth of that.
LEAST_SECONDS = 5e-4
#: Batches that are not worth a worker: so many of them are timed once. To read the clock of
#: a thread costs as much as a small kernel.
TIMED_ONCE_IN = 8
#: Weight of the latest batch in what a slot is held to take.
_LATEST = 0.25


class ShardResult(NamedTuple):
    """A shard that is done: slots low..high-1, and what its function returned."""

    low: int
    high: int
    result: int


@dataclass(frozen=True)
class ShardTask:
    """A function of a module and its arguments: numbers and one-dimensional arrays.

    It is called as function(low, high, scratch, *arguments), fills what is its
    shard's in the arrays, and returns a number.
    """

    function: Callable[..., int]
    arguments: tuple[Any, ...]

    def __call__(self, low: int, high: int, scratch: Any) -> int:
        """Compute the slots low..high-1."""
        return self.function(low, high, scratch, *self.arguments)


@dataclass(frozen=True)
class ScratchFactory:
    """How a worker makes its scratch: a function of a module and whole numbers."""

    function: Callable[..., Any]
    arguments: tuple[int, ...]

    def __call__(self) -> Any:
        """One worker's scratch."""
        return self.function(*self.arguments)


def spans(count: int, size: int) -> list[tuple[int, int]]:
    """Contiguous ranges (low, high) of `size` slots, the last of what is left, over 0..count-1."""
    return [(low, min(low + size, count)) for low in range(0, max(count, 1), size)]


class ShardSizer:
    """The sizes of shards, by what is computed; `largest` bounds them."""

    def __init__(self, largest: int | None = None) -> None:
        self.largest = largest  # slots (`execution_batch_size`); None: whatever is fast
        self._seconds: dict[str, float] = {}  # of a slot
        self._per_worker: dict[str, int] = {}
        self._slots: dict[str, int] = {}  # of the last batch
        self._untimed: dict[str, int] = {}  # small batches since one was timed

    def shards(self, workers: int) -> int:
        """The most shards that so many workers would get of a batch such as the last ones."""
        return max(
            (-(-slots // self.size(name, slots, workers)) for name, slots in self._slots.items()),
            default=1,
        )

    def size(self, name: str, count: int, workers: int) -> int:
        """Slots of a shard; powers of two, so that shards begin at the same places again."""
        parts = workers * self._per_worker.get(name, SHARDS_PER_WORKER)
        size = max(_floor(count // parts), _ceiling(self._least(name)))
        if workers == 1 or 2 * size > count:
            size = max(count, 1)
        return size if self.largest is None else min(size, self.largest)

    def _least(self, name: str) -> int:
        """Slots that are worth a shard of their own."""
        seconds = self._seconds.get(name)
        return SHARD_SLOTS if not seconds else max(1, min(1 << 22, int(LEAST_SECONDS / seconds)))

    def times(self, name: str, slots: int) -> bool:
        """Whether a batch that one worker computes is to be timed, and learnt from."""
        seconds = self._seconds.get(name)
        if seconds is None or 4 * seconds * slots > LEAST_SECONDS:
            return True
        self._untimed[name] = (self._untimed.get(name, 0) + 1) % TIMED_ONCE_IN
        return not self._untimed[name]

    def learn(self, name: str, slots: int, busy: list[float]) -> None:
        """So many slots took workers these seconds, by shard."""
        if not slots:
            return
        self._slots[name] = slots
        total = sum(busy)
        before = self._seconds.get(name, total / slots)
        self._seconds[name] = before + _LATEST * (total / slots - before)
        if len(busy) > 1 and max(busy) > LEAST_SECONDS:
            uneven = max(busy) > 3 * total / len(busy)
            now = self._per_worker.get(name, SHARDS_PER_WORKER)
            self._per_worker[name] = min(_MOST_PER_WORKER, 2 * now) if uneven else now


def _floor(number: int) -> int:
    """The greatest power of two that is not above, at least 1."""
    return 1 << max(0, number.bit_length() - 1)


def _ceiling(number: int) -> int:
    """The least power of two that is not below."""
    return 1 << max(0, number - 1).bit_length()


def idle(_low: int, _high: int, _scratch: Any, *_arguments: Any) -> int:
    """A shard without work: what is left is the cost of handing it out."""
    return 0
