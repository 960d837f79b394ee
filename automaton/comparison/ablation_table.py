"""The table of an ablation: arm by arm and measure by measure, against the whole, in pairs.

Chances of all arms but placebos are corrected together (Holm). An arm some of whose runs
are still to be made is left out. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from automaton.comparison.ablation_arms import PLACEBOS, WHOLE
from automaton.comparison.ablation_measures import MEASURES
from automaton.comparison.ablation_plan import AblationPlan
from automaton.comparison.paired_test import compare_pairs, least_chance
from automaton.comparison.permutation_test import holm

#: Chance below which an adjusted difference is called one.
LEVEL = 0.05


@dataclass(frozen=True)
class AblationRow:
    """One measure of one arm."""

    arm: str
    measure: str
    pairs: int
    whole: float  # mean over the runs with everything on
    without: float  # mean over the arm's runs
    difference: float  # without less whole, mean over pairs
    low: float  # its 95 percent interval
    high: float
    standardised: float | None  # mean by standard deviation of the differences
    p: float  # see `paired_test`
    adjusted: float | None  # of all arms but placebos together; None: a placebo

    @property
    def differs(self) -> bool:
        """Whether the difference is more than chance, after the correction."""
        return self.adjusted is not None and self.adjusted < LEVEL

    def as_json(self) -> dict[str, Any]:
        """Every member by name."""
        return asdict(self)


COLUMNS = tuple(AblationRow.__annotations__)


def ablation_rows(plan: AblationPlan, rows: Sequence[Mapping[str, Any]]) -> list[AblationRow]:
    """All tests that the runs so far allow."""
    figures: dict[str, dict[int, Mapping[str, float]]] = {}
    done = {row["run"]: row["figures"] for row in rows}
    pairs = len(plan.runs) // len(plan.arms)
    for run in plan.runs:
        if run.number in done:
            figures.setdefault(run.point["arm"], {})[run.number % pairs] = done[run.number]
    whole = {arm for arm, own in figures.items() if len(own) == pairs}
    if WHOLE not in whole:
        return []
    arms = [arm for arm in plan.arms if arm in whole and arm != WHOLE]
    found = [
        _row(arm, measure, figures[WHOLE], figures[arm], number)
        for number, (arm, measure) in enumerate((a, m) for a in arms for m in MEASURES)
    ]
    tested = [k for k, row in enumerate(found) if row.arm not in PLACEBOS]
    for k, value in zip(tested, holm([found[k].p for k in tested]), strict=True):
        found[k] = replace(found[k], adjusted=value)
    return found


def _row(
    arm: str, measure: str, whole: Mapping[int, Mapping[str, float]],
    without: Mapping[int, Mapping[str, float]], number: int,
) -> AblationRow:  # fmt: skip
    pairs = sorted(whole)
    first = [whole[pair][measure] for pair in pairs]
    other = [without[pair][measure] for pair in pairs]
    effect = compare_pairs([b - a for a, b in zip(first, other, strict=True)], number)
    n = len(pairs)
    return AblationRow(
        arm, measure, n, math.fsum(first) / n, math.fsum(other) / n, *effect, adjusted=None
    )


def pairs_needed(tests: int) -> int:
    """Pairs from which the clearest difference stays one after correction for so many tests."""
    pairs = 2
    while least_chance(pairs) * tests >= LEVEL and pairs < 64:
        pairs += 1
    return pairs
