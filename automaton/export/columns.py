"""Columns of a table as arrays: numbers, texts in one buffer, and which rows have a value.

As Apache Arrow lays them out, so that they are handed over without a copy. Pure. Must not
know: logs, formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.terms.arrays import Bytes, Truth

Offsets = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Column:
    """Numbers, or places in `names`; `valid` None: every row has a value."""

    values: npt.NDArray[Any]
    valid: Truth | None = None
    names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def tolist(self) -> list[Any]:
        """The values one by one, None where there is none."""
        found: list[Any] = self.values.tolist()
        if self.names is not None:
            found = [self.names[k] if k >= 0 else None for k in found]
        if self.valid is not None:
            found = [v if ok else None for v, ok in zip(found, self.valid, strict=True)]
        return found


@dataclass(frozen=True)
class TextColumn:
    """Texts in UTF-8, row k in data[offsets[k]:offsets[k + 1]]; `valid` as of a `Column`."""

    data: Bytes
    offsets: Offsets
    valid: Truth | None = None

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> TextColumn:
        """The column of some texts; lone surrogates become escapes."""
        raw = [(text or "").encode("utf-8", "backslashreplace") for text in texts]
        offsets = np.cumsum([0, *map(len, raw)], dtype=np.int64).astype(np.int32)
        valid = np.array([text is not None for text in texts], dtype=np.bool_)
        data = np.frombuffer(b"".join(raw), dtype=np.uint8)
        return cls(data, offsets, None if valid.all() else valid)

    @property
    def values(self) -> npt.NDArray[Any]:
        """The buffer; a row is no element of it."""
        return self.data

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def tolist(self) -> list[str | None]:
        """The texts one by one."""
        raw, at = self.data.tobytes(), self.offsets.tolist()
        found: list[str | None] = [
            raw[begin:end].decode("utf-8", "replace") for begin, end in pairwise(at)
        ]
        if self.valid is not None:
            found = [text if ok else None for text, ok in zip(found, self.valid, strict=True)]
        return found


AnyColumn = Column | TextColumn
Table = Mapping[str, AnyColumn]


def length(table: Table) -> int:
    """Rows of a table."""
    return len(next(iter(table.values())))
