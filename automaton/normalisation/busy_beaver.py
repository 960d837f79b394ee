"""The closed terms of so many bits: how many have a normal form, and the largest of these.

The kernel reduces all of them within small budgets; the few that are left are judged one by
one. Touches nothing outside: certificates are handed to who asks, and so is how far it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automaton.compute.budgets import Budgets, MachineScratch
from automaton.normalisation.term_tree import Tree, from_words, to_blc
from automaton.normalisation.verdict import Extends, Judge
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.experiments.normalise_closed import normalise_closed
from kernels.terms import enumerate_closed
from kernels.terms.packed import link

#: Budgets of the first, quick reduction; of 36 bits 11,112,159 of 11,112,179 are within them.
QUICK = Budgets(500, 2000, 256)
#: Terms that are reduced between two reports.
CHUNK = 1 << 18
#: Fewest and most bits of a closed term that can be asked for: counts are 64 bits wide.
FEWEST, MOST = 4, 60
#: Numbers of more binary digits are written in hexadecimal: 4,300 decimal ones are Python's most.
MOST_DECIMAL = 14_000

Report = Callable[[int, int], None]
Receive = Callable[[dict[str, Any]], None]


@dataclass
class SizeCensus:
    """What became of the closed terms of so many bits."""

    bits: int
    closed: int
    largest: int = 0  # bits of the largest normal form, 0 where there is no term
    champion: str = ""  # the first term, in order of number, that has it; binary
    without: Counter[str] = field(default_factory=Counter)  # proofs that there is none, by kind
    theories: set[str] = field(default_factory=set)
    open: list[str] = field(default_factory=list)  # terms of which it is not known; binary

    @property
    def normal(self) -> int:
        """How many have a normal form."""
        return self.closed - self.without.total() - len(self.open)

    def as_json(self) -> dict[str, Any]:
        """For programs; the largest may have more digits than a machine word holds."""
        return {
            "bits": self.bits, "closed": self.closed, "normal": self.normal,
            "without": self.without.total(), "by_cycle": self.without["cycle"],
            "by_types": self.without["types"], "theories": len(self.theories),
            "open": len(self.open), "largest": digits(self.largest), "champion": self.champion,
            "open_terms": self.open,
        }  # fmt: skip


def digits(number: int) -> str:
    """A number in decimal, or where Python does not write so many digits, in hexadecimal."""
    return str(number) if number.bit_length() <= MOST_DECIMAL else f"{number:#x}"


class BusyBeaver:
    """Counts terms by size; what was learned about one size serves the next."""

    def __init__(self, judge: Judge | None = None) -> None:
        self._judge = judge or Judge()
        self._scratch = MachineScratch.of(QUICK)

    def count(self, bits: int, receive: Receive, report: Report) -> SizeCensus:
        """What becomes of the terms of so many bits.

        `receive` gets each certificate, in order of the terms' numbers; `report` gets after
        each part how many terms were reduced, and how many of the rest were judged.
        """
        counts = enumerate_closed.counted(bits)
        found = SizeCensus(bits, int(counts[bits, 0]))
        left, found.largest, champion = self._reduced(counts, bits, found.closed, report)
        if found.closed:
            found.champion = to_blc(term_number(counts, bits, champion))
        for done, rank in enumerate(left, 1):
            term = term_number(counts, bits, rank)
            judged = self._judge.judge(term)
            certificate = judged.certificate(term)
            if certificate is not None:
                found.without[certificate["kind"]] += 1
                if "types" in certificate:
                    found.theories.add(certificate["types"])
                receive({"bits": bits, **certificate})
            elif isinstance(judged.verdict, Extends):
                if (judged.verdict.bits, -rank) > (found.largest, -champion):
                    found.largest, champion = judged.verdict.bits, rank
                    found.champion = to_blc(term)
            else:
                found.open.append(to_blc(term))
            if not done % 256:
                report(found.closed, done)
        return found

    def _reduced(
        self, counts: Any, bits: int, closed: int, report: Report
    ) -> tuple[list[int], int, int]:
        """The numbers of terms that are left, the bits of the largest normal form, whose it is."""
        code: Words = np.empty(bits, np.int32)
        stack, linking = np.empty((bits, 3), np.int64), np.empty(bits, np.int32)
        out: Words = np.empty(QUICK.max_size, np.int32)
        largest = np.zeros(2, np.int64)
        left: list[int] = []
        for first in range(0, closed, CHUNK):
            last = min(first + CHUNK, closed)
            ranks = np.empty(last - first + 1, np.int64)
            some = cpu.compiled(normalise_closed)(
                counts, bits, first, last, *QUICK[:3], code, stack, linking, out, ranks, largest,
                *self._scratch,
            )  # fmt: skip
            left += ranks[:some].tolist()
            report(last, 0)
        return left, int(largest[0]), int(largest[1])


def term_number(counts: Any, bits: int, rank: int) -> Tree:
    """The closed term of so many bits with this number."""
    code: Words = np.empty(bits, np.int32)
    stack, linking = np.empty((bits, 3), np.int64), np.empty(bits, np.int32)
    size = cpu.compiled(enumerate_closed.write_term)(counts, bits, rank, code, 0, stack)
    cpu.compiled(link)(code, 0, size, linking)
    return from_words(code)
