"""The loop that takes an archipelago to its goal: tasks out, reports in, nothing else.

Holds no state that cannot be asked for again: it may die at any moment and be started
again. Touches the clock. Must not know: how tasks are carried, what an island computes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from automaton.islands.carrier import Carrier, IslandPlace
from automaton.islands.schedule import Schedule

#: Seconds for which reports are waited for before it is shown how things stand.
_WAIT_S = 0.25
#: Weight of the last epoch in an island's rate.
_FRESH = 0.5


class IslandRow(NamedTuple):
    """How one island stands, for people and programs."""

    island: int
    tick: int
    epoch: int  # that it is in, or that is next
    rate: float | None  # candidates a second of its last epochs; None: not measured
    waits_for: list[int]
    place: IslandPlace


@dataclass
class Driver:
    """An archipelago under way; `go` returns when it is where it is to be, or was stopped."""

    schedule: Schedule
    carrier: Carrier
    show: Callable[[list[IslandRow]], object] = lambda _rows: None
    say: Callable[[str], object] = lambda _text: None
    heads: dict[int, bytes] = field(default_factory=dict)  # chains, by island
    candidates: int = 0  # of all islands, since this began
    _rates: dict[int, float] = field(default_factory=dict)
    _stopping: bool = False

    def stop(self) -> None:
        """End `go` soon; safe in a signal handler."""
        self._stopping = True

    def go(self) -> bool:
        """Work until the goal is reached; False where it was stopped before."""
        shown = 0.0
        while not self._stopping and not self.schedule.finished:
            for task in self.schedule.due():
                self.carrier.submit(task)
            for report in self.carrier.wait(_WAIT_S):
                self.schedule.take(report)
                self.heads[report.island] = report.head
                self.candidates += report.candidates
                if report.seconds and report.candidates:
                    self._measure(report.island, report.candidates / report.seconds)
            for text in self.carrier.notices():
                self.say(text)
            if (now := time.monotonic()) - shown >= _WAIT_S:
                self.show(self.rows())
                shown = now
        self.show(self.rows())
        return self.schedule.finished

    def _measure(self, island: int, rate: float) -> None:
        before = self._rates.get(island, rate)
        self._rates[island] = before + _FRESH * (rate - before)

    def rows(self) -> list[IslandRow]:
        """How every island stands."""
        schedule, heard = self.schedule, self.carrier.ticks()
        ticks = {**schedule.ticks, **heard}
        busy = schedule.busy
        return [
            IslandRow(
                k, ticks.get(k, 0), schedule.archipelago.epochs_done(ticks.get(k, 0)),
                self._rates.get(k), [] if k in busy else schedule.waits_for(k),
                self.carrier.place(k),
            )
            for k in range(schedule.archipelago.count)
        ]  # fmt: skip
