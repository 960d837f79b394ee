"""The storage engine: one writer, many readers, nothing ever edited in place.

Touches the disk. Must not know: what lines mean to a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .audit import AuditedLog as AuditedLog
    from .follower import LogFollower as LogFollower
    from .reader import LogReader as LogReader
    from .segments.segmented_log import Log as Log
else:
    __getattr__ = lazy(
        __name__,
        {
            "audit": "AuditedLog",
            "follower": "LogFollower",
            "reader": "LogReader",
            "segments.segmented_log": "Log",
        },
    )

__all__ = [
    "AuditedLog",
    "Log",
    "LogFollower",
    "LogReader",
    "file_io",
    "integrity",
    "omission",
    "prefix_hash",
    "segments",
    "side_files",
]
