"""The loop that takes an archipelago to its goal: tasks out, reports in, nothing else.

Holds no state that cannot be asked for again: it may die at any moment and be started
again. Touches the clock. Must not know: how tasks are carried, what an island computes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from automaton.islands.carrier import Carrier, IslandPlace
from automaton.islands.exchange import LOOK_S, Exchange
from automaton.islands.island import EpochReport
from automaton.islands.schedule import Schedule

#: Seconds for which reports are waited for before it is shown how things stand.
_WAIT_S = 0.25
#: Epochs whose times are remembered, of all islands, the last ones.
_REMEMBERED = 1000
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
    exchange: Exchange | None = None  # with islands that run elsewhere
    show: Callable[[list[IslandRow]], object] = lambda _rows: None
    say: Callable[[str], object] = lambda _text: None
    heads: dict[int, bytes] = field(default_factory=dict)  # chains, by island
    candidates: int = 0  # of all islands, since this began
    epoch_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _rates: dict[int, float] = field(default_factory=dict)
    _stopping: bool = False
    _serving: bool = False  # all is done here, and others may need it

    def stop(self) -> None:
        """End `go` soon; safe in a signal handler."""
        self._stopping = True

    def go(self) -> bool:
        """Work until the goal is reached; False where it was stopped before."""
        shown = 0.0
        while not self._stopping and not self._over():
            for task in self.schedule.due():
                self.carrier.submit(task)
            for report in self.carrier.wait(self._patience()):
                self._take(report)
            if self.exchange is not None:
                self.exchange.attend()
            for text in self._notices():
                self.say(text)
            if (now := time.monotonic()) - shown >= _WAIT_S:
                self.show(self.rows())
                shown = now
        self.show(self.rows())
        return self.schedule.finished

    def _notices(self) -> list[str]:
        exchanged = [] if self.exchange is None else self.exchange.notices()
        return [*self.carrier.notices(), *exchanged]

    def _over(self) -> bool:
        """Whether all is done here, and others have what they need of it."""
        if not self.schedule.finished:
            return False
        if self.exchange is None:
            return True
        if not self._serving:
            self._serving = True
            self.exchange.care()
            if not self.exchange.served:
                self.say("all is done here; islands that run elsewhere may still need some of it")
        return self.exchange.served

    def _patience(self) -> float:
        """How long reports may be waited for."""
        waits = self.exchange is not None and self.exchange.waits_for()
        return LOOK_S if waits else _WAIT_S

    def _take(self, report: EpochReport) -> None:
        self.schedule.take(report)
        if self.exchange is not None:
            self.exchange.take(report)
        self.heads[report.island] = report.head
        self.candidates += report.candidates
        if report.seconds and report.candidates:
            self.epoch_seconds.append(report.seconds)
            self._measure(report.island, report.candidates / report.seconds)

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
            for k in schedule.own
        ]  # fmt: skip
