"""The budgets of a reduction: steps, nodes and depth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budgets:
    """The limits of every term: beta steps, nodes of the normal form, pending arguments."""

    max_steps: int
    max_size: int
    max_depth: int
