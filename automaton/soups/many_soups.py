"""Many soups of one genesis, each under a seed of its own: a sweep without a grid.

Pure: the genesis, the logs and the clock are others'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automaton.compute import draws
from automaton.errors import UsageError
from automaton.format.options import parse_inflow
from automaton.soups.sweep_plan import MOST_RUNS, SweepPlan, SweepRun, refuse

#: Collisions that a commit seals at most, where nobody says how many.
USUAL_COMMIT = 10_000
_SHORTEST = 100  # a commit with fewer is not made unasked


def many_soups(
    log: str, soups: int, collisions: int, seed: int, given: Mapping[str, Any]
) -> SweepPlan:
    """The plan of so many soups of so many collisions; what cannot be is a `UsageError`.

    given: deciding options; `parallel` is how many collisions a commit seals, where it is
    missing the largest number up to USUAL_COMMIT that divides what there is.
    """
    if soups > MOST_RUNS:
        raise UsageError(f"--soups {soups}: at most {MOST_RUNS:,} are run at a time")
    settings = {"updating": "sequential", **given}
    inflow = parse_inflow(settings.get("inflow", "none"))
    settings.setdefault("parallel", _commit(collisions, inflow.every if inflow else collisions))
    every = settings["parallel"]
    if collisions % every:
        raise UsageError(
            f"--collisions {collisions} is no multiple of --every {every}, the collisions of a "
            "commit"
        )
    runs = tuple(SweepRun(k, {}, soup_seed(seed, k)) for k in range(soups))
    plan = SweepPlan(log, collisions // every, settings, runs)
    refuse(plan.options(runs[0]))
    return plan


def soup_seed(seed: int, number: int) -> int:
    """The seed of a soup: two words of the purpose `spread`, so that soups share no draw."""
    low, high, *_ = draws.words(seed, 0, number, draws.SPREAD).tolist()
    return int(high << 32 | low)


def _commit(collisions: int, every: int) -> int:
    found = max(
        n for n in range(1, min(collisions, USUAL_COMMIT) + 1)
        if collisions % n == 0 and every % n == 0
    )  # fmt: skip
    if found < min(_SHORTEST, collisions, every):
        raise UsageError(
            f"--collisions {collisions} is cut into commits of {found}; give a rounder number, or "
            "--every N, the collisions of a commit"
        )
    return found
