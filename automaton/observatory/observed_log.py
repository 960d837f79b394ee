"""A log that is looked at: opened once, read further as it grows, with what was made of it.

Lives here: the opened log, its columns, its snapshots, its last window, and why it cannot
be followed any more. Nothing is ever written but what can be made again, into a cache.
Must not know: panels, the network.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

from automaton.analysis import figures
from automaton.analysis.figures import Observation
from automaton.analysis.series import Series, read_series
from automaton.errors import AutomatonError
from automaton.log import LogFollower
from automaton.log.side_files.cache_folder import Cache, CacheFolder, MemoryCache, default_root
from automaton.observatory import column_files
from automaton.observatory.commit_columns import CommitColumns
from automaton.observatory.operator_versions import OperatorVersions
from automaton.observatory.world_cache import WorldCache
from automaton.observatory.writer_watch import Arrival, TreeGauge
from automaton.replay.omitted_batches import with_omitted_batches

__all__ = ["CacheSettings", "NullModel", "ObservedLog", "Scope", "default_root"]

#: Ticks that are read when a log is opened: the first panels show them.
FIRST_TICKS = 1000
#: Ticks that are read at a time of those before, and that are new when columns are kept again.
STEP, KEPT_AFTER = 200, 20_000
#: Moments that are remembered of how commits came in.
ARRIVALS = 1200


class Scope(NamedTuple):
    """What a panel looks at."""

    last: int = 10_000  # winners and ticks, the last ones
    tick: int | None = None  # the state after it; None: after the last
    id: str = ""  # of the object that is asked about
    term: str = ""  # that is looked for


class NullModel(NamedTuple):
    """What order is compared with: a log without streams, or why there is none."""

    series: Series | None = None
    reason: str = "the null model is missing; give its log as --null LOG"


class CacheSettings(NamedTuple):
    """Where what was made of a log is kept; who hears of a long fold; what it may cost."""

    root: Path | None = None  # the folder of all logs; None: in memory, as long as it is open
    progress: Callable[[int, int], object] = lambda _done, _last: None  # a tick, and the last
    budget: Callable[[], float] = lambda: float("inf")  # seconds of folding, to be the newest


class ObservedLog:
    """A log and what is known of it. One thread at a time uses it; `close` it at the end."""

    def __init__(
        self, path: Path, null: NullModel = NullModel(), caching: CacheSettings = CacheSettings()  # noqa: B008
    ) -> None:  # fmt: skip
        self.path, self.null, self._caching = path, null, caching
        self.gone = ""  # why the file of this name is not what is shown any more
        self.arrivals: deque[Arrival] = deque(maxlen=ARRIVALS)
        self.memory = TreeGauge()
        self._observed: tuple[tuple[int, int], Series, Observation] | None = None
        self._kept = contextlib.ExitStack()
        self._kept_columns = 0  # the last tick of those that are in the cache
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        self.log = LogFollower.beside(self.path)
        self._kept.callback(self.log.close)
        self._kept.enter_context(with_omitted_batches(self.log))
        self._cache: Cache = MemoryCache()
        if self._caching.root is not None and self.tick:
            with contextlib.suppress(OSError):
                self._cache = CacheFolder(self._caching.root, self.log.chain_at(1))
        self.worlds = WorldCache(self.log, self._cache, *self._caching[1:])
        self._kept.callback(self.worlds.close)
        self.versions = OperatorVersions()
        self._older = column_files.newest(self.log, self._cache)
        self.columns = self._begun()

    def refresh(self, *, whole: bool = True) -> None:
        """Read on to the last whole commit; `gone` says where that is not possible.

        The columns grow with it (`whole`), or are of the last ticks alone.
        """
        if self.gone:
            return
        try:
            if not len(self.log.commits) and self.log.changed():
                self._kept.close()
                self._open()
                self.columns = CommitColumns()  # all of its ticks were added while we look
            self.log.catch_up()
        except AutomatonError as error:
            self.gone = str(error)
        if whole or self.tick - self.columns.last < FIRST_TICKS:
            self.columns.grow(self.log)
        else:
            self.columns = self._begun()

    def _begun(self) -> CommitColumns:
        """The columns of the last ticks, and what is known of those before."""
        older, missing = self._older, FIRST_TICKS
        columns = CommitColumns()
        if older is not None:
            missing = min(missing, self.tick - older.last)
        columns.begin(self.log, missing)
        self._join(columns)
        return columns

    def read_back(self, seconds: float) -> None:
        """Read commits before the first that is known, for so long."""
        begun = time.monotonic()
        while not self.columns.whole and time.monotonic() - begun < seconds:
            before = self._older.last if self._older is not None else 0
            self.columns.reach_back(self.log, min(STEP, self.columns.first - 1 - before))
            self._join(self.columns)
        if self.columns.whole:
            self.keep_columns(KEPT_AFTER)

    def _join(self, columns: CommitColumns) -> None:
        if self._older is not None and columns.first == self._older.last + 1:
            columns.join(self._older)
            self._older = None

    def keep_columns(self, after: int = 1) -> None:
        """Keep the columns for who opens the log next, if so many ticks are not kept yet."""
        if self.columns.whole and self.columns.last - self._kept_columns >= after:
            column_files.keep(self.log, self._cache, self.columns)
            self._kept_columns = self.columns.last

    def noticed(self) -> None:
        """Remember how far the log had come at this moment."""
        made = self.state.get("counters", {}).get("modifications", 0)
        self.arrivals.append(Arrival(time.monotonic(), self.tick, made, self.columns.tried))

    @property
    def tick(self) -> int:
        """The last tick that is known."""
        return len(self.log.commits)

    @property
    def state(self) -> dict[str, Any]:
        """What the last commit says decides the next tick; nothing before the first."""
        last = self.log.last_commit
        return dict(last.state) if last else {}

    def age(self) -> float | None:
        """Seconds since the log was last written to: lines carry no clock."""
        with contextlib.suppress(OSError):
            return max(0.0, time.time() - self.path.stat().st_mtime)
        return None

    def members(self, line: int) -> dict[str, Any]:
        """The object on a line; nothing where there is none."""
        try:
            found = json.loads(self.log.line(line))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def observed(self, window: int) -> tuple[Series, Observation]:
        """The last winners and ticks, so many, and the figures made of them."""
        key = (self.tick, window)
        if self._observed is None or self._observed[0] != key:
            series = read_series(self.log, window)
            found = figures.observe(series, *self.null, self.age())
            self._observed = key, series, found
        return self._observed[1:]

    def close(self) -> None:
        """Let go of the file and of all that was made of it."""
        self._kept.close()
