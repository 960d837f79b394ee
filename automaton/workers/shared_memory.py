"""Memory that this process and its workers see: arrays in anonymous memfds.

They have no names, so nothing is left behind when everything is killed. A worker
is given the descriptor of a block once and maps it. Knows numpy and the system's
calls; what stands in the arrays is not known here.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import weakref
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.errors import WorkerError

#: Where an array stands: block, offset in bytes, length, type, whether it may be written.
Reference = tuple[int, int, int, str, bool]

NOWHERE = -1  # the block of an array without elements
_ALIGN = 64  # bytes: a cache line
#: Read-only arrays of so many bytes are copied once and kept while they are the same ones.
_WORTH_KEEPING = 1 << 16
_KEPT = 8  # of these
#: Blocks whose array is gone and that wait for the next one: fresh memory costs a page fault
#: for every 4 KiB, in this process and in each worker. Larger ones are given back at once.
SPARE = 2
_LARGEST_SPARE = 1 << 25  # bytes
#: A block serves an array of an eighth of its length, and no shorter one.
_FITS = 8


@dataclass(frozen=True, eq=False)
class SharedBlock:
    """A stretch of shared memory of this process."""

    number: int
    descriptor: int
    address: int
    length: int
    mapped: mmap.mmap


class SharedArena:
    """All blocks of a pool; arrays that stand in none are copied into its mail."""

    def __init__(self) -> None:
        self.blocks: dict[int, SharedBlock] = {}
        self._spare: list[SharedBlock] = []  # of `blocks`
        self._next = 0
        self._ordered: list[SharedBlock] | None = None
        self._mail: npt.NDArray[np.uint8] = self.array(1 << 16, np.uint8)
        self._used = 0
        self._outgrown: list[npt.NDArray[np.uint8]] = []
        self._kept: dict[int, tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {}

    def array(self, count: int, dtype: Any) -> npt.NDArray[Any]:
        """An array in a block of its own, which is free again when the array is gone.

        What stands in it at first is left from before, or zeros.
        """
        length = _rounded(max(1, count * np.dtype(dtype).itemsize))
        block = self._spare_block(length) or self._new_block(length)
        made: npt.NDArray[Any] = np.frombuffer(block.mapped, dtype=dtype, count=count)
        weakref.finalize(made, _set_free, weakref.ref(self), block)
        return made

    def _new_block(self, length: int) -> SharedBlock:
        descriptor, mapped = _mapped(length)
        number, self._next = self._next, self._next + 1
        address = np.frombuffer(mapped, dtype=np.uint8).__array_interface__["data"][0]
        block = SharedBlock(number, descriptor, address, length, mapped)
        weakref.finalize(mapped, os.close, descriptor)
        self.blocks[number] = block
        self._ordered = None
        return block

    def _spare_block(self, length: int) -> SharedBlock | None:
        """The shortest free block that fits, if it is not far too long."""
        spare = sorted(self._spare, key=lambda block: block.length)
        for block in spare:  # the last array of another may go at any moment
            if length <= block.length <= _FITS * length:
                with contextlib.suppress(ValueError):
                    self._spare.remove(block)
                    return block
        return None

    def set_free(self, block: SharedBlock) -> None:
        """The last array of a block is gone: keep it for the next one, or let go of it."""
        if block.length <= _LARGEST_SPARE:
            self._spare.append(block)
            if len(self._spare) <= SPARE:
                return
            block = min(self._spare, key=lambda block: block.length)
            self._spare.remove(block)
        del self.blocks[block.number]
        self._ordered = None

    def clear_mail(self) -> None:
        """Nobody reads the copies of the last call any more."""
        self._used = 0
        self._outgrown.clear()

    def reference(self, array: npt.NDArray[Any]) -> Reference:
        """Where workers find an array; if it stands in no block, where its copy does."""
        assert array.ndim == 1, "one dimension"
        assert array.flags.c_contiguous, "no gaps"
        writeable = bool(array.flags.writeable)
        if not len(array):
            return NOWHERE, 0, 0, array.dtype.str, writeable
        found = self._find(array) or self._copied(array, writeable=writeable)
        return *found, len(array), array.dtype.str, writeable

    def _find(self, array: npt.NDArray[Any]) -> tuple[int, int] | None:
        """Block and offset of an array, if it stands in one."""
        ordered = self._ordered
        if ordered is None:
            ordered = sorted(self.blocks.values(), key=lambda block: block.address)
            self._ordered = ordered
        address = array.__array_interface__["data"][0]
        at = bisect_right(ordered, address, key=lambda block: block.address) - 1
        if at < 0 or address >= ordered[at].address + ordered[at].length:
            return None
        return ordered[at].number, address - ordered[at].address

    def _copied(self, array: npt.NDArray[Any], *, writeable: bool) -> tuple[int, int]:
        """Block and offset of a copy."""
        if not writeable and array.nbytes >= _WORTH_KEEPING:
            return self._located(self._keep(array))
        begin = self._used
        end = begin + array.nbytes
        if end > len(self._mail):
            self._outgrown.append(self._mail)  # what stands there is meant until the call is done
            self._mail = self.array(max(2 * len(self._mail), 2 * array.nbytes), np.uint8)
            begin, end = 0, array.nbytes
        self._mail[begin:end] = array.view(np.uint8)
        self._used = -(-end // _ALIGN) * _ALIGN
        return self._located(self._mail[begin:end])

    def _located(self, array: npt.NDArray[Any]) -> tuple[int, int]:
        found = self._find(array)
        assert found is not None, "it was made here"
        return found

    def _keep(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The copy of an array that nobody writes, made once."""
        kept = self._kept.get(id(array))
        if kept is None or kept[0] is not array:
            copy = self.array(len(array), array.dtype)
            copy[:] = array
            while len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            kept = self._kept[id(array)] = (array, copy)
        return kept[1]


def _mapped(length: int) -> tuple[int, mmap.mmap]:
    """A new block of so many bytes; raises `WorkerError` where there can be none."""
    try:
        descriptor = os.memfd_create("automaton", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, length)
            return descriptor, mmap.mmap(descriptor, length)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise WorkerError(
            f"no memory to share with worker processes can be had ({error.strerror}, "
            f"{length} bytes); --engine thread needs none"
        ) from error


def why_not_shared() -> str:
    """Why this process can have no shared memory; empty where it can."""
    if not hasattr(os, "memfd_create"):
        return "this system has no memfd_create"
    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
        return "files are limited in size (ulimit -f), and shared memory with them"
    return ""


def _set_free(owner: weakref.ref[SharedArena], block: SharedBlock) -> None:
    memory = owner()
    if memory is not None:
        memory.set_free(block)


def _rounded(length: int) -> int:
    """The next quarter of a power of two: an array that grew a little fits the same block."""
    step = 1 << max(0, length.bit_length() - 3)
    return -(-length // step) * step


class MappedArena:
    """A worker's sight of the blocks."""

    def __init__(self) -> None:
        self._maps: dict[int, mmap.mmap] = {}

    def take(self, number: int, length: int, descriptor: int) -> None:
        """Map a block; the descriptor is not needed any more."""
        self._maps[number] = mmap.mmap(descriptor, length)
        os.close(descriptor)

    def drop(self, number: int) -> None:
        """A block is no more."""
        self._maps.pop(number, None)

    def array(self, reference: Reference) -> npt.NDArray[Any]:
        """The array that stands there."""
        number, offset, length, dtype, writeable = reference
        if number == NOWHERE:
            made: npt.NDArray[Any] = np.empty(0, dtype=dtype)
        else:
            made = np.frombuffer(self._maps[number], dtype=dtype, count=length, offset=offset)
        made.flags.writeable = writeable
        return made
