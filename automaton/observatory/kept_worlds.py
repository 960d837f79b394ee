"""Snapshots of a log that are kept, so that the state after any tick is near.

Lives here: folding forward from the nearest one, which ones are kept, how much memory
they may have. Reads an opened log. Must not know: who asks, what is shown.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

from automaton.analysis.snapshot import World
from automaton.errors import UsageError
from automaton.log import AuditedLog
from automaton.log.side_files import checkpoint
from automaton.replay.recompute import TickRecomputer, open_cpu
from automaton.replay.restore import recomputer

#: Bytes that kept snapshots may have together.
MOST_BYTES = 64 << 20


class KeptWorlds:
    """Snapshots by tick. One thread at a time asks."""

    def __init__(self, log: AuditedLog) -> None:
        self._log = log
        self._kept: dict[int, World] = {}
        self._front: TickRecomputer | None = None  # what was asked for last, to go on from
        self._sweep: TickRecomputer | None = None  # from the genesis, to keep snapshots
        self.spent = 0.0  # seconds of folding since a snapshot was kept

    def at(self, tick: int, progress: Callable[[int], object] = lambda _: None) -> World:
        """The snapshot after a tick (0: the genesis), to be read before the next is asked for."""
        last = len(self._log.commits)
        if not 0 <= tick <= last:
            raise UsageError(f"there is no tick {tick}; the last is {last}")
        front = self._front
        best = max((known for known in self._kept if known <= tick), default=-1)
        if front is None or not best <= front.done <= tick:
            if front is not None:
                front.close()
            self._front = front = self._from(best, tick)
        front.run_to(tick, progress)
        return front.world

    def _from(self, best: int, tick: int) -> TickRecomputer:
        """A snapshot that goes forward, from the nearest before a tick."""
        stored = checkpoint.read(self._log.path)
        if stored is not None and best < stored.tick <= tick:
            return recomputer(self._log, stored)
        if best < 0:
            return recomputer(self._log)
        return TickRecomputer(self._log, _copy(self._kept[best]), open_cpu, best)

    def distance(self, tick: int) -> int:
        """Bytes of batches that lie between the nearest snapshot before a tick and that tick."""
        known = [at for at in self._kept if at < tick]
        if self._front is not None and self._front.done < tick:
            known.append(self._front.done)
        end, nearest = self._log.commits.end, max(known, default=0)
        begin = int(end[nearest - 1]) if nearest else self._log.genesis.bytes
        return int(end[tick - 1]) - begin

    def before(self, tick: int) -> TickRecomputer:
        """A snapshot of its own that stands before a tick; who asks closes it."""
        return TickRecomputer(self._log, _copy(self.at(tick - 1)), open_cpu, tick - 1)

    @property
    def swept(self) -> int:
        """The tick up to which snapshots are kept at equal distances of work."""
        return self._sweep.done if self._sweep is not None else 0

    def sweep(self, tick: int) -> None:
        """Fold on from the genesis up to a tick; `keep` makes what comes after it quick."""
        if self._sweep is None:
            self._sweep = recomputer(self._log)
        self._sweep.run_to(tick)

    def keep(self) -> None:
        """Keep the snapshot that the sweep has come to; every second goes where room is short."""
        if self._sweep is None or self._sweep.done in self._kept:
            return
        self._kept[self._sweep.done] = _copy(self._sweep.world)
        while len(self._kept) > 2 and sum(map(_bytes, self._kept.values())) > MOST_BYTES:
            for known in sorted(self._kept)[1::2]:
                del self._kept[known]

    def close(self) -> None:
        """End the threads of what recomputes."""
        for again in (self._front, self._sweep):
            if again is not None:
                again.close()
        self._front = self._sweep = None
        self._kept.clear()


def _copy(world: World) -> World:
    """A snapshot that goes its own way; who matches terms for it is shared."""
    return copy.deepcopy(world, {id(world.matcher): world.matcher})


def _bytes(world: World) -> int:
    return world.population.nbytes() + world.population.seen.nbytes
