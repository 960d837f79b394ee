"""Whether one term has a normal form, where quick reduction did not say so: proofs, or its size.

A term is first contracted where that copies nothing, and lambdas around it that bind nothing are
left out of sight, so that many terms are one question. Touches nothing outside; the answer
depends on the term alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automaton.normalisation.known_theories import KNOWN_THEORIES
from automaton.normalisation.normal_form_size import OutOfFuelError, SizeReader
from automaton.normalisation.term_tree import (
    Tree,
    free_indices,
    leftmost,
    shifted,
    shrunk,
    size,
    to_blc,
)
from automaton.normalisation.type_inference import infer
from automaton.normalisation.type_theory import TypeTheory, read_theory, theory_text

#: A cycle of leftmost reduction is looked for among so many terms of so many nodes at most.
CYCLE_TERMS, CYCLE_NODES = 16, 64
#: Beta steps and readings for the size of a normal form; the largest of 36 bits takes 70,000.
FUEL = 200_000


@dataclass(frozen=True)
class ReductionCycle:
    """Leftmost reduction comes to the same term after `first` and after `again` steps."""

    first: int
    again: int

    def as_json(self) -> dict[str, Any]:
        """As it stands in a certificate."""
        return {"kind": "cycle", "first": self.first, "again": self.again}


@dataclass(frozen=True)
class Typing:
    """The term has the type N in this theory."""

    theory: str

    def as_json(self) -> dict[str, Any]:
        """As it stands in a certificate."""
        return {"kind": "types", "types": self.theory}


@dataclass(frozen=True)
class Extends:
    """The term has a normal form of so many bits."""

    bits: int


Verdict = ReductionCycle | Typing | Extends | None


@dataclass(frozen=True)
class TermVerdict:
    """A verdict (None: open), and the positions that were contracted before it."""

    contracted: list[int]
    verdict: Verdict

    def certificate(self, term: Tree) -> dict[str, Any] | None:
        """The certificate that the term has no normal form; None where there is none."""
        if not isinstance(self.verdict, (ReductionCycle, Typing)):
            return None
        return {"term": to_blc(term), "contract": self.contracted, **self.verdict.as_json()}


class Judge:
    """Gives verdicts on closed terms, equal questions once."""

    def __init__(self, known: tuple[str, ...] = KNOWN_THEORIES) -> None:
        self._theories = [(text, TypeTheory(read_theory(text))) for text in known]
        self._given: dict[Tree, Verdict] = {}

    def judge(self, term: Tree) -> TermVerdict:
        """The verdict on a closed term."""
        smaller, contracted = shrunk(term)
        lambdas = 0
        while (
            isinstance(smaller, tuple) and len(smaller) == 1 and 0 not in free_indices(smaller[0])
        ):
            smaller = shifted(smaller[0], -1)
            lambdas += 1
        if smaller not in self._given:
            self._given[smaller] = self._verdict(smaller)
        verdict = self._given[smaller]
        if isinstance(verdict, Extends):
            verdict = Extends(verdict.bits + 2 * lambdas)
        return TermVerdict(contracted, verdict)

    def _verdict(self, term: Tree) -> Verdict:
        found = cycle_of(term)
        if found is not None:
            return found
        for text, theory in self._theories:
            if theory.refutes(term):
                return Typing(text)
        try:
            return Extends(SizeReader(FUEL).size(term))
        except OutOfFuelError:
            arrows = infer(term)
        return None if arrows is None else Typing(theory_text(arrows))


def cycle_of(term: Tree) -> ReductionCycle | None:
    """The first cycle of leftmost reduction, if it is a short one."""
    seen: dict[Tree, int] = {}
    for step in range(CYCLE_TERMS):
        if term in seen:
            return ReductionCycle(seen[term], step)
        seen[term] = step
        reduced = leftmost(term)
        if reduced is None or size(reduced) > CYCLE_NODES:
            return None
        term = reduced
    return None
