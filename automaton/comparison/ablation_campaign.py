"""The runs of an ablation: a folder with a log for each, and the manifest with their heads.

Touches the disk. Must not know: what the runs are compared by, the terminal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automaton.comparison.ablation_arms import GenesisLines
from automaton.comparison.ablation_plan import AblationPlan
from automaton.format.graphs import Reading
from automaton.soups.campaign_runs import Campaign, PlannedRun


class AblationCampaign(Campaign):
    """A folder with an ablation's logs and its manifest; see `Campaign`."""

    program = "automaton.comparison.ablation_worker"
    kind = "ablation"

    def __init__(self, folder: Path, plan: AblationPlan, genesis: bytes, reading: Reading) -> None:
        self.plan = plan
        self._lines = GenesisLines(genesis, reading, [*plan.arms.values()])
        super().__init__(folder, plan, genesis)

    def begin(self, run: PlannedRun) -> None:
        """Write the genesis of the run's arm; a log that is there goes on."""
        arm = self.plan.arms[run.point["arm"]]
        self.write_genesis(run, (self._lines.of(each) for each in (arm,)))

    def task(self, run: PlannedRun) -> list[Any]:
        """The log, its options, its ticks."""
        return [str(self.path(run)), self.plan.options(run), self.plan.ticks]
