"""The card's memory: how much there is, images of host arrays in it, and its errors.

Everything crosses the bus through pinned memory. Nothing here knows what an
array holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from kernels.checks import Array

from .compiler import cuda
from .loops import SIMULATED


class NoRoomError(MemoryError):
    """The card's memory is too small for the budgets, however little is done at a time."""


class CardError(RuntimeError):
    """The driver or the compilers for the card failed; nothing computed there is to be used."""


def free_bytes() -> float:
    """Free memory of the card."""
    return float(cuda.current_context().get_memory_info()[0])


def multiprocessors() -> int:
    """Multiprocessors of the card; the simulator counts as a small one."""
    return 1 if SIMULATED else int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


#: The packages between here and the driver.
_LAYERS = frozenset({"cuda", "cupy", "cupy_backends", "numba", "numba_cuda", "numba_cuda_mlir"})


@contextmanager
def card_errors() -> Iterator[None]:
    """Turns what CUDA's own layers raise into `MemoryError` or `CardError`."""
    try:
        yield
    except Exception as error:
        if "OUT_OF_MEMORY" in str(error) or type(error).__name__ == "OutOfMemoryError":
            raise MemoryError("the GPU is out of memory") from error
        if type(error).__module__.partition(".")[0] in _LAYERS:
            raise CardError(" ".join(str(error).split())) from error
        raise


#: Bytes that cross the bus at a time: 0.3 ms at 50 GB/s, long against a launch.
PIECE = 1 << 24


class Bus:
    """The way of large arrays, through two pinned pieces: one is copied while the other crosses."""

    def __init__(self) -> None:
        self._lanes = [(cuda.stream(), cuda.pinned_array(PIECE, np.uint8)) for _ in range(2)]

    def put(self, array: Array, image: Any = None) -> Any:
        """An image of the array on the card, or its copy to a flat image that has room for it."""
        whole = cuda.device_array(array.shape, array.dtype) if image is None else image
        flat = whole if whole.ndim == 1 else whole.reshape(whole.size)
        host, step = array.reshape(-1), PIECE // array.itemsize
        for n, low in enumerate(range(0, host.size, step)):
            stream, staging = self._lanes[n % 2]
            stream.synchronize()
            part = host[low : low + step]
            pinned = staging.view(array.dtype)[: len(part)]
            pinned[:] = part
            flat[low : low + len(part)].copy_to_device(pinned, stream)
        self._wait()
        return whole[: len(array)] if whole.ndim == 1 else whole

    def get(self, image: Any, array: Array) -> None:
        """Copy a flat image, or one of the array's shape, back to the array."""
        flat = image if image.ndim == 1 else image.reshape(image.size)
        host, step = array.reshape(-1), PIECE // array.itemsize
        waiting: list[tuple[Any, Array, Array]] = []
        for n, low in enumerate(range(0, host.size, step)):
            stream, staging = self._lanes[n % 2]
            part = host[low : low + step]
            pinned = staging.view(array.dtype)[: len(part)]
            flat[low : low + len(part)].copy_to_host(pinned, stream)
            waiting.append((stream, pinned, part))
            if len(waiting) == 2:
                self._taken(*waiting.pop(0))
        for crossing in waiting:
            self._taken(*crossing)

    def _taken(self, stream: Any, pinned: Array, part: Array) -> None:
        stream.synchronize()
        part[:] = pinned

    def _wait(self) -> None:
        for stream, _ in self._lanes:
            stream.synchronize()


@cache
def bus() -> Bus:
    """The one of this process; one batch at a time uses it."""
    return Bus()


class Mirror:
    """Images of host arrays on the card, by name; they grow as needed."""

    def __init__(self) -> None:
        self._images: dict[str, tuple[Array, Any]] = {}
        self._counts: dict[str, int] = {}  # of those that are put where they changed

    def put(self, name: str, array: Array, stream: Any) -> Any:
        """Copy an array to its image, through pinned memory; synchronise before the next."""
        count = len(array)
        if count == 0:
            return cuda.device_array(0, array.dtype)
        staging, image = self._room(name, count, array.dtype)
        staging[:count] = array
        image[:count].copy_to_device(staging[:count], stream)
        return image[:count]

    def put_changed(self, name: str, array: Array, stream: Any) -> Any:
        """The same, but nothing is copied where the array is what was put last."""
        count, found = len(array), self._images.get(name)
        if (
            found is not None
            and 0 < count == self._counts.get(name)
            and found[0].dtype == array.dtype
            and np.array_equal(found[0][:count], array)
        ):
            return found[1][:count]
        self._counts[name] = count
        return self.put(name, array, stream)

    def reserve(self, name: str, count: int, dtype: npt.DTypeLike) -> None:
        """Make the room of an array, so that no later call has to."""
        self._room(name, count, np.dtype(dtype))

    def staging(self, name: str, count: int) -> Array:
        """Pinned memory of an array for which there is room."""
        return self._images[name][0][:count]

    def _room(self, name: str, count: int, dtype: npt.DTypeLike) -> tuple[Array, Any]:
        found = self._images.get(name)
        if found is None or len(found[0]) < count or found[0].dtype != dtype:
            self._images.pop(name, None)
            room = 1 << (count - 1).bit_length()
            found = (cuda.pinned_array(room, dtype), cuda.device_array(room, dtype))
            self._images[name] = found
        return found


class Columns:
    """A batch's results by slot: on the card, and pinned images on the host."""

    def __init__(self, slots: int, dtypes: Mapping[str, npt.DTypeLike]) -> None:
        self.card = {n: cuda.device_array(slots, np.dtype(d)) for n, d in dtypes.items()}
        self.host = {n: cuda.pinned_array(slots, np.dtype(d)) for n, d in dtypes.items()}

    def put(self, name: str, array: Array, stream: Any) -> None:
        """Copy an array to the beginning of a column; synchronise before the next."""
        count = len(array)
        self.host[name][:count] = array
        self.card[name][:count].copy_to_device(self.host[name][:count], stream)

    def fetch(self, name: str, span: tuple[int, int], stream: Any) -> None:
        """Copy a range of a column to the host, asynchronously."""
        low, high = span
        self.card[name][low:high].copy_to_host(self.host[name][low:high], stream)
