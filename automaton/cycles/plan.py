"""What all cycles of a call share, and one cycle alone, stage after stage.

Touches the clock, for how long a cycle took and for its deadline; results depend on it
only where a deadline passes. Must not know threads, other cycles, where results go.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automaton.cycles.catalysts import ANY, Catalyst, CatalystMatches, matches
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Cycle, Graph, failure, inputs, outcome
from automaton.cycles.results import Result
from automaton.cycles.stages import STANDARD


class DeadlineError(Exception):
    """A cycle took longer than it may."""


@dataclass(frozen=True)
class Plan:
    """What all cycles share: the branch, the graph, the catalysts and what they match."""

    branch: FrozenPopulation
    graph: Graph
    catalysts: Mapping[str, tuple[Catalyst, CatalystMatches]]
    deadline: float | None = None  # seconds

    @classmethod
    def of(
        cls, branch: FrozenPopulation, graph: Graph, texts: list[str], deadline: float | None = None
    ) -> Plan:
        """The plan for these catalysts; raises a `UsageError` for one that matches nothing."""
        named = {text: Catalyst.of(text) for text in dict.fromkeys(texts)}
        found = {text: (one, matches(branch, one)) for text, one in named.items()}
        return cls(branch, graph, found, deadline)

    def cycle(self, seed: int, text: str) -> Cycle:
        """The cycle of a seed and a catalyst."""
        catalyst, found = self.catalysts[text]
        return Cycle(self.branch, catalyst, found, seed)


@dataclass(frozen=True)
class Job:
    """A cycle that is to be run: its number, its seed, its catalyst's text."""

    number: int
    seed: int
    catalyst: str


@dataclass(frozen=True)
class FinishedCycle:
    """A cycle that is over, in seconds: all, those computed, those waited in stages that wait."""

    number: int
    result: Result
    seconds: float
    computed: float
    waited: float


def in_sequence(plan: Plan, job: Job) -> FinishedCycle:
    """Run one cycle here, stage after stage."""
    began, cpu, waited = time.perf_counter(), time.thread_time(), 0.0
    cycle, answers, name = plan.cycle(job.seed, job.catalyst), dict[str, Any](), ""
    try:
        for name in plan.graph.order:
            stage, at = plan.graph.by_name[name], time.perf_counter()
            answer = stage.work(cycle, inputs(stage, answers))
            answers[name] = asyncio.run(awaited(answer)) if stage.is_async else answer
            waited += time.perf_counter() - at if stage.elsewhere else 0.0
            in_time(plan, began, name)
        result = outcome(plan.graph, cycle, answers)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a failing cycle is a result
        result = failure(cycle, error, name)
    seconds = time.perf_counter() - began
    return FinishedCycle(job.number, result, seconds, time.thread_time() - cpu, waited)


def warm(branch: FrozenPopulation) -> None:
    """Have the kernels of the standard stages loaded before a clock starts: one cycle."""
    in_sequence(Plan.of(branch, STANDARD, [ANY]), Job(0, 0, ANY))


def in_time(plan: Plan, began: float, stage: str) -> None:
    """Raise a `DeadlineError` where a cycle has taken too long."""
    if plan.deadline is not None and time.perf_counter() - began > plan.deadline:
        raise DeadlineError(f"{plan.deadline} s passed (--deadline) in stage {stage}")


async def awaited(answer: Any) -> Any:
    """What an awaitable comes to."""
    return await answer
