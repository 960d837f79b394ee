"""A recording device for tests, which stands in for the driver: no card, and no figure of one.

Work that a card would do later is done later here, too: copies and launches wait in
the queue of their stream until something waits for that stream, and then whatever need
not come first comes in an order that the test draws. What is not waited for reads
poison. Memory is poison when it is allocated and again when it is freed. Kernels are
run by numba's simulator. Allocations can fail, other processes can take memory, and
the device can be lost, each at the n-th call.
"""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from kernels.cuda import (
    arrays,
    calls,
    competition,
    compiler,
    kinds,
    loops,
    memory,
    pipeline,
    search_calls,
    snapshot,
)  # fmt: skip

POISON = 0xA5
Shape = int | tuple[int, ...]


class OutOfMemoryError(Exception):
    """As the driver's layer says it."""

    __module__ = "numba.cuda.cudadrv.driver"


class LostError(Exception):
    """As the driver's layer says it."""

    __module__ = "numba.cuda.cudadrv.driver"


class Stream:
    """A queue of the card; 0 in calls is the one that waits for all and that all wait for."""

    def __init__(self, card: DryCard) -> None:
        self._card = card
        card.streams.append(self)

    def __int__(self) -> int:
        return self._card.streams.index(self)

    def synchronize(self) -> None:
        """Return when all that was queued here is done."""
        self._card.finish(self)


class Memory:
    """Bytes of the card, poison when they come and when they go."""

    def __init__(self, card: DryCard, count: int) -> None:
        self.bytes = np.full(count, POISON, np.uint8)
        weakref.finalize(self, card.freed, self.bytes)


class CardArray:
    """An array on the card, or a part of one, in C order."""

    def __init__(self, card: DryCard, held: Memory, words: npt.NDArray[Any]) -> None:
        self._card, self._held, self.words = card, held, words
        self.shape, self.dtype, self.size, self.ndim = (
            words.shape, words.dtype, words.size, words.ndim,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, part: Any) -> CardArray:
        return CardArray(self._card, self._held, self.words[part])

    def reshape(self, *shape: Any) -> CardArray:
        return CardArray(self._card, self._held, self.words.reshape(*shape))

    def copy_to_device(self, host: npt.NDArray[Any], stream: Any = 0) -> None:
        assert host.shape == self.shape, "a copy within the array"
        words = self.words
        self._card.up += words.nbytes
        self._card.call(stream, lambda: np.copyto(words, host))

    def copy_to_host(self, host: npt.NDArray[Any] | None = None, stream: Any = 0) -> Any:
        found = np.empty_like(self.words) if host is None else host
        assert found.shape == self.shape, "a copy within the array"
        words = self.words
        self._card.down += words.nbytes
        self._card.call(stream, lambda: np.copyto(found, words))
        return found


@dataclass
class DryCard:
    """Stands in for the compiler's module `cuda`, as far as batches use it."""

    seed: int = 0
    capacity: int = 1 << 30  # bytes
    fail_allocation: int = 0  # the n-th call that fails, counted from 1; 0: none
    lost_at: int = 0  # the n-th copy or launch that finds no device any more; 0: none
    taken: int = 0  # bytes that another process takes after the card was asked how much is free
    used: int = 0
    up: int = 0  # bytes copied to it so far
    down: int = 0  # and from it
    allocations: int = 0
    operations: int = 0
    launched: list[str] = field(default_factory=list)
    todo: list[int] = field(default_factory=list)  # how many reactions each launch made
    streams: list[Stream] = field(default_factory=list)
    _queue: list[tuple[Any, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    # -- what batches call -----------------------------------------------------------

    def stream(self) -> Stream:
        return Stream(self)

    def device_array(self, shape: Shape, dtype: npt.DTypeLike) -> CardArray:
        shape = (shape,) if isinstance(shape, int) else tuple(map(int, shape))
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.allocations += 1
        if self.allocations == self.fail_allocation or self.used + count > self.capacity:
            raise OutOfMemoryError("[2] cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY")
        self.used += count
        held = Memory(self, count)
        return CardArray(self, held, held.bytes.view(dtype).reshape(shape))

    def pinned_array(self, shape: Shape, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return np.full(count, POISON, np.uint8).view(dtype).reshape(shape)

    def to_device(self, array: npt.NDArray[Any]) -> CardArray:
        image = self.device_array(array.shape, array.dtype)
        image.copy_to_device(array)
        return image

    def as_cuda_array(self, array: npt.NDArray[Any], sync: bool = True) -> CardArray:
        assert not sync, "the kernels run in the array's own stream"
        held = Memory(self, 0)
        return CardArray(self, held, array)

    def synchronize(self) -> None:
        self.finish(None)

    def current_context(self) -> Any:
        return self

    def get_memory_info(self) -> tuple[int, int]:
        free = self.capacity - self.used
        self.capacity -= self.taken
        self.taken = 0
        return free, self.capacity

    # -- the order of work -----------------------------------------------------------

    def freed(self, words: npt.NDArray[np.uint8]) -> None:
        self.used -= len(words)
        words.fill(POISON)

    def call(self, stream: Any, work: Callable[[], None]) -> None:
        """Queue work; the host waits for that of stream 0, as for copies of memory not pinned."""
        self._queued(stream, work)
        if not isinstance(stream, Stream):
            self.finish(None)

    def launch(self, name: str, threads: int, stream: Any, *arguments: Any) -> None:
        """`loops.launch`: held against the card's limits, queued, run by the simulator."""
        block = min(threads, loops.BLOCK)
        assert 0 < block <= 1024
        assert threads // block < 1 << 31
        self.launched.append(name)
        if name == "proposed_slots":
            self.todo.append(len(arguments[0]))
        plain = [getattr(argument, "words", argument) for argument in arguments]
        self._queued(stream, lambda: loops.launch(name, threads, 0, *plain))

    def finish(self, stream: Stream | None) -> None:
        """Do what is queued in a stream, and what that waits for; None: all there is."""
        wanted = self._needed(stream)
        waiting, self._queue = self._queue, [
            entry for k, entry in enumerate(self._queue) if k not in wanted
        ]  # fmt: skip
        for k in self._order([(k, waiting[k][0]) for k in sorted(wanted)]):
            waiting[k][1]()

    def _queued(self, stream: Any, work: Callable[[], None]) -> None:
        self.operations += 1
        if self.lost_at and self.operations >= self.lost_at:
            raise LostError("[999] CUDA_ERROR_UNKNOWN: the device is lost")
        self._queue.append((stream if isinstance(stream, Stream) else 0, work))

    def _needed(self, stream: Stream | None) -> set[int]:
        """The places in the queue of what has to be done before the host goes on."""
        if stream is None:
            return set(range(len(self._queue)))
        last: dict[Any, int] = {s: k for k, (s, _) in enumerate(self._queue)}
        barrier = last.get(0, -1) if last.get(stream, -1) > last.get(0, -1) else -1
        barrier = max([barrier, *(
            k for k, (s, _) in enumerate(self._queue) if s == 0 and k < last.get(stream, -1)
        )])  # fmt: skip
        own = {k for k, (s, _) in enumerate(self._queue) if s is stream}
        return own | set(range(barrier + 1))

    def _order(self, entries: list[tuple[int, Any]]) -> list[int]:
        """One of the orders that the streams allow."""
        done: list[int] = []
        while entries:
            first: dict[Any, int] = {}
            for place, (_, stream) in enumerate(entries):
                if stream == 0 and place:
                    break
                first.setdefault(stream, place)
                if stream == 0:
                    break
            done.append(entries.pop(self._random.choice(sorted(first.values())))[0])
        return done


class DryCupy:
    """Stands in for CuPy: numpy on a card's arrays, when what is queued before is done."""

    def __init__(self, card: DryCard) -> None:
        self.cuda, self._card, self._stream = self, card, -1
        self.limits: list[float] = []
        self.given_back = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def ExternalStream(self, number: int) -> DryCupy:  # noqa: N802 - CuPy's name
        self._stream = number
        return self

    def use(self) -> None:
        """What follows is for this stream; here it is done at once, behind what waits there."""

    def asarray(self, image: CardArray) -> npt.NDArray[Any]:
        self._card.streams[self._stream].synchronize()
        return image.words

    def get_default_memory_pool(self) -> DryCupy:
        return self

    get_default_pinned_memory_pool = get_default_memory_pool

    def set_limit(self, fraction: float) -> None:
        self.limits.append(fraction)

    def free_all_blocks(self) -> None:
        self.given_back += 1


def put_in(card: DryCard, monkeypatch: pytest.MonkeyPatch, *, cupy: bool = False) -> DryCard:
    """Batches run on it from now on; cupy: with what stands in for that, too."""
    library = arrays.CardArrays(DryCupy(card), arrays.POOL_SHARE) if cupy else arrays.HostArrays()
    monkeypatch.setattr(arrays, "opened", lambda: library)
    launching = (pipeline, calls, search_calls, snapshot, kinds, competition)
    for module in (arrays, memory, *launching):
        monkeypatch.setattr(module, "cuda", card)
    for module in launching:
        monkeypatch.setattr(module, "launch", card.launch)
    memory.bus.cache_clear()
    assert compiler.cuda is not card  # the kernels themselves are the simulator's
    return card
