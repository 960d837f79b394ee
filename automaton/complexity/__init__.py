"""Measures of evolving systems that others define, over the terms of a log.

Functions of counts, series, bytes and texts; one module reads an opened log. Each measure
is in docs/measures.md with its formula and its source. Must not know: the terminal, files.
"""

from __future__ import annotations

__all__ = [
    "activity",
    "assembly_bounds",
    "higher_order_entropy",
    "neutral_shadow",
    "open_endedness",
    "ordinal_patterns",
    "species_history",
    "species_reader",
]
