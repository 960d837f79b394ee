"""Whether two targets of the machine give the same answers on the same closed terms.

Terms come by number (`kernels.terms.enumerate_closed`), so a mismatch can be named. Knows no
terminal: `doctor` and scripts/gpu_check show what is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.compute.budgets import Budgets, MachineScratch
from automaton.terms.arrays import Words
from kernels import cpu, registry
from kernels.cuda import plan
from kernels.terms import enumerate_closed

#: Bits of the terms; 27,465 closed ones have exactly so many, of 2 to 13 nodes.
BITS = 26
#: Budgets in beta steps, nodes and pending arguments: enough for all that halt.
BUDGET = (500, 256, 256)


class SelfTestTerms(NamedTuple):
    """Closed terms in CSR form."""

    code: Words
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int32]


@dataclass(frozen=True)
class TargetResults:
    """What a target says of terms: columns as of `reduce.reduce_terms`."""

    columns: dict[str, npt.NDArray[Any]]
    out: Words

    def same(self, other: TargetResults) -> npt.NDArray[np.bool_]:
        """By term, whether outcome, steps and size are equal."""
        names = ("outcomes", "steps", "sizes")
        equal = np.ones(len(self.columns["outcomes"]), dtype=np.bool_)
        for name in names:
            equal &= self.columns[name] == other.columns[name]
        return equal


@dataclass(frozen=True)
class SelfTest:
    """The outcome: how many terms two targets were compared on, and the first that differs."""

    left: str
    right: str
    terms: int
    differs: int | None = None  # the term's number among those of so many bits
    bits: int = BITS


def terms(count: int, first: int = 0, bits: int = BITS) -> SelfTestTerms:
    """The closed terms first..first+count-1 of so many bits, as many as there are."""
    counts = enumerate_closed.counted(bits)
    count = max(0, min(count, int(counts[bits, 0]) - first))
    starts, sizes = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int32)
    code: Words = np.empty(max(1, count * bits // 2), dtype=np.int32)
    stack, linking = np.empty((bits, 3), dtype=np.int64), np.empty(bits, dtype=np.int32)
    size = cpu.compiled(enumerate_closed.write_terms)(
        counts, bits, first, starts, sizes, code, stack, linking
    )
    return SelfTestTerms(code[:size], starts, sizes)


def compare(left: str, right: str, count: int) -> SelfTest:
    """Reduce terms on two targets (python, cpu, cuda) and hold the answers together."""
    some = terms(count)
    one, other = (reduced(where, some) for where in (left, right))
    differing = np.flatnonzero(~one.same(other))
    first = int(differing[0]) if len(differing) else None
    if first is None and not np.array_equal(one.out, other.out):
        at = int(np.flatnonzero(one.out != other.out)[0])
        places = one.columns["places"]
        first = int(np.flatnonzero((places >= 0) & (places <= at))[-1])
    return SelfTest(left, right, len(some.starts), first)


def reduced(
    where: str, some: SelfTestTerms, budget: tuple[int, int, int] = BUDGET
) -> TargetResults:
    """The answers of a target."""
    count, (_, max_size, _) = len(some.starts), budget
    free = np.zeros(count, dtype=np.int32)
    kinds = {"outcomes": np.uint8, "steps": np.int32, "sizes": np.int32, "places": np.int64}
    columns = {name: np.zeros(count, dtype=kind) for name, kind in kinds.items()}
    out: Words = np.empty(max(1, count * max_size), dtype=np.int32)
    if where == "cuda":
        from kernels.cuda import calls  # noqa: PLC0415 - needs the packages of the extra

        limits = plan.Limits(*budget)
        reducer = calls.Reducer(max(1, count), limits)
        used = reducer.reduce(some.code, some.starts, free, columns, out)
        return TargetResults(columns, out[:used])
    machine = MachineScratch.of(Budgets(*budget))
    registry.target("reduce", where)(
        some.code, some.starts, free, 0, count, *budget, out, len(out), *columns.values(), *machine
    )
    return TargetResults(columns, out[: int(columns["sizes"].sum())])
