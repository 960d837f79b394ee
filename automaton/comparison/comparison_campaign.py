"""The runs of a comparison: a folder with an archipelago for each, and the manifest.

Touches the disk. Must not know: what is compared, the terminal.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from automaton.comparison.comparison_plan import ComparisonPlan
from automaton.format.records import Genesis
from automaton.islands.archipelago import FILE, Archipelago, choose_island_prefix
from automaton.islands.topology import named_topology
from automaton.soups.campaign_runs import Campaign, PlannedRun


class ComparisonCampaign(Campaign):
    """A folder with a comparison's archipelagos and its manifest; see `Campaign`."""

    program = "automaton.comparison.comparison_worker"
    kind = "comparison"
    members = ("distributions",)

    def __init__(self, folder: Path, plan: ComparisonPlan, genesis: bytes) -> None:
        self.plan = plan
        self._begins = Genesis(len(genesis), hashlib.sha256(genesis).digest())
        self._prefix = choose_island_prefix(genesis)
        super().__init__(folder, plan, genesis)

    def archipelago(self, run: Any) -> Archipelago:
        """What a run is."""
        plan, point = self.plan, run.point
        return Archipelago(
            named_topology(plan.topology, point["islands"]), plan.topology, point["epoch"],
            plan.migrants, run.seed, self._begins, plan.delay, plan.options(run), self._prefix,
        )  # fmt: skip

    def begin(self, run: PlannedRun) -> None:
        """Write the islands, and last the file that says what they are."""
        folder, one = self.path(run), self.archipelago(run)
        if (folder / FILE).exists():
            return
        folder.mkdir(exist_ok=True)
        for island in range(one.count):
            (folder / one.log_name(island)).write_bytes(self.genesis)
        draft = folder / f"{FILE}.part"
        draft.write_bytes(one.lines)
        draft.rename(folder / FILE)

    def task(self, run: PlannedRun) -> list[Any]:
        """The folder, and epochs."""
        return [str(self.path(run)), self.plan.epochs(run)]  # type: ignore[arg-type]  # ours
