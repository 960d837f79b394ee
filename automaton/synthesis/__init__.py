"""Searching for terms that solve a problem.

Touches threads. Must not know: files, the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .baseline import Baseline as Baseline
    from .baseline import enumerate_baseline as enumerate_baseline
    from .components import ComponentLibrary as ComponentLibrary
    from .portfolio import SearchPortfolio as SearchPortfolio
    from .portfolio import Settings as Settings
    from .problem import Problem as Problem
    from .problem_catalog import parse_problem as parse_problem
    from .solution import Solution as Solution
else:
    __getattr__ = lazy(
        __name__,
        {
            "baseline": "Baseline enumerate_baseline",
            "components": "ComponentLibrary",
            "portfolio": "SearchPortfolio Settings",
            "problem": "Problem",
            "problem_catalog": "parse_problem",
            "solution": "Solution",
        },
    )

__all__ = [
    "Baseline",
    "ComponentLibrary",
    "Problem",
    "SearchPortfolio",
    "Settings",
    "Solution",
    "enumerate_baseline",
    "parse_problem",
]
