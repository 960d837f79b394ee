"""Work on whole arrays between launches: which slots run again, where normal forms begin.

The bodies take the library as an argument, numpy or CuPy, whose functions of these names
are the same; `HostArrays` and `CardArrays` say where they run. numpy works on pinned
copies that crossed the bus; CuPy on the columns where they are, so that of what is decided
only counts come back. Nothing here knows what a slot is for.
"""

from __future__ import annotations

from functools import cache
from importlib import util
from typing import Any

import numpy as np

from .compiler import cuda
from .loops import SIMULATED

#: Of the card's memory, for what CuPy makes between launches: lists of slots, sums.
POOL_SHARE = 0.05


def slots_with(xp: Any, outcomes: Any, outcome: int, first: int) -> Any:
    """The slots that have an outcome (uint8 each), ascending int32, counted from `first`."""
    return xp.flatnonzero(outcomes == outcome).astype(xp.int32) + xp.int32(first)


def begins_of(xp: Any, sizes: Any) -> Any:
    """Where rows of these sizes (int32) begin one behind the other, and the last ends.

    int64 [n + 1].
    """
    ends = xp.zeros(len(sizes) + 1, xp.int64)
    xp.cumsum(sizes, dtype=xp.int64, out=ends[1:])
    return ends


def last_that_fits(xp: Any, begins: Any, at: int, words: int) -> int:
    """How many rows, of those from `at` on, have room in so many words; as a place in begins."""
    return int(xp.searchsorted(begins, begins[at] + words, "right")) - 1


def first_of_kinds(xp: Any, first: Any) -> Any:
    """The slots that are the first of their kind, ascending int32; first: int32 by slot."""
    return xp.flatnonzero(first == xp.arange(len(first), dtype=xp.int32)).astype(xp.int32)


class HostArrays:
    """numpy, on copies in pinned memory: where CuPy is not installed, and in the simulator."""

    xp: Any = np
    on_host = True

    @staticmethod
    def seen(_image: Any, host: Any, _stream: Any) -> Any:
        """A column as this library works on it; what was copied to the host is its own."""
        return host

    @staticmethod
    def image(array: Any, lane: Any, name: str) -> Any:
        """An array of this library as launches on the lane's stream take it."""
        return lane.list(name, array)

    def give_back(self) -> None:
        """Nothing is kept."""


class CardArrays:
    """CuPy, on the columns in the card's memory; it shares streams with the kernels.

    share: of the card's memory that its pool may take, beside what the kernels' buffers have.
    """

    on_host = False

    def __init__(self, xp: Any, share: float) -> None:
        self.xp = xp
        xp.get_default_memory_pool().set_limit(fraction=share)

    def seen(self, image: Any, _host: Any, stream: Any) -> Any:
        """A column where it is, for work on this stream."""
        self.xp.cuda.ExternalStream(int(stream)).use()
        return self.xp.asarray(image)

    @staticmethod
    def image(array: Any, _lane: Any, _name: str) -> Any:
        """The same memory as kernels take it; same stream, so that nobody waits."""
        return cuda.as_cuda_array(array, sync=False)

    def give_back(self) -> None:
        """Return what the pools keep to the driver."""
        self.xp.get_default_memory_pool().free_all_blocks()
        self.xp.get_default_pinned_memory_pool().free_all_blocks()


@cache
def opened() -> HostArrays | CardArrays:
    """CuPy where it is installed and there is a card, else numpy; one for this process."""
    if SIMULATED or not util.find_spec("cupy"):
        return HostArrays()
    import cupy  # noqa: PLC0415 - half a second, and of use with a card alone

    return CardArrays(cupy, POOL_SHARE)
