"""Numbered ids of terms that came under a name, in one buffer and a hash table.

Kernels copy ids from here into lines; nothing else is known about them. Ids
stand escaped as in the log, so none holds a newline, which separates them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kernels.text.winner_lines import SPARE

_START = 1 << 10  # entries at first; doubled when full
_EMPTY = -1  # no number stands here in the table


class IdTable:
    """Distinct byte strings, numbered from 0 in order of arrival.

    Each costs its text, 8 bytes and 8 to 16 of the table, in which a name is found by
    comparing it with one or two others. Python's hash is seeded anew by each process,
    so nobody can choose names that meet; it decides numbers of the table alone.
    """

    def __init__(self) -> None:
        self._text = bytearray(b"\n")
        self._starts = np.empty(_START, dtype=np.int64)
        self._starts[0] = 1
        self._count = 0
        self.longest = 0  # bytes of the longest name
        self._table = np.full(_START, _EMPTY, dtype=np.int32)  # open addressing, half full
        self._frozen: npt.NDArray[np.uint8] | None = None

    @classmethod
    def of(cls, text: bytes, starts: npt.NDArray[np.int64]) -> IdTable:
        """The names of a buffer that `buffer` and `starts` gave."""
        names = cls()
        names._text, names._count = bytearray(text), len(starts) - 1
        names._starts = np.concatenate([starts, np.empty(_START, dtype=np.int64)])
        names.longest = int(np.diff(starts).max(initial=1)) - 1
        names._grow_table()
        return names

    def buffer(self) -> bytes:
        """The text of all names, as `of` takes it."""
        return bytes(self._text)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> bytes:
        return bytes(self._text[self._starts[number] : self._starts[number + 1] - 1])

    def find(self, name: bytes) -> int | None:
        """The number of a name, or None."""
        number = int(self._table[self._slot(name)])
        return None if number == _EMPTY else number

    def add(self, name: bytes) -> int:
        """Number a name that is new (see `find`)."""
        if self._count + 2 > len(self._starts):
            self._starts = np.concatenate([self._starts, np.empty_like(self._starts)])
        if 2 * self._count >= len(self._table):
            self._grow_table()
        self._table[self._slot(name)] = self._count
        self.longest = max(self.longest, len(name))
        self._text += name + b"\n"
        self._count += 1
        self._starts[self._count] = len(self._text)
        self._frozen = None
        return self._count - 1

    def _slot(self, name: bytes) -> int:
        """Where in the table a name's number stands, or would stand."""
        mask = len(self._table) - 1
        slot = hash(name) & mask
        while (number := int(self._table[slot])) != _EMPTY and self[number] != name:
            slot = (slot + 1) & mask
        return slot

    def _grow_table(self) -> None:
        """A table a quarter full, with all names."""
        size = max(_START, 1 << (4 * self._count).bit_length())
        self._table = np.full(size, _EMPTY, dtype=np.int32)
        for number in range(self._count):
            self._table[self._slot(self[number])] = number

    def text(self) -> npt.NDArray[np.uint8]:
        """The buffer; name k stands in text[starts[k]:starts[k+1]-1]."""
        if self._frozen is None:
            self._frozen = np.frombuffer(bytes(self._text) + bytes(2 * SPARE), dtype=np.uint8)
        return self._frozen

    def starts(self) -> npt.NDArray[np.int64]:
        """Where each name begins, int64[count + 1]."""
        return self._starts[: self._count + 1]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return len(self._text) + self._starts.nbytes + self._table.nbytes
