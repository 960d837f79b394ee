"""Examples as columns, and candidates tried on them: what a synthesis measures.

One call of a kernel tries a whole batch; the answers are columns. Knows no log and
nothing of where candidates come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.compute.budgets import Budgets, MachineScratch
from automaton.synthesis.problem import Pair, Problem, encoded
from automaton.terms.arrays import Words
from automaton.terms.packed import META
from kernels import cpu
from kernels.experiments import evaluate as kernel
from kernels.terms import reduce

#: Limits of an example while candidates are tried; more where values are larger.
_STEPS, _SIZE, _DEPTH = 400, 192, 96
#: Limits of an example held back, and of the normal form of a solution.
PATIENT = Budgets(100_000, 8192, 4096)
_WHOLE = True  # go on after the first example that is wrong
_NO_PATTERN: Words = np.empty(0, dtype=np.int32)


def budgets(problem: Problem) -> Budgets:
    """The limits that a candidate has for each example."""
    largest = max((len(encoded(pair.output)) for pair in problem.pairs), default=0)
    return Budgets(_STEPS + 8 * largest, _SIZE + 2 * largest, _DEPTH + largest)


@dataclass(frozen=True)
class Examples:
    """Pairs (or a pattern) as the kernels have them; see `kernels.experiments.evaluate`.

    code: the values' words, one behind the other; candidates are written behind them.
    """

    code: Words
    inputs: npt.NDArray[np.int64]
    input_sizes: npt.NDArray[np.int32]
    wanted: npt.NDArray[np.int64]
    wanted_sizes: npt.NDArray[np.int32]
    pattern: Words

    @classmethod
    def of(cls, pairs: Sequence[Pair], pattern: Words | None = None) -> Examples:
        """Pairs of equally many inputs; of a pattern, one example without any."""
        if pattern is not None:
            none = np.empty((1, 0), dtype=np.int64)
            one = np.zeros(1, dtype=np.int64)
            return cls(_NO_PATTERN, none, none.astype(np.int32), one, one.astype(np.int32), pattern)
        parts = [encoded(value) for pair in pairs for value in (*pair.inputs, pair.output)]
        sizes = np.array([len(part) for part in parts], dtype=np.int32).reshape(len(pairs), -1)
        starts = (np.cumsum(sizes) - sizes.reshape(-1)).astype(np.int64).reshape(sizes.shape)
        columns = (starts[:, :-1], sizes[:, :-1], starts[:, -1], sizes[:, -1])
        inputs, input_sizes, wanted, wanted_sizes = map(np.ascontiguousarray, columns)
        code = np.concatenate(parts) if parts else _NO_PATTERN
        return cls(code, inputs, input_sizes, wanted, wanted_sizes, _NO_PATTERN)

    def __len__(self) -> int:
        return len(self.wanted)

    @property
    def columns(self) -> tuple[npt.NDArray[Any], ...]:
        """The kernels' arguments."""
        return (self.inputs, self.input_sizes, self.wanted, self.wanted_sizes, self.pattern)


class EvaluationScratch:
    """The machine of one worker for some limits, and the room that trials need."""

    def __init__(self, limits: Budgets, metas: int) -> None:
        self.limits = tuple(limits)[:3]  # work is bounded by the steps
        self.machine = MachineScratch.of(limits)
        self.judging: tuple[npt.NDArray[Any], ...] = (
            np.empty(limits.max_size, dtype=np.int32),
            np.empty(metas, dtype=np.int64), np.empty(metas, dtype=np.int64),
        )  # fmt: skip


def metavariables(pattern: Words | None) -> int:
    """How many numbers the metavariables of a pattern have."""
    metas = np.empty(0) if pattern is None else pattern[pattern & 3 == META] >> 2
    return int(metas.max()) + 1 if len(metas) else 0


class Evaluator:
    """What one worker owns: a quick machine to search with, a patient one to check with."""

    def __init__(self, problem: Problem) -> None:
        metas = metavariables(problem.pattern)
        self.quick = EvaluationScratch(budgets(problem), metas)
        self.patient = EvaluationScratch(PATIENT, metas)


@dataclass(frozen=True)
class CandidateScores:
    """By candidate: examples right int32, beta steps int64, score int32, behaviour uint64."""

    right: npt.NDArray[np.int32]
    steps: npt.NDArray[np.int64]
    scores: npt.NDArray[np.int32]
    behaviours: npt.NDArray[np.uint64]


def evaluate(
    examples: Examples, code: Words, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int32],
    own: EvaluationScratch,
) -> CandidateScores:  # fmt: skip
    """Try candidates that stand in `code`, behind the examples' own words, on all examples."""
    count = len(starts)
    found = CandidateScores(
        np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.uint64),
    )  # fmt: skip
    cpu.compiled(kernel.try_terms)(
        code, starts, sizes, 0, count, *examples.columns, _WHOLE, *own.limits,
        found.right, found.steps, found.scores, found.behaviours, *own.judging, *own.machine,
    )  # fmt: skip
    return found


def tried(
    examples: Examples, candidates: Sequence[Words], own: EvaluationScratch
) -> CandidateScores:
    """Try some terms on all examples."""
    sizes = np.array([len(words) for words in candidates], dtype=np.int32)
    starts = (len(examples.code) + np.cumsum(sizes) - sizes).astype(np.int64)
    code = np.concatenate((examples.code, *candidates))
    return evaluate(examples, code, starts, sizes, own)


def normal_form(words: Words, own: EvaluationScratch) -> Words | None:
    """The normal form of a closed term within the limits, or None."""
    out: Words = own.judging[0]
    outcome, _, size = cpu.compiled(reduce.normalise)(
        words, 0, *own.limits, out, 0, 0, 0, -1, 0, -1, 0, *own.machine
    )
    return out[:size].copy() if outcome == reduce.NORMAL else None
