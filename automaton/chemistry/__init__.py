"""One tick: who reacts, who wins, what moves, what enters.

Touches nothing outside. Must not know: files, clocks, processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .batch_replay import read_winners as read_winners
    from .batch_replay import replay_batch as replay_batch
    from .condition_answers import ConditionAnswers as ConditionAnswers
    from .decision_lines import decision_line as decision_line
    from .decision_lines import decision_rows as decision_rows
    from .world import ActionLine as ActionLine
    from .world import World as World
else:
    __getattr__ = lazy(
        __name__,
        {
            "batch_replay": "read_winners replay_batch",
            "condition_answers": "ConditionAnswers",
            "decision_lines": "decision_line decision_rows",
            "world": "ActionLine World",
        },
    )

__all__ = [
    "ActionLine",
    "ConditionAnswers",
    "World",
    "competition",
    "decision_line",
    "decision_rows",
    "effects",
    "machine_step",
    "read_winners",
    "replay_batch",
    "rewriting",
    "streams",
]
