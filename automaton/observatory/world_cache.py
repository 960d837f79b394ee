"""Snapshots of a log at ticks that lie near each other, so that the state after any is near.

A snapshot is kept whenever so much has been folded since the one before; its name says
from which tick on the fold to it was that short, so that gaps are seen. They are derived:
each is held against its commit, and folded anew where it does not fit. Lives here: which
ones are kept, and folding on from the nearest. Reads an opened log and a cache. Must not
know: who asks, what is shown.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from automaton.analysis.snapshot import World
from automaton.errors import UsageError
from automaton.log import AuditedLog
from automaton.log.side_files import checkpoint
from automaton.log.side_files.cache_folder import Cache, MemoryCache
from automaton.replay import world_checkpoint
from automaton.replay.recompute import TickRecomputer, open_cpu
from automaton.replay.restore import recomputer

#: Seconds of processor time that lie between two snapshots: what the state after a tick costs.
KEEP_AFTER = 0.5
_NAME = re.compile(r"(\d{1,15})-(\d{1,15})-([0-9a-f]{16})\.snapshot")


class _Span(NamedTuple):
    """A snapshot that is kept, and the tick from which the fold to it was short."""

    begin: int
    tick: int
    chain: str

    @property
    def name(self) -> str:
        return f"{self.begin}-{self.tick}-{self.chain}.snapshot"


class NewestSnapshot(NamedTuple):
    """A snapshot, and the tick that it is after."""

    tick: int
    world: World


class _Walk:
    """A snapshot that goes forward, and where it last was kept."""

    def __init__(self, again: TickRecomputer) -> None:
        self.again, self.kept_at, self.spent = again, again.done, 0.0

    @property
    def done(self) -> int:
        return self.again.done

    def step(self) -> None:
        """Fold one tick."""
        begun = time.process_time()
        self.again.run_to(self.done + 1)
        self.spent += time.process_time() - begun


class WorldCache:
    """Snapshots by tick. One thread at a time asks; `close` it at the end."""

    def __init__(
        self, log: AuditedLog, cache: Cache | None = None,
        progress: Callable[[int, int], object] = lambda _done, _last: None,
        budget: Callable[[], float] = lambda: float("inf"),
    ) -> None:  # fmt: skip
        """`progress` is told how far a long fold is, and the last tick.

        `budget` says how many seconds `newest` may fold; where that is not enough, it is
        behind the log, and goes on from the checkpoints that the run leaves.
        """
        self._log, self._cache = log, cache or MemoryCache()
        self._progress, self._budget = progress, budget
        self._kept: dict[int, _Span] | None = None  # by tick; None: nobody has looked
        self._sizes: dict[str, int] = {}
        self._live: _Walk | None = None  # at the end of the log
        self._sweep: _Walk | None = None  # fills the gaps
        self._front: TickRecomputer | None = None  # what was asked for last, to go on from

    # The end of the log.

    def newest(self) -> NewestSnapshot:
        """The snapshot after the last tick, or before it by what the budget does not cover.

        To be read before the log is read on.
        """
        last, seconds = len(self._log.commits), self._budget()
        if self._live is None:
            self._live = self._begun(self._nearest(last))
        self._run(self._live, last, seconds)
        if self._live.done < last:
            stored = checkpoint.read(self._log.path)
            if stored is not None and self._live.done < stored.tick <= last:
                self._live.again.close()
                self._live = self._begun(recomputer(self._log, stored))
        return NewestSnapshot(self._live.done, self._live.again.world)

    def _begun(self, again: TickRecomputer) -> _Walk:
        """A walk whose beginning is kept: what comes before it may be folded later."""
        walk = _Walk(again)
        self._keep(walk)
        return walk

    def _run(self, walk: _Walk, goal: int, seconds: float = float("inf")) -> None:
        """Fold on for so long, keeping snapshots on the way."""
        begun, last = time.monotonic(), len(self._log.commits)
        while walk.done < goal and time.monotonic() - begun < seconds:
            walk.step()
            self._progress(walk.done, last)
            if walk.spent >= KEEP_AFTER:
                self._keep(walk)

    # Any tick.

    def at(self, tick: int) -> World:
        """The snapshot after a tick (0: the genesis), to be read before the next is asked for."""
        last = len(self._log.commits)
        if not 0 <= tick <= last:
            raise UsageError(f"there is no tick {tick}; the last is {last}")
        front = self._front
        best = max((known for known in self._known() if known <= tick), default=-1)
        if front is None or not best <= front.done <= tick:
            if front is not None:
                front.close()
            self._front = front = self._nearest(tick)
        front.run_to(tick, lambda done: self._progress(done, last))
        return front.world

    def distance(self, tick: int) -> int:
        """Bytes of batches that lie between the nearest snapshot before a tick and that tick."""
        known = [at for at in self._known() if at < tick]
        if self._front is not None and self._front.done < tick:
            known.append(self._front.done)
        end, nearest = self._log.commits.end, max(known, default=0)
        begin = int(end[nearest - 1]) if nearest else self._log.genesis.bytes
        return int(end[tick - 1]) - begin

    def before(self, tick: int) -> TickRecomputer:
        """A snapshot of its own that stands before a tick; who asks closes it."""
        return TickRecomputer(self._log, _copy(self.at(tick - 1)), open_cpu, tick - 1)

    def _nearest(self, tick: int) -> TickRecomputer:
        """A snapshot that goes forward, from the nearest before a tick."""
        stored = checkpoint.read(self._log.path) if self._live is None else None
        for known in sorted(self._known(), reverse=True):
            if stored is not None and known < stored.tick <= tick:
                break
            if known <= tick and (world := self._loaded(known)) is not None:
                return TickRecomputer(self._log, world, open_cpu, known)
        return recomputer(self._log, stored if stored and stored.tick <= tick else None)

    def _loaded(self, tick: int) -> World | None:
        """A snapshot that was kept; one that does not fit is forgotten."""
        span = self._known()[tick]
        found = self._cache.load(span.name)
        fits = found is not None and found.tick == tick
        world = world_checkpoint.decode(self._log, found) if found and fits else None
        if world is None:
            self._forget(span)
        return world

    # What is kept.

    @property
    def swept(self) -> int:
        """The tick up to which all ticks are near."""
        spans = [(span.begin, span.tick) for span in self._known().values()]
        if self._live is not None:
            spans.append((self._live.kept_at, self._live.done))
        reach = 0
        for begin, end in sorted(spans):
            if begin > reach:
                break
            reach = max(reach, end)
        return reach

    def sweep(self, seconds: float) -> bool:
        """Fold on for so long from where ticks are not near; whether there is more to do."""
        last, reach = self.newest().tick, self.swept
        if reach >= last:
            self._end_sweep()
            return False
        if self._sweep is None or self._sweep.done < reach:
            self._end_sweep()
            self._sweep = _Walk(self._nearest(reach))
        goal = min(
            (span.begin for span in self._known().values() if span.begin > reach), default=last
        )
        self._run(self._sweep, goal, seconds)
        if self._sweep.done == goal:
            self._keep(self._sweep)
        return True

    def _known(self) -> dict[int, _Span]:
        """The snapshots that are of this log, by tick."""
        if self._kept is None:
            self._kept, self._sizes = {}, self._cache.sizes()
            last = len(self._log.commits)
            for match in filter(None, map(_NAME.fullmatch, self._sizes)):
                span = _Span(int(match[1]), int(match[2]), match[3])
                if span.begin <= span.tick <= last and span.chain == self._chain(span.tick):
                    self._kept[span.tick] = span
        return self._kept

    def _chain(self, tick: int) -> str:
        return self._log.chain_at(tick).hex()[:16]

    def _keep(self, walk: _Walk) -> None:
        """Keep a snapshot, where there is room; in a cache that fails no more is kept."""
        span = _Span(walk.kept_at, walk.done, self._chain(walk.done))
        walk.kept_at, walk.spent = walk.done, 0.0
        known = self._known().get(span.tick)
        if known is not None:
            self._widen(known, min(known.begin, span.begin))
        if known is not None or not span.tick:
            return
        facts, columns = world_checkpoint.encode(self._log, walk.again.world, span.tick)
        row = self._log.commits.row(span.tick)
        of = {"tick": span.tick, "end": row.end, "prefix": self._log.prefix,
              "chain": self._log.chain_at(span.tick).hex()}  # fmt: skip
        try:
            self._sizes[span.name] = self._cache.save(span.name, {**facts, **of}, columns)
        except OSError:
            self._cache = MemoryCache()
            self._kept, self._sizes = {}, {}
            return
        self._known()[span.tick] = span
        while sum(self._sizes.values()) > self._cache.most and self._thin():
            pass

    def _thin(self) -> bool:
        """Forget every second snapshot, where those behind them can stand for a longer fold."""
        spans = [span for _, span in sorted(self._known().items())]
        for gone, left in zip(spans[::2], spans[1::2], strict=False):
            if gone.tick != left.begin:
                continue
            self._widen(left, gone.begin)
            self._forget(gone)
        return len(self._known()) < len(spans)

    def _widen(self, span: _Span, begin: int) -> None:
        """Note that the fold to a snapshot is short from an earlier tick on."""
        wider = span._replace(begin=begin)
        if wider != span:
            self._cache.rename(span.name, wider.name)
            self._sizes[wider.name] = self._sizes.pop(span.name, 0)
            self._known()[span.tick] = wider

    def _forget(self, span: _Span) -> None:
        self._known().pop(span.tick, None)
        self._sizes.pop(span.name, None)
        self._cache.remove(span.name)

    def _end_sweep(self) -> None:
        if self._sweep is not None:
            self._sweep.again.close()
        self._sweep = None

    def close(self) -> None:
        """End the threads of what recomputes."""
        self._end_sweep()
        for again in (self._front, self._live.again if self._live else None):
            if again is not None:
                again.close()
        self._front = self._live = None


def _copy(world: World) -> World:
    """A snapshot that goes its own way; who matches terms for it is shared."""
    return copy.deepcopy(world, {id(world.matcher): world.matcher})
