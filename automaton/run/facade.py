"""The program as classes, with the names and options that the original's had.

Thin: a run with settings said in Python. `run` runs, in this thread, and returns
the closing statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

from automaton.backends import ON_CPU, DeviceRequest
from automaton.format.options import NAMES as DECIDING
from automaton.format.options import known
from automaton.run.runner import Durability, Run
from automaton.run.stats import Stats
from automaton.workers.autoscale_policy import NAMES as SETTINGS
from automaton.workers.autoscale_policy import ScalingOptions

#: Names that the original gave to options of ours.
_RENAMED = {"max_workers": "workers", "parallel_modifications": "parallel"}


class MemoryOptimizedAutomaton:
    """A log and how to run it: deciding options and settings by their names."""

    def __init__(
        self, path: str | Path, *, durability: Durability = "commit",
        wanted: DeviceRequest = ON_CPU, record: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        given = {_RENAMED.get(name, name): value for name, value in options.items()}
        unknown = sorted(given.keys() - SETTINGS - DECIDING)
        if unknown:
            known(
                unknown, SETTINGS | DECIDING | _RENAMED.keys() | {"durability", "record", "wanted"}
            )
        scaling = ScalingOptions(**{k: v for k, v in given.items() if k in SETTINGS})
        deciding = {k: v for k, v in given.items() if k in DECIDING}
        self.under_way = Run(
            path, deciding, durability=durability, wanted=wanted, scaling=scaling, record=record
        )

    def run(
        self, *, ticks: int | None = None, seconds: float | None = None, interval_ms: int = 0,
        show: Callable[[Stats], None] = lambda _stats: None,
    ) -> Stats:  # fmt: skip
        """Run until a bound is reached or `stop` is called."""
        return self.under_way.go(ticks=ticks, seconds=seconds, interval_ms=interval_ms, show=show)

    def stop(self) -> None:
        """End `run` after the tick under way."""
        self.under_way.stop()

    def stats(self) -> Stats:
        """The statistics now."""
        return self.under_way.stats()

    def close(self) -> None:
        """End the workers and give the log back."""
        self.under_way.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class ScalableAutomaton(MemoryOptimizedAutomaton):
    """The same, computed by several workers and on a GPU where one is wanted."""

    def __init__(
        self, path: str | Path, *, use_gpu: bool = False, gpu_batch_size: int | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        wanted = DeviceRequest("auto" if use_gpu else "cpu", gpu_batch_size)
        super().__init__(path, wanted=wanted, **options)


assert not SETTINGS & DECIDING, [field.name for field in fields(ScalingOptions)]
