"""Reduction of batches of packed terms, and the reference reducer beside it.

Lives here: checked calls of the reducing kernels on the CPU. Must not know: populations, logs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from automaton.compute.budgets import Budgets, MachineScratch
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.chemistry import react
from kernels.terms import packed, reduce, substitute

OUTCOMES = reduce.OUTCOMES
NORMAL = reduce.NORMAL

_REFERENCE_NODES = 65_536  # nodes on the way that the reference reducer allows


@dataclass(frozen=True)
class Reductions:
    """The results of a batch of terms, in input order."""

    outcomes: npt.NDArray[np.uint8]
    steps: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    normal_forms: list[Words | None]

    def outcome(self, i: int) -> str:
        """The name of a term's outcome."""
        return OUTCOMES[self.outcomes[i]]

    def words(self, i: int) -> Words | None:
        """A term's normal form, or None."""
        return self.normal_forms[i]


def reduce_batch(
    terms: Sequence[Words], max_steps: int, max_size: int, max_depth: int,
    free: Sequence[int] | None = None,
) -> Reductions:  # fmt: skip
    """Normalise terms (with free[i] free variables each; None: all closed)."""
    n = len(terms)
    results = Reductions(
        np.zeros(n, dtype=np.uint8), np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int32),
        [None] * n,
    )  # fmt: skip
    if not n:
        return results
    starts = np.cumsum([0, *map(len, terms)], dtype=np.int64)[:-1]
    code = np.concatenate(terms)
    free_counts = np.zeros(n, dtype=np.int32) if free is None else np.array(free, dtype=np.int32)
    machine = MachineScratch.of(Budgets(max_steps, max_size, max_depth), int(free_counts.max()))
    out: Words = np.empty(max(max_size, min(n * max_size, 1 << 20)), dtype=np.int32)
    places = np.empty(n, dtype=np.int64)
    done = 0
    while done < n:
        upto = cpu.compiled(reduce.reduce_terms)(
            code, starts, free_counts, done, n, max_steps, max_size, max_depth, out, len(out),
            results.outcomes, results.steps, results.sizes, places, *machine,
        )  # fmt: skip
        for i in range(done, upto):
            if places[i] >= 0:
                results.normal_forms[i] = out[places[i] : places[i] + results.sizes[i]].copy()
        done = upto
    return results


class SubstitutionReducer:
    """Literal substitution, compiled: what `majority_agree` recomputes with."""

    def __init__(self) -> None:
        sizes = (2 * _REFERENCE_NODES, 2 * _REFERENCE_NODES, _REFERENCE_NODES, _REFERENCE_NODES)
        self._term, self._other, *self._marks = (np.empty(n, dtype=np.int32) for n in sizes)

    def normal_form(self, words: Words, max_steps: int) -> tuple[Words | None, int]:
        """The normal form (None: none found within the limits) and the beta steps made."""
        if len(words) > _REFERENCE_NODES:
            return None, 0
        self._term[: len(words)] = words
        outcome, steps, size = cpu.compiled(substitute.substitute)(
            self._term, len(words), max_steps, _REFERENCE_NODES, self._other, *self._marks
        )
        return (self._term[:size].copy() if outcome == substitute.NORMAL else None), int(steps)


def hash_of(words: Words) -> int:
    """The 64-bit hash of a packed term."""
    return int(cpu.compiled(packed.term_hash)(words, 0, len(words)))


def application(
    operator: npt.NDArray[np.int32], a: npt.NDArray[np.int32], b: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    """The packed term `(op a) b`."""
    words = np.concatenate([operator, a, b])
    out = np.empty(len(words) + 2, dtype=np.int32)
    o, x = len(operator), len(a)
    cpu.compiled(react.apply_words)(words, 0, o, o, x, o + x, len(b), out)
    return out
