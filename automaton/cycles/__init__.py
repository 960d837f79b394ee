"""Many seeded experiments on a frozen population.

Touches threads, processes and the clock. Must not know: the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .engine import ParallelEngine as ParallelEngine
    from .engine import replay_cycle as replay_cycle
    from .log_merge import MergeResult as MergeResult
    from .log_merge import merge as merge
    from .population_source import load_population as load_population
    from .report import EngineResult as EngineResult
else:
    __getattr__ = lazy(
        __name__,
        {
            "engine": "ParallelEngine replay_cycle",
            "log_merge": "MergeResult merge",
            "population_source": "load_population",
            "report": "EngineResult",
        },
    )

__all__ = [
    "EngineResult",
    "MergeResult",
    "ParallelEngine",
    "graph",
    "load_population",
    "merge",
    "replay_cycle",
    "results",
    "stages",
]
