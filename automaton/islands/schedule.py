"""Which island may do which epoch next, and what it waits for. Values in, values out.

An island does its epochs in order; one begins when the emigrants of the epoch of departure
are known of every island that sends to it. What is known is held until all who receive it
are past it, and asked for again where it was not held. Of islands that run elsewhere, only
what leaves them is known, once it was brought. Must not know: processes, logs, transports.
"""

from __future__ import annotations

from collections.abc import Iterable

from automaton.islands.archipelago import Archipelago
from automaton.islands.island import ASK, EpochReport, Task
from automaton.islands.topology import targets_of

ENDLESS = 1 << 62  # epochs of who goes on until it is stopped
Departure = tuple[int, int]  # island and epoch


class Schedule:
    """The epochs of an archipelago from where its islands are up to a goal."""

    def __init__(
        self, archipelago: Archipelago, epochs: int | None, until: int | None,
        own: Iterable[int] | None = None,
    ) -> None:  # fmt: skip
        """`epochs` more than the slowest island has, or `until` each has so many; else no end.

        own: the islands that run here (None: all).
        """
        self.archipelago, self._epochs, self.goal = archipelago, epochs, until
        self.own = sorted(set(range(archipelago.count) if own is None else own))
        self.ticks: dict[int, int] = {}  # by island of this place, once it said so
        self._here = frozenset(self.own)
        self._all_targets = targets_of(archipelago.sources)
        self._targets = [[k for k in each if k in self._here] for each in self._all_targets]
        self._again: dict[int, list[int]] = {}  # epochs that are wanted elsewhere, by island
        self._known: dict[Departure, tuple[bytes, ...]] = {}
        self._busy: dict[int, Task] = {}

    def done(self, island: int) -> int:
        """How many epochs an island has behind it; 0 while that is not known."""
        return self.archipelago.epochs_done(self.ticks.get(island, 0))

    @property
    def finished(self) -> bool:
        """Whether every island is where it is to be, and nobody is at work."""
        return (
            self.goal is not None
            and not self._busy
            and all(self.done(island) >= self.goal for island in self.own)
        )

    def due(self) -> list[Task]:
        """The tasks that can be begun now; they count as begun."""
        tasks = [task for k in self.own if (task := self._next(k)) is not None]
        self._busy.update((task.island, task) for task in tasks)
        return tasks

    def _next(self, island: int) -> Task | None:
        if island in self._busy:
            return None
        if island not in self.ticks:
            return Task(island, ASK)
        if self.goal is None:
            return None
        wanted = self._wanted(island)
        if wanted is None and self._again.get(island):
            wanted = self._again[island].pop(0)
        if wanted is not None:
            return Task(island, wanted)
        epoch = self.done(island)
        if epoch >= self.goal or self.waits_for(island):
            return None
        return Task(island, epoch, self._inbound(island, epoch))

    def _wanted(self, island: int) -> int | None:
        """An epoch behind this island whose emigrants somebody waits for."""
        assert self.goal is not None
        for target in self._targets[island]:
            epoch = self.archipelago.departure(self.done(target))
            idle = target not in self._busy and target in self.ticks
            if not idle or self.done(target) >= self.goal or self._past_arrival(target):
                continue
            if 0 <= epoch < self.done(island) and (island, epoch) not in self._known:
                return epoch
        return None

    def _past_arrival(self, island: int) -> bool:
        """Whether an island has begun its epoch, and so has taken the migrants in."""
        return self.ticks[island] % self.archipelago.epoch != 0

    def waits_for(self, island: int) -> list[int]:
        """The islands whose emigrants its next epoch begins with and that are not known."""
        if island not in self.ticks or self._past_arrival(island):
            return []
        epoch = self.archipelago.departure(self.done(island))
        sources = self.archipelago.sources[island] if epoch >= 0 else ()
        return [source for source in sources if (source, epoch) not in self._known]

    def _inbound(self, island: int, epoch: int) -> tuple[bytes, ...] | None:
        """The lines that an epoch begins with, by source, then by rank; None: it has begun."""
        if self._past_arrival(island):
            return None
        left = self.archipelago.departure(epoch)
        if left < 0:
            return ()
        sources: Iterable[int] = self.archipelago.sources[island]
        return tuple(line for source in sources for line in self._known[source, left])

    def take(self, report: EpochReport) -> None:
        """Enter what became of a task."""
        self._busy.pop(report.island, None)
        self.ticks[report.island] = report.tick
        if report.epoch != ASK and self._targets[report.island]:
            self._known[report.island, report.epoch] = report.lines
        if self.goal is None and len(self.ticks) == len(self.own):
            least = min(self.done(k) for k in self.own)
            self.goal = ENDLESS if self._epochs is None else least + self._epochs
        self._forget(report.island)

    def _forget(self, island: int) -> None:
        """Drop what everybody who receives it is past."""
        for source in (*self.archipelago.sources[island], island):
            needed = min(
                (self.archipelago.departure(self.done(k)) for k in self._targets[source]),
                default=0,
            )
            for known in [at for at in self._known if at[0] == source and at[1] < needed]:
                del self._known[known]

    # Islands that run elsewhere.

    def targets_elsewhere(self, island: int) -> list[int]:
        """The islands of other places that receive from one of this place."""
        return [k for k in self._all_targets[island] if k not in self._here]

    def missing(self) -> list[Departure]:
        """What islands of this place wait for and only other places can bring."""
        found = {
            (source, self.archipelago.departure(self.done(island)))
            for island in self.own
            if island not in self._busy and not self._at_goal(island)
            for source in self.waits_for(island)
            if source not in self._here
        }
        return sorted(found)

    def _at_goal(self, island: int) -> bool:
        return self.goal is not None and self.done(island) >= self.goal

    def deliver(self, source: int, epoch: int, lines: tuple[bytes, ...]) -> None:
        """Enter what was brought of an island that runs elsewhere."""
        self._known[source, epoch] = lines

    def ask_again(self, island: int, epochs: Iterable[int]) -> None:
        """Have epochs behind an island reported once more, for others miss them."""
        waiting = self._again.setdefault(island, [])
        busy = self._busy.get(island)
        under_way = {busy.epoch} if busy else set()
        done = range(self.done(island))
        waiting += [e for e in epochs if e in done and e not in {*waiting, *under_way}]

    @property
    def asked_again(self) -> bool:
        """Whether epochs are to be reported once more."""
        return any(self._again.values())

    def wants(self) -> dict[tuple[int, int], int]:
        """By island of this place and source: the first epoch that is still needed of it.

        Sources of this place too, for they may run elsewhere as well.
        """
        return {
            (island, source): self._first_needed(island)
            for island in self.own
            if island in self.ticks
            for source in self.archipelago.sources[island]
        }

    def _first_needed(self, island: int) -> int:
        due = self.archipelago.departure(self.done(island))
        return max(0, due + self._past_arrival(island))

    @property
    def busy(self) -> dict[int, Task]:
        """The tasks under way, by island."""
        return dict(self._busy)
