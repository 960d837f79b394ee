"""Equal reactions of a tick found on the card, so that each kind is made once.

As `equal_reactions.group` finds them: terms are equal where their words are, and a kind
is known by the least of its slots. Nothing here knows what a reaction comes to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.checks import Array

from . import arrays
from .calls import threads_for
from .compiler import cuda
from .loops import launch
from .memory import Mirror

_BY_SLOT = ("class_a", "class_b", "class_op", "entry", "first", "rank", "number")
_BY_KIND = ("places_a", "places_b", "operators")


class Kinds:
    """Kinds of reactions among so many slots; `number` is each slot's, int32 on the card."""

    def __init__(self, slots: int, stream: Any) -> None:
        self.slots, self._stream = slots, stream
        self._arrays = arrays.opened()
        self._column = {name: cuda.device_array(slots, np.int32) for name in _BY_SLOT}
        self._given = {name: cuda.device_array(slots, np.int32) for name in _BY_KIND}
        self._table, self._least = (cuda.device_array(_room(slots), np.int32) for _ in range(2))
        self._rows = cuda.device_array(1, np.int32)
        self._lists = Mirror()
        self._lists.reserve("slots", slots, np.int32)

    @property
    def number(self) -> Any:
        """Each slot's kind, -1 without reactants; once `share` was called."""
        return self._column["number"]

    def find(self, terms: Mapping[str, Any], drawn: Sequence[Any], most: int) -> int:
        """Find the kinds of what was drawn (three columns by slot); -1 where more than `most`."""
        column, stream = self._column, self._stream
        rows = _room(min(3 * self.slots, len(terms["start"])))
        if len(self._rows) != rows:
            self._rows = cuda.device_array(rows, np.int32)
        for value, words in ((-1, self._rows), (-1, self._table), (self.slots, self._least)):
            launch("fill_words", threads_for(len(words)), stream, value, words)
        classes = [column[name] for name in ("class_a", "class_b", "class_op")]
        threads = threads_for(self.slots)
        launch(
            "class_slots", threads, stream, terms["code"], terms["start"], terms["size"],
            terms["hashes"], *drawn, self._rows, *classes,
        )  # fmt: skip
        entry, first = column["entry"], column["first"]
        launch("group_slots", threads, stream, *classes, self._table, self._least, entry)
        launch("first_slots", threads, stream, entry, self._least, first)
        host = self._lists.staging("slots", self.slots)
        if self._arrays.on_host:
            first.copy_to_host(host, stream)
            stream.synchronize()
        seen = self._arrays.seen(first, host, stream)
        self._distinct = arrays.first_of_kinds(self._arrays.xp, seen)
        count = len(self._distinct)
        return count if count <= most else -1

    def reactants(self, drawn: Sequence[Any]) -> list[Any]:
        """What was drawn by kind instead of by slot."""
        given = list(self._given.values())
        if len(self._distinct):
            listed = self._arrays.image(self._distinct, self, "slots")
            launch(
                "kind_rows", threads_for(len(self._distinct)), self._stream, listed, *drawn,
                self._column["rank"], *given,
            )  # fmt: skip
        self._stream.synchronize()
        return given

    def list(self, name: str, items: Array) -> Any:
        """Numbers as an array on the card; see `arrays.HostArrays.image`."""
        return self._lists.put(name, items, self._stream)

    def share(self, empty: int, made: Sequence[Any], columns: Sequence[Any]) -> None:
        """Give every slot what its kind came to: outcomes, steps, sizes, results by kind."""
        launch(
            "share_slots", threads_for(self.slots), self._stream, empty, self._column["first"],
            self._column["rank"], *made, *columns, self.number,
        )  # fmt: skip


def _room(most: int) -> int:
    """Entries of a table, a power of two, that so many fill by half at most."""
    return 1 << max(1, 2 * most - 1).bit_length()
