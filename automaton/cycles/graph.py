"""A cycle: stages with declared inputs, a graph of them, and the result that they come to.

A result is a function of (branch, catalyst, seed, graph): no clock, no file, no shared
state. What the standard stages do is `automaton.cycles.stages`; on which threads a graph
runs, `automaton.cycles.thread_executor`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from automaton.cycles.catalysts import Catalyst, CatalystMatches
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.results import NOTHING, CycleOutput, Result
from automaton.errors import UsageError
from kernels import cpu
from kernels.experiments import gather

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Cycle:
    """What a stage may look at: the branch, the catalyst and what it matches, the seed."""

    branch: FrozenPopulation
    catalyst: Catalyst
    matches: CatalystMatches
    seed: int

    def draws(self, stage: str, count: int, bound: int) -> npt.NDArray[np.int64]:
        """`count` draws of a stage, each from 0 to bound-1; the same for the same seed."""
        found = np.empty(count, dtype=np.int64)
        cpu.held(gather.drawn)(
            np.uint64(self.seed), number_of(stage), np.uint64(bound), found
        )  # fmt: skip
        return found


def number_of(stage: str) -> np.uint64:
    """What stands for a stage's name in the counter of its draws."""
    return np.uint64(crc32(stage.encode()))


@dataclass(frozen=True)
class StageOutput:
    """What a stage answers where it has a decision to tell beside its value."""

    value: Any
    decision: Mapping[str, Any]


Work = Callable[[Cycle, Values], Any | Awaitable[Any]]


@dataclass(frozen=True)
class Stage:
    """A plain function (cycle, {input: value}) -> value, or StageOutput; `async def` if it waits.

    `needs`: the stages whose values it is given. `waits`: it waits for something
    outside, so that it must not occupy a thread that computes.
    """

    name: str
    work: Work
    needs: tuple[str, ...] = ()
    waits: bool = False

    @cached_property
    def is_async(self) -> bool:
        """Whether it waits on an event loop."""
        return inspect.iscoroutinefunction(self.work)

    @cached_property
    def elsewhere(self) -> bool:
        """Whether it waits, so that no thread that computes may run it."""
        return self.waits or self.is_async


@dataclass(frozen=True)
class Graph:
    """Stages by their inputs; `result` names the one whose value is a `Built`."""

    stages: tuple[Stage, ...]
    result: str = "build"
    by_name: Mapping[str, Stage] = field(init=False, repr=False, compare=False)
    order: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = {stage.name: stage for stage in self.stages}
        if len(names) != len(self.stages):
            raise UsageError("two stages of a graph have the same name; give each its own")
        for stage in self.stages:
            unknown = sorted(set(stage.needs) - names.keys())
            if unknown:
                raise UsageError(f"stage {stage.name!r} needs {unknown[0]!r}, which is no stage")
        if names and self.result not in names:
            raise UsageError(f"a graph's result is {self.result!r}, which is none of its stages")
        object.__setattr__(self, "by_name", names)
        try:
            object.__setattr__(self, "order", tuple(self.sorter().static_order()))
        except CycleError as error:
            raise UsageError(f"stages need each other: {' -> '.join(error.args[1])}") from None

    def sorter(self) -> TopologicalSorter[str]:
        """The stages' names as the standard library sorts them, not yet prepared."""
        return TopologicalSorter({stage.name: stage.needs for stage in self.stages})

    def plus(self, stage: Stage, feeds: str | None = None) -> Graph:
        """This graph with one more stage, whose value another stage is given too."""
        if feeds is not None and feeds not in self.by_name:
            raise UsageError(f"stage {stage.name!r} feeds {feeds!r}, which is no stage")
        stages = tuple(
            replace(old, needs=(*old.needs, stage.name)) if old.name == feeds else old
            for old in self.stages
        )
        return replace(self, stages=(*stages, stage))

    @property
    def waits(self) -> bool:
        """Whether some stage waits for something outside."""
        return any(stage.elsewhere for stage in self.stages)


def outcome(graph: Graph, cycle: Cycle, answers: Values) -> Result:
    """The result of stages that have all answered."""
    built = value_of(answers[graph.result]) if graph.result in answers else NOTHING
    told = tuple(_decisions(graph, answers))
    return Result(
        cycle.seed, str(cycle.catalyst), built if isinstance(built, CycleOutput) else NOTHING, told
    )


def _decisions(graph: Graph, answers: Values) -> Iterator[Mapping[str, Any]]:
    for stage in graph.stages:
        answer = answers[stage.name]
        if isinstance(answer, StageOutput):
            yield {"stage": stage.name, **answer.decision}


def value_of(answer: Any) -> Any:
    """What other stages see of an answer."""
    return answer.value if isinstance(answer, StageOutput) else answer


def failure(cycle: Cycle, error: BaseException, stage: str = "") -> Result:
    """The result of a cycle that ended with an exception."""
    where = f"{stage}: " if stage else ""
    return Result(
        cycle.seed, str(cycle.catalyst), error=f"{where}{type(error).__name__}: {error}"[:500]
    )


def inputs(stage: Stage, answers: Values) -> dict[str, Any]:
    """What a stage is given."""
    return {name: value_of(answers[name]) for name in stage.needs}


# Between processes: text, since nothing may be pickled.
