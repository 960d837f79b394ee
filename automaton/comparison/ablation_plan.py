"""What an ablation runs: the whole, each thing off in turn, and placebos, under the same seeds.

Runs of one seed are a pair: the whole, and an arm. A placebo has a seed for each of the
whole's, or the same seeds and a change that nothing reads. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from automaton.comparison.ablation_arms import LABEL, PLACEBOS, SEEDS, WHOLE, Arm
from automaton.errors import UsageError, closest
from automaton.format.options import Options
from automaton.soups.sweep_plan import MOST_RUNS, SweepRun, digest_of

#: Fewer pairs cannot be told from chance after the correction for the usual number of tests.
USUAL_SEEDS = 12
FEWEST_SEEDS = 3
_OWN = ("seed", "graph", "archipelago", "island")  # of a run, or of its genesis


@dataclass(frozen=True)
class AblationPlan:
    """The runs of an ablation."""

    log: str  # whose genesis is taken
    ticks: int  # of each run
    settings: dict[str, Any]  # deciding options of the whole
    arms: dict[str, Arm]  # by name, those that run
    runs: tuple[SweepRun, ...]

    def options(self, run: Any) -> dict[str, Any]:
        """The deciding options of a run."""
        return {**self.settings, **self.arms[run.point["arm"]].settings, "seed": run.seed}

    def said(self) -> dict[str, Any]:
        """What the manifest's first line says of it."""
        arms = {arm.name: {"settings": arm.settings, "off": arm.identity}
                for arm in self.arms.values()}  # fmt: skip
        return {
            "log": self.log, "ticks": self.ticks, "settings": self.settings, "arms": arms,
            "runs": len(self.runs),
        }  # fmt: skip

    def digest(self, genesis: bytes) -> str:
        """SHA-256, in hex, of all that decides the runs' bytes; `genesis` is that of the log."""
        return digest_of(self.said(), self.runs, genesis)

    def chosen(self, patterns: Sequence[str]) -> set[int]:
        """Numbers of the runs of arms that a pattern names; with them the whole, and placebos."""
        names = {WHOLE, *PLACEBOS, *chosen_names([*self.arms], patterns)}
        return {run.number for run in self.runs if run.point["arm"] in names}


def ablation_plan(  # noqa: PLR0913, PLR0917 - what an ablation is
    log: str, ticks: int, seeds: int, first: int, options: Options, arms: Sequence[Arm]
) -> AblationPlan:
    """The plan of so many ticks under so many seeds; what cannot be is a `UsageError`."""
    if seeds < FEWEST_SEEDS:
        raise UsageError(f"--seeds {seeds}: an ablation needs {FEWEST_SEEDS} pairs at least")
    settings = {
        name: value for name, value in options.record().items()
        if value is not None and name not in _OWN
    }  # fmt: skip
    off = [arm for arm in arms if not arm.idle]
    if not off:
        raise UsageError(
            f"{log}: nothing of this program can be off: no stream, rule or veto makes a "
            "difference in it (`ablate LOG --list` says why); give --streams all, or a log with "
            "rules"
        )
    every = [Arm(WHOLE, "", {}), *off, Arm(LABEL, "", {}), Arm(SEEDS, "", {})]
    if len(every) * seeds > MOST_RUNS:
        raise UsageError(f"{len(every)} arms times {seeds} seeds are more than {MOST_RUNS:,} runs")
    Options(seed=first + 2 * seeds - 1)  # says what cannot be
    runs = [
        SweepRun(k * seeds + n, {"arm": arm.name}, first + n + seeds * (arm.name == SEEDS))
        for k, arm in enumerate(every)
        for n in range(seeds)
    ]
    return AblationPlan(log, ticks, settings, {arm.name: arm for arm in every}, tuple(runs))


def chosen_names(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The names that a pattern, such as veto:*, means; one that means none is a `UsageError`."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            known = ", ".join(names)
            raise UsageError(
                f"--only {pattern}: nothing of that name can be off{closest(pattern, names)} "
                f"(there are {known})"
            )
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
