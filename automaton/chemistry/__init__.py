"""One tick: who reacts, who wins, what moves, what enters.

Touches nothing outside. Must not know: files, clocks, processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .condition_answers import ConditionAnswers as ConditionAnswers
    from .world import World as World
else:
    __getattr__ = lazy(__name__, {"condition_answers": "ConditionAnswers", "world": "World"})

__all__ = [
    "ConditionAnswers",
    "World",
    "batch_replay",
    "competition",
    "decision_lines",
    "effects",
    "fold",
    "operator_trial",
    "rewriting",
    "streams",
    "tick",
    "tick_plan",
]
