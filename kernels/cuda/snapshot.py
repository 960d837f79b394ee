"""A snapshot's columns on the card, brought up to date where they changed.

What was sent is remembered on the host, and compared: only rows that differ cross the
bus, and words behind those that are there. Nothing here knows what a term is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kernels.checks import Array

from .calls import threads_for
from .compiler import cuda
from .loops import launch
from .memory import Mirror, bus

#: Columns of terms by row, of what streams know by place, and of the terms seen.
TERMS = {
    "start": np.int64, "hashes": np.uint64, "size": np.int32, "value": np.int32,
    "normal": np.bool_, "form": np.uint8,
}  # fmt: skip
FACTS = {"used": np.int64, "uses": np.int32, "salience": np.int32}
SEEN = {"seen": np.uint64}
#: Words of code that there is room for at least; twice as many as are used, when it grows.
LEAST_WORDS = 1 << 16
#: Columns of which more than one row in so many changed are sent whole.
MANY = 4


class Snapshot:
    """Images of a snapshot's columns; `image` has them by name."""

    def __init__(self, stream: Any) -> None:
        self.image: dict[str, Any] = {}
        self._stream = stream
        self._sent: dict[str, Array] = {}
        self._code: Array | None = None  # whose words are there
        self._words = 0  # how many of them
        self._lists = Mirror()

    def update(self, code: Array, end: int, columns: Mapping[str, Array]) -> None:
        """Have the card's columns be these; of code int32 the first `end` words are used.

        Words may have come behind those of the last call; where others changed, code is
        another array. To be called when the card does nothing with them.
        """
        self._update_code(code, end)
        changed = [self._changed(group, columns) for group in (TERMS, FACTS, SEEN)]
        if any(map(len, changed)):
            self._send(changed, columns)

    def _update_code(self, code: Array, end: int) -> None:
        there = self.image.get("code")
        kept = self._words if self._code is code else 0
        if there is None or len(there) < end:
            there, kept = None, 0
            self.image.pop("code", None)  # before the next is made
            there = cuda.device_array(max(LEAST_WORDS, 2 * end), np.int32)
            self.image["code"] = there
        if kept < end:
            bus().put(code[kept:end], there[kept:end])
        self._code, self._words = code, end

    def _changed(self, group: Mapping[str, Any], columns: Mapping[str, Array]) -> Array:
        """The rows of a group that differ from what was sent; what is sent whole is sent."""
        lengths = {len(columns[name]) for name in group}
        assert len(lengths) == 1, "columns of one group have one length"
        count = lengths.pop()
        if any(len(self._sent.get(name, ())) != count for name in group):
            rows = None
        else:
            differs = np.zeros(count, np.bool_)
            for name in group:
                differs |= columns[name] != self._sent[name]
            rows = np.flatnonzero(differs).astype(np.int32)
        if rows is None or len(rows) * MANY > count:
            for name, dtype in group.items():
                self._send_whole(name, columns[name].astype(dtype, copy=False))
            return np.empty(0, np.int32)
        return rows

    def _send_whole(self, name: str, column: Array) -> None:
        if len(self._sent.get(name, ())) != len(column):
            self._sent.pop(name, None)
            self.image[name] = cuda.device_array(len(column), column.dtype)
        if len(column):
            bus().put(column, self.image[name])
        self._sent[name] = column.copy()

    def _send(self, changed: list[Array], columns: Mapping[str, Array]) -> None:
        """Send the rows that changed, and have the card put them where they belong."""
        rows, places, entries = changed

        def some(name: str, index: Array) -> Array:
            values = columns[name][index]
            self._sent[name][index] = values
            return values

        wide = np.concatenate([some("start", rows), some("hashes", rows).view(np.int64)])
        narrow = [some(name, rows) for name in ("size", "value", "normal", "form")]
        used = some("used", places)
        counted = np.concatenate([some(name, places) for name in ("uses", "salience")])
        given = {
            "rows": rows, "wide": wide, "narrow": np.concatenate(narrow).astype(np.int32),
            "places": places, "used": used, "counted": counted,
            "entries": entries, "seen": some("seen", entries),
        }  # fmt: skip
        sent = {name: self._lists.put(name, a, self._stream) for name, a in given.items()}
        image, threads = self.image, threads_for(max(map(len, changed)))
        launch(
            "update_rows", threads, self._stream, sent["rows"], sent["wide"], sent["narrow"],
            image["start"], image["hashes"], image["size"], image["value"], image["normal"],
            image["form"], sent["places"], sent["used"], sent["counted"], image["used"],
            image["uses"], image["salience"], sent["entries"], sent["seen"], image["seen"],
        )  # fmt: skip
        self._stream.synchronize()
