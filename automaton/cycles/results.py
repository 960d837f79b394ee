"""Results of cycles: candidates, outcomes, and their compact forms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automaton.format.versions import portable
from automaton.terms.arrays import Words
from automaton.terms.notation import format_term


@dataclass(frozen=True)
class Candidate:
    """A term that a cycle found: what made it, and how many new normal forms it leads to."""

    words: Words
    steps: int
    score: int
    new: bool
    parents: tuple[str, str, str]

    @property
    def term(self) -> str:
        """Its canonical text."""
        return format_term(self.words)

    def as_json(self) -> dict[str, Any]:
        """Every figure by name."""
        return {
            "term": self.term, "size": len(self.words), "steps": self.steps,
            "score": self.score, "new": self.new, "parents": list(self.parents),
        }  # fmt: skip


@dataclass(frozen=True)
class CycleOutput:
    """What a cycle built: candidates, best first, and what was counted on the way."""

    candidates: tuple[Candidate, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def score(self) -> int | None:
        """The best candidate's; None without one."""
        return self.candidates[0].score if self.candidates else None


NOTHING = CycleOutput()


@dataclass(frozen=True)
class Result:
    """The outcome of a cycle; `error` is what ended it, in words, or empty."""

    seed: int
    catalyst: str
    built: CycleOutput = NOTHING
    decisions: tuple[Mapping[str, Any], ...] = ()
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Every figure by name."""
        return {
            "seed": portable(self.seed),
            "catalyst": self.catalyst,
            "score": self.built.score,
            "candidates": [candidate.as_json() for candidate in self.built.candidates],
            "metrics": dict(self.built.metrics),
            "decisions": [dict(decision) for decision in self.decisions],
            "error": self.error or None,
        }


#: Made once: `json.dumps` makes one at every call that is not of the plainest.
compact = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def to_values(result: Result) -> list[Any]:
    """A result as what JSON has words for, if its metrics and decisions are that."""
    candidates = [
        [c.words.tolist(), c.steps, c.score, c.new, c.parents] for c in result.built.candidates
    ]
    return [result.seed, result.catalyst, candidates, dict(result.built.metrics),
            [dict(decision) for decision in result.decisions], result.error]  # fmt: skip


def from_values(values: list[Any]) -> Result:
    """What `to_values` gave, also once it has been text."""
    seed, catalyst, candidates, metrics, decisions, error = values
    built = CycleOutput(
        tuple(
            Candidate(np.array(words, dtype=np.int32), steps, score, new, tuple(parents))
            for words, steps, score, new, parents in candidates
        ),
        metrics,
    )
    return Result(seed, catalyst, built, tuple(decisions), error)


def to_text(result: Result) -> str:
    """A result as JSON that `from_text` reads back."""
    return compact(to_values(result))


def from_text(text: str | bytes) -> Result:
    """What `to_text` gave."""
    return from_values(json.loads(text))
