"""What a line says: objects, records, ids, options, the machine's state.

Touches nothing outside. Must not know: terms' meanings, files, who runs.
"""

from __future__ import annotations

__all__ = [
    "admission",
    "documents",
    "graphs",
    "ids",
    "json_edit",
    "machine_state",
    "objects",
    "options",
    "records",
    "stream_options",
    "versions",
    "winner_lines",
]
