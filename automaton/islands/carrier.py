"""Who carries islands: what every carrier offers, and the one that does it all itself.

A carrier is given tasks, one an island at a time, and says what became of them, in any
order. It may lose processes and hosts and give their tasks to others: a task can be done
again. Must not know: which epoch is due, who waits for whom.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from automaton.islands.island import EpochReport, Island, IslandHost, Task


class IslandPlace(NamedTuple):
    """Where an island is carried, for people: a host or a process, and how often it was lost."""

    name: str
    restarts: int


class Carrier(Protocol):
    """What every carrier offers."""

    def submit(self, task: Task) -> None:
        """Have a task done; its island has no other."""
        ...

    def wait(self, seconds: float) -> list[EpochReport]:
        """What became of tasks, as soon as there is something, after so long at the latest."""
        ...

    def ticks(self) -> dict[int, int]:
        """The last tick that was heard of each island under way."""
        ...

    def place(self, island: int) -> IslandPlace:
        """Where an island is."""
        ...

    def notices(self) -> list[str]:
        """What is worth saying, each once."""
        ...

    def close(self) -> None:
        """End all work after the ticks under way; logs end whole."""
        ...


class SerialCarrier:
    """All islands in this thread, one task after the other: the oracle of the others."""

    def __init__(self, make: Callable[[int], Island]) -> None:
        self._host = IslandHost(make)
        self._queue: deque[Task] = deque()

    def submit(self, task: Task) -> None:
        """Have a task done by `wait`."""
        self._queue.append(task)

    def wait(self, seconds: float) -> list[EpochReport]:
        """Do one task; without any, wait: somebody else's work may bring one."""
        if not self._queue:
            time.sleep(seconds)
            return []
        report = self._host.perform(self._queue.popleft())
        return [] if report is None else [report]

    def ticks(self) -> dict[int, int]:
        """Nothing is under way outside `wait`."""
        return {}

    def place(self, island: int) -> IslandPlace:  # noqa: ARG002  # all are here
        """This process."""
        return IslandPlace("here", 0)

    def notices(self) -> list[str]:
        """What opening logs found worth saying."""
        return self._host.notices()

    def close(self) -> None:
        """Give the logs back."""
        self._host.close()
