"""What became of two organisations whose terms were put into one soup.

After Mathis, Patel, Weimer and Forrest (Chaos 34, 2024): how alike the merged soup's terms
are to those of each of the two, by Jaccard's index of the sets, decides between domination,
coexistence and destruction. Functions of sets of terms. Must not know: logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automaton.soups.organisation import jaccard

#: The two parts, as `type` in the genesis of a merged soup; what else it holds is of neither.
LEFT, RIGHT, BETWEEN = "left", "right", "between"
OUTCOMES = ("domination", "coexistence", "destruction")
#: The geometric mean of two similarities above which both count as being there.
ALIKE = 0.1

Terms = frozenset[bytes]
Two = tuple[float, float]  # of the left part, of the right one


@dataclass(frozen=True)
class Merger:
    """How much of two parts lives in a merged soup."""

    terms: tuple[int, int]  # different ones of each part
    shared: int  # that both parts have
    at_first: Two  # similarity of all that was put in to each part
    similarity: Two  # Jaccard's index of the terms that live and each part's
    retained: Two  # share of each part's terms that live
    outcome: str

    def as_json(self) -> dict[str, Any]:
        """The figures for programs."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in vars(self).items()}


def outcome(left: float, right: float) -> str:
    """Which of OUTCOMES two similarities, from 0 to 1, mean.

    Coexistence: their geometric mean is above ALIKE. Domination: of one part nothing is
    left, of the other something. Destruction: all else.
    """
    if left * right > ALIKE * ALIKE:
        return "coexistence"
    return "domination" if (left == 0) != (right == 0) else "destruction"


def outcome_by_left_alone(left: float, right: float) -> str:
    """The same by the rule of the authors' public notebook, which looks at one side.

    There all is domination of which the right part is gone, even where the left one is
    gone, too; domination by the right part is destruction.
    """
    if left * right > ALIKE * ALIKE:
        return "coexistence"
    return "domination" if right == 0 else "destruction"


def merger(left: Terms, right: Terms, between: Terms, living: Terms) -> Merger:
    """What became of the parts; `between`: terms that were put in beside them."""
    first = left | right | between
    similarity = jaccard(left, living), jaccard(right, living)
    return Merger(
        (len(left), len(right)), len(left & right), (jaccard(left, first), jaccard(right, first)),
        similarity, (_retained(left, living), _retained(right, living)), outcome(*similarity),
    )  # fmt: skip


def _retained(part: Terms, living: Terms) -> float:
    return len(part & living) / len(part) if part else 0.0
