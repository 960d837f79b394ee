"""Solutions of a problem: terms that are right on every pair, those held back too.

Knows the examples and nothing of how candidates are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from automaton.synthesis.enumeration import FormHit
from automaton.synthesis.evaluation import Evaluator, Examples, normal_form, tried
from automaton.synthesis.problem import Problem
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term


@dataclass(frozen=True)
class Solution:
    """A term that is right on all pairs, those held back too."""

    words: Words
    steps: int  # beta steps on all pairs
    synthesis: int
    made: tuple[str, ...] = ()

    @property
    def bits(self) -> int:
        """Its size in binary lambda calculus."""
        return len(format_term(self.words, "blc"))

    @property
    def key(self) -> str:
        """Eight digits for the term."""
        return sha256(self.words.tobytes()).hexdigest()[:8]

    @property
    def order(self) -> tuple[Any, ...]:
        """The best comes first: nodes, then beta steps."""
        return (len(self.words), self.steps, self.synthesis, self.words.tobytes())

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "term": format_term(self.words), "nodes": len(self.words), "bits": self.bits,
            "beta_steps": self.steps, "synthesis": self.synthesis, "lineage": list(self.made),
        }  # fmt: skip


class Checker:
    """Whether candidates that fit the pairs are solutions."""

    def __init__(self, problem: Problem) -> None:
        self._every = Examples.of((*problem.pairs, *problem.held_back), problem.pattern)

    def solution(self, hit: FormHit, own: Evaluator, synthesis: int) -> Solution | None:
        """The normal form of a candidate (where it has one), if it is right on every pair."""
        words = normal_form(hit.words, own.patient)
        words = hit.words if words is None else words
        found = tried(self._every, [words], own.patient)
        if int(found.right[0]) < len(self._every):
            return None
        return Solution(words, int(found.steps[0]), synthesis)
