"""Measuring runs, and what the measurements foretell.

Touches the clock and temporary files. Must not know: the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .throughput import Rates as Rates
    from .throughput import measure_throughput as measure_throughput
    from .trials import Trial as Trial
    from .trials import TrialReport as TrialReport
    from .trials import measure_trials as measure_trials
    from .workload import Workload as Workload
else:
    __getattr__ = lazy(
        __name__,
        {
            "throughput": "Rates measure_throughput",
            "trials": "Trial TrialReport measure_trials",
            "workload": "Workload",
        },
    )

__all__ = [
    "Rates",
    "Trial",
    "TrialReport",
    "Workload",
    "measure_throughput",
    "measure_trials",
    "scaling_model",
]
