"""Read-only questions about a log.

Touches an opened log, read only. Must not know: appending, the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .check import check_log as check_log
    from .explanation import explain as explain
else:
    __getattr__ = lazy(
        __name__,
        {
            "check": "check_log",
            "explanation": "explain",
        },
    )

__all__ = [
    "check_log",
    "check_report",
    "explain",
    "figures",
    "kinship_model",
    "lineage",
    "log_difference",
    "population_series",
    "query",
    "series",
    "snapshot",
    "tick_report",
]
