"""Pairs of soups that are merged: their logs read, their runs in processes.

Touches logs and the disk. Must not know: the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from automaton.analysis.snapshot import world_at
from automaton.chemistry import World
from automaton.log import Log
from automaton.soups.campaign_runs import Campaign, PlannedRun
from automaton.soups.collision_table import collisions
from automaton.soups.living_terms import LivingTerms, collision_law, living_terms
from automaton.soups.organisation import self_maintaining_core
from automaton.soups.pair_plan import COMMON, PairPlan, SoupPart
from automaton.terms.notation import format_term

#: The most frequent terms of a log that are collided with each other.
_MOST = 2000


def parts_of(logs: Iterable[Path], threads: int = 1) -> list[SoupPart]:
    """What lives in each log after its last tick, and how much of it maintains itself."""
    found = []
    for path in logs:
        with Log.open(path, write=False) as log:
            world = world_at(log, len(log.commits))
            living = living_terms(world)
            options = asdict(world.options)
            counts = zip(map(format_term, living.terms), living.counts, strict=True)
            found.append(
                SoupPart(str(path), log.head.hex(), {name: options[name] for name in COMMON},
                     tuple(counts), maintained_share(world, living, threads))
            )  # fmt: skip
    return found


def maintained_share(world: World, living: LivingTerms, threads: int = 1) -> float:
    """The share of a soup's objects whose terms make each other, without copy actions."""
    if not living.terms:
        return 0.0
    terms = living.terms[:_MOST]
    products = collisions(terms, collision_law(world), threads).products
    core = self_maintaining_core(products, copies=False)
    kept = sum(count for count, is_in in zip(living.counts, core.tolist(), strict=False) if is_in)
    return kept / sum(living.counts)


class PairCampaign(Campaign):
    """A folder with merged soups and their manifest."""

    program = "automaton.soups.pair_worker"
    kind = "pairs"
    members = ("figures", "merger")

    def __init__(self, folder: Path, plan: PairPlan) -> None:
        self.plan = plan
        super().__init__(folder, plan, b"")

    def begin(self, run: PlannedRun) -> None:
        """Write the genesis, whole or not at all; a log that is there goes on."""
        self.write_genesis(run, self.plan.lines(self.plan.runs[run.number]))

    def task(self, run: PlannedRun) -> list[Any]:
        """The log, its options, its ticks."""
        options = self.plan.options(self.plan.runs[run.number])
        return [str(self.path(run)), options, self.plan.ticks]

    def finish(self, run: PlannedRun) -> None:
        """Remove a log that its parts, seed and head stand for, and what is beside it."""
        if not self.plan.keep_logs:
            self.remove(run)
