"""Vetoes: rules in the log that forbid candidates before anything is appended.

A veto is an object `{"type":"veto","match":SELECTOR}`, its selector as an automaton's,
with `duplicate`: an equal term has entered before. Knows candidates as columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.population import MODIFICATION
from automaton.population.selection import chosen
from automaton.program.selectors import Selector
from automaton.terms.arrays import Places, Slots, Truth, Words
from kernels import cpu
from kernels.chemistry import streams as kernel

Codes = npt.NDArray[np.uint8]

#: Rules that can be told apart; those behind them are not used.
MOST_VETOES = 255


class Candidates:
    """Normal forms that might win, as a veto's selector sees them: `selection.Terms`."""

    def __init__(  # noqa: PLR0913, PLR0917 - columns travel as arguments
        self, code: Words, starts: Slots, sizes: Places, steps: Places, level: int,
        seen: npt.NDArray[np.uint64],
    ) -> None:  # fmt: skip
        self.code = code
        self.kinds = ["modification"]
        self._seen = seen
        self.column: dict[str, npt.NDArray[Any]] = {
            "start": starts,
            "size": sizes,
            "steps": steps,
            "level": np.full(len(sizes), level, dtype=np.int32),
            "kind": np.full(len(sizes), MODIFICATION, dtype=np.int32),
        }

    def duplicates(self, rows: Places) -> Truth:
        """Which rows hold a term that has entered before."""
        found = np.empty(len(rows), dtype=np.bool_)
        cpu.compiled(kernel.known)(
            self.code, self.column["start"], self.column["size"], rows, self._seen, found
        )
        return found

    def vetoed(self, vetoes: Mapping[str, Selector]) -> Codes:
        """By row: the number, from 1, of the first rule that forbids it, or 0."""
        codes = np.zeros(len(self.column["size"]), dtype=np.uint8)
        rows: Places = np.arange(len(codes), dtype=np.int32)
        for number, selector in enumerate(list(vetoes.values())[:MOST_VETOES], 1):
            codes[chosen(self, rows, selector)] = number
            rows = np.flatnonzero(codes == 0).astype(np.int32)
        return codes
