"""Effects: what a tick may ask of whoever computes it, beside the snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from automaton.backends.workspace import TRIALS
from automaton.format.objects import NamedObject
from automaton.program.definitions import Automaton
from automaton.terms.arrays import Words

#: A trial of `self-modify` must find candidates in a quarter of its reactions.
TRIALS_NEEDED = TRIALS // 4


class AcceptedInput(NamedTuple):
    """Input that a tick takes in: objects, and the lines that hold them."""

    found: list[NamedObject]
    lines: list[bytes]


@dataclass(frozen=True)
class Effects:
    """What actions ask of the shell, and what is asked of it before and after them."""

    trial: Callable[[Automaton, Words], int]  # candidates among TRIALS reactions
    normal_form: Callable[[Words], tuple[Words | None, int]]  # under the run's budgets
    current: Callable[[str], bytes | None]  # an object's current line
    versions: Callable[[str], list[int]]  # the lines that hold its versions
    take_inbox: Callable[[], None]  # makes durable, then accepts input into the scene
    validate: Callable[[], tuple[int, int, int]]  # first tick, last tick, recomputed
    file_exists: Callable[[], bool]  # whether the pinned genesis is in place
    accepted: Callable[[], AcceptedInput]  # all input of the tick, once its actions are done
