"""Who computes: threads, processes, shared memory, and how many of them.

Touches processes and the clock. Must not know: what is computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .cores import available_cores as available_cores
    from .cores import core_limit as core_limit
    from .pool import Pool as Pool
    from .pool import gil_enabled as gil_enabled
    from .pool import open_pool as open_pool
    from .single_task_executor import SingleTaskExecutor as SingleTaskExecutor
    from .threads import Threads as Threads
else:
    __getattr__ = lazy(
        __name__,
        {
            "single_task_executor": "SingleTaskExecutor",
            "cores": "available_cores core_limit",
            "pool": "Pool gil_enabled open_pool",
            "threads": "Threads",
        },
    )

__all__ = [
    "Pool",
    "SingleTaskExecutor",
    "Threads",
    "autoscale_policy",
    "available_cores",
    "core_limit",
    "gil_enabled",
    "memory_limits",
    "open_pool",
    "sharding",
    "spawn",
    "worker",
]
