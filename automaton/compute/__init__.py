"""Batches of terms and bytes, on the CPU or the card: checked calls of kernels.

Touches the choice of device. Must not know: populations, logs, the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .budgets import Budgets as Budgets
else:
    __getattr__ = lazy(__name__, {"budgets": "Budgets"})

__all__ = [
    "Budgets",
    "answer_lines",
    "arithmetic",
    "capability",
    "church",
    "dispatch",
    "draws",
    "embeddings",
    "matching",
    "reduction",
    "selftest",
    "text_batch",
]
