"""The loop: snapshot, candidates, winners, one write.

Touches the clock and the gauges. Must not know: the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .facade import MemoryOptimizedAutomaton as MemoryOptimizedAutomaton
    from .facade import ScalableAutomaton as ScalableAutomaton
    from .runner import Run as Run
    from .sidecar_writer import SidecarOptions as SidecarOptions
else:
    __getattr__ = lazy(
        __name__,
        {
            "facade": "MemoryOptimizedAutomaton ScalableAutomaton",
            "runner": "Run",
            "sidecar_writer": "SidecarOptions",
        },
    )

__all__ = [
    "MemoryOptimizedAutomaton",
    "Run",
    "ScalableAutomaton",
    "SidecarOptions",
    "exposition",
    "reindex_worker",
    "stats",
    "trace",
    "warmup",
]
