"""The plain enumeration: all closed terms in order of size, until one solves the problem.

What a synthesis is held against: it knows neither the log nor what inputs are. The
answer does not depend on how many threads there are. Knows no command line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from automaton.synthesis.enumeration import ClosedTermEnumerator, FormHit
from automaton.synthesis.evaluation import Evaluator, Examples
from automaton.synthesis.problem import Problem
from automaton.synthesis.solution import Checker, Solution
from automaton.workers import Threads

#: Terms of a shard, and shards a thread before it is seen whether one of them was right.
_SHARD, _TURNS = 1 << 15, 8


@dataclass(frozen=True)
class Baseline:
    """What the plain enumeration came to."""

    solution: Solution | None
    candidates: int  # up to the solution
    bits: int  # of the last term that was tried

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        solution = self.solution.as_json() if self.solution else None
        return {"solution": solution, "candidates": self.candidates, "bits": self.bits}


def enumerate_baseline(
    problem: Problem, candidates: int, threads: int, over: Callable[[], bool] = lambda: False
) -> Baseline:
    """The first of so many closed terms that is right on all pairs, those held back too."""
    search = _PlainEvaluator(problem, threads)
    done, last = 0, 0
    try:
        for bits, count in search.closed.sizes():
            for low in range(0, count, search.turn):
                high = min(count, low + search.turn, low + candidates - done)
                if high <= low or over():
                    return Baseline(None, done, last)
                last = bits
                for rank, solution in search.turned(bits, low, high):
                    return Baseline(solution, done + rank + 1 - low, bits)
                done += high - low
    finally:
        search.pool.close()
    return Baseline(None, done, last)


class _PlainEvaluator:
    def __init__(self, problem: Problem, threads: int) -> None:
        self.closed = ClosedTermEnumerator(Examples.of(problem.pairs, problem.pattern))
        self.pool = Threads(threads, lambda: Evaluator(problem))
        self.turn = threads * _TURNS * _SHARD
        self._checker, self._own = Checker(problem), Evaluator(problem)

    def turned(self, bits: int, low: int, high: int) -> list[tuple[int, Solution]]:
        """The first solution among the terms low..high-1 of so many bits, if there is one."""
        ranks: list[int] = []

        def shard(begin: int, end: int, own: Evaluator) -> int:
            found, _ = self.closed.chunk(bits, low + begin, low + end, own.quick)
            ranks.extend(found)
            return len(found)

        self.pool.run(shard, high - low, size=_SHARD)
        for rank in sorted(ranks):
            words = self.closed.term(bits, rank)
            solution = self._checker.solution(FormHit(words), self._own, -1)
            if solution is not None:
                made = (f"closed term {rank} of {bits} bits",)
                return [(rank, replace(solution, made=made))]
        return []
