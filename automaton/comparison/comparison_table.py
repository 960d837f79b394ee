"""The table of a comparison: factor by factor and measure by measure, with its placebos.

A level of a factor is held against the factor's first one, in every stratum of the other
factors in which there are both; no run is in two strata of a test. Distances are total
variation, from 0 to 1; of the diversity doublings. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from automaton.comparison.comparison_plan import CASE, FACTORS, PLACEBO, ComparisonPlan
from automaton.comparison.permutation_test import Stratum, compare, holm
from automaton.comparison.run_distributions import MEASURES, SCALAR
from automaton.terms.arrays import Floats

Row = Mapping[str, Any]  # of a manifest


@dataclass(frozen=True)
class ComparisonRow:
    """One measure of one comparison."""

    measure: str
    factor: str  # or "placebo"
    level: str
    against: str
    runs: int  # of both groups
    strata: int
    shift: float  # distance between the groups' means, mean over strata
    excess: float  # see `permutation_test`
    low: float
    high: float
    p: float
    adjusted: float | None  # of all comparisons but placebos together; None: a placebo

    def as_json(self) -> dict[str, Any]:
        """Every member by name."""
        return asdict(self)


Groups = list[tuple[list[Row], list[Row]]]  # by stratum: the first level's runs, the other's


def comparison_rows(plan: ComparisonPlan, rows: Sequence[Row]) -> list[ComparisonRow]:
    """All tests; a measure that is the same in all runs is left out."""
    compared = [*_by_factor(plan, rows), *_placebos(rows)]
    found: list[ComparisonRow] = []
    for measure in MEASURES:
        if not _varies(rows, measure):
            continue
        for name, groups in compared:
            found.append(_tested(measure, name, groups, plan.permutations, len(found)))
    tested = [k for k, row in enumerate(found) if row.factor != PLACEBO]
    for k, value in zip(tested, holm([found[k].p for k in tested]), strict=True):
        found[k] = ComparisonRow(**{**asdict(found[k]), "adjusted": value})
    return found


def unvaried(rows: Sequence[Row]) -> list[str]:
    """The measures that are the same in all runs, or that nothing was counted for."""
    return [measure for measure in MEASURES if not _varies(rows, measure)]


def means(rows: Sequence[Row], measure: str) -> dict[str, dict[str, float]]:
    """By case: the mean share of each category; of the diversity its mean."""
    cases: dict[str, list[Row]] = {}
    for row in rows:
        cases.setdefault(case_name(row), []).append(row)
    names, every = _vectors(rows, measure)
    place = {id(row): k for k, row in enumerate(rows)}
    return {
        case: dict(
            zip(names, every[[place[id(row)] for row in own]].mean(axis=0).tolist(), strict=True)
        )
        for case, own in cases.items()
    }


def case_name(row: Row) -> str:
    """A case in words."""
    point = row["settings"]
    said = ", ".join(f"{name} {point[name]}" for name in FACTORS)
    return said if point["arm"] == CASE else f"{said} (placebo)"


# Who is compared with whom.


def _by_factor(
    plan: ComparisonPlan, rows: Sequence[Row]
) -> list[tuple[tuple[str, str, str], Groups]]:
    cases: dict[tuple[int, ...], list[Row]] = {}
    for row in rows:
        if row["settings"]["arm"] == CASE:
            key = tuple(row["settings"][name] for name in FACTORS)
            cases.setdefault(key, []).append(row)
    found = []
    for at, factor in enumerate(FACTORS):
        first, *others = plan.levels[factor]
        for level in others:
            groups: Groups = []
            for key, own in cases.items():
                if key[at] != level:
                    continue
                other = (*key[:at], first, *key[at + 1 :])
                if other in cases:  # an island alone has one length of epochs only
                    groups.append((cases[other], own))
            if groups:
                found.append(((factor, str(level), str(first)), groups))
    return found


def _placebos(rows: Sequence[Row]) -> list[tuple[tuple[str, str, str], Groups]]:
    """Cases that were run again with other seeds, against themselves."""
    found: dict[str, tuple[list[Row], list[Row]]] = {}
    for row in rows:
        if row["settings"]["arm"] == PLACEBO:
            said = case_name(row).removesuffix(" (placebo)")
            own = [r for r in rows if case_name(r) == said]
            found.setdefault(said, (own, []))[1].append(row)
    return [((PLACEBO, said, "the same"), [groups]) for said, groups in found.items()]


# A test.


def _tested(
    measure: str, name: tuple[str, str, str], groups: Groups, permutations: int, seed: int
) -> ComparisonRow:
    strata, shifts, runs = [], [], dict[int, Row]()
    for first, other in groups:
        every = [*first, *other]
        runs.update((row["run"], row) for row in every)
        _, vectors = _vectors(every, measure)
        distances = _distances(vectors, measure)
        strata.append(Stratum(distances, len(first)))
        centres = np.stack([vectors[: len(first)].mean(axis=0), vectors[len(first) :].mean(axis=0)])
        shifts.append(float(_distances(centres, measure)[0, 1]))
    # Streams of random numbers of different tests have nothing in common.
    effect = compare(strata, permutations, seed << 16)
    return ComparisonRow(
        measure, *name, len(runs), len(strata), float(np.mean(shifts)), *effect, None
    )


def _vectors(rows: Sequence[Row], measure: str) -> tuple[list[str], Floats]:
    """Categories, and the share of each by run; of the diversity the logarithm's base is 2."""
    found = [row["distributions"][measure] for row in rows]
    names = sorted({name for counts in found for name in counts}, key=_order)
    values = np.array([[counts.get(name, 0) for name in names] for counts in found], np.float64)
    values = values.reshape(len(rows), len(names))
    if measure != SCALAR:
        values /= np.maximum(values.sum(axis=1, keepdims=True), 1e-300)
    return names, values


def _order(name: str) -> tuple[float, str]:
    return (float(name), "") if name.isdecimal() else (np.inf, name)


def _distances(vectors: Floats, measure: str) -> Floats:
    """Between all pairs of runs: total variation, or doublings."""
    if measure == SCALAR:
        vectors = np.log2(vectors)
    apart: Floats = np.abs(vectors[:, None] - vectors[None]).sum(axis=2)
    return apart if measure == SCALAR else apart / 2


def _varies(rows: Sequence[Row], measure: str) -> bool:
    """Whether runs differ at all in a measure."""
    _, values = _vectors(rows, measure)
    return bool(values.size) and bool((values != values[0]).any())
