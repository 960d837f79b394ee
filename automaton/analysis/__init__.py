"""Read-only questions about a log.

Touches an opened log, read only. Must not know: appending, the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .check import check_log as check_log
else:
    __getattr__ = lazy(
        __name__,
        {
            "check": "check_log",
        },
    )

__all__ = [
    "check_log",
    "check_report",
    "explanation",
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
