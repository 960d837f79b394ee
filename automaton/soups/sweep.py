"""A sweep as a campaign: a log for each of its runs, kept or not.

Touches the disk. Must not know: how runs come to processes, the terminal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automaton.soups.campaign_runs import Campaign, PlannedRun
from automaton.soups.sweep_plan import SweepPlan


class Sweep(Campaign):
    """A folder with a sweep's logs and its manifest."""

    program = "automaton.soups.sweep_worker"
    kind = "sweep"

    def __init__(self, folder: Path, plan: SweepPlan, genesis: bytes) -> None:
        self.plan = plan
        super().__init__(folder, plan, genesis)

    def begin(self, run: PlannedRun) -> None:
        """Write the genesis, whole or not at all; a log that is there goes on."""
        recipe = self.plan.recipe_of(run)
        self.write_genesis(run, [self.genesis] if recipe is None else recipe.lines(run.seed))

    def task(self, run: PlannedRun) -> list[Any]:
        """The log, its options, its ticks, the terms that are counted."""
        plan = self.plan
        return [str(self.path(run)), plan.options(run), plan.ticks, plan.counted]

    def finish(self, run: PlannedRun) -> None:
        """Remove a log that its recipe, seed and head stand for, and what is beside it."""
        if not self.plan.keep_logs:
            self.remove(run)
