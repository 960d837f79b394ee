"""The free list of a population: which place the next term under a name gets.

The lowest free place; where there is none, a drawn one of those that hold no
definition. A change costs a search in a sorted list, not a pass over all places.
Must not know: terms, names, the fold of winners.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from kernels import philox

Flags = npt.NDArray[np.bool_]


class FreeList:
    """Free places as a heap, and those that may be overwritten, ascending."""

    def __init__(self, live: Flags, definition: Flags) -> None:
        self._free: list[int] = np.flatnonzero(~live).tolist()  # ascending, so a heap
        self._overwritable = np.flatnonzero(~definition).astype(np.int32)

    def take(self, word: np.uint32) -> int:
        """The place of an entering term by its draw, -1 where there is none."""
        if self._free:
            return heappop(self._free)
        if not len(self._overwritable):
            return -1
        return int(self._overwritable[philox.index_of(np.uint64(word), len(self._overwritable))])

    def give_back(self, place: int) -> None:
        """A place becomes free."""
        heappush(self._free, place)

    def protect(self, place: int, *, definition: bool) -> None:
        """A place holds a definition from now on, or none any more."""
        at = int(np.searchsorted(self._overwritable, place))
        listed = at < len(self._overwritable) and self._overwritable[at] == place
        if listed and definition:
            self._overwritable = np.delete(self._overwritable, at)
        elif not listed and not definition:
            self._overwritable = np.insert(self._overwritable, at, place)
