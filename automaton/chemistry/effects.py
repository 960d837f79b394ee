"""Effects: what an action may ask of its run beside the snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from automaton.program.definitions import Automaton
from automaton.terms.arrays import Words

#: A trial of `self-modify` must find candidates in a quarter of its reactions.
TRIALS, TRIALS_NEEDED = 64, 16


@dataclass(frozen=True)
class Effects:
    """What actions ask of the shell."""

    trial: Callable[[Automaton, Words], int]  # candidates among TRIALS reactions
    normal_form: Callable[[Words], tuple[Words | None, int]]  # under the run's budgets
    current: Callable[[str], bytes | None]  # an object's current line
    versions: Callable[[str], list[int]]  # the lines that hold its versions
    take_inbox: Callable[[], None]  # makes durable, then accepts input into the scene
    validate: Callable[[], tuple[int, int, int]]  # first tick, last tick, recomputed
