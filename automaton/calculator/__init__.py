"""Lines of terms in, lines of answers out: what `reduce` and `church` do.

Touches threads. Must not know: logs, populations, the terminal.
"""

from __future__ import annotations

__all__ = [
    "answer_lines",
    "arithmetic",
    "small_terms",
    "text_batch",
    "work_report",
]
