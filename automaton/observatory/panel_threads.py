"""The two threads that make panels: one quick and never late, one for what takes its time.

While somebody writes the log, each takes a small share of a processor: what cost a
second is made again half a minute later. Touches threads and the clock. Must not know:
HTTP, HTML.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import NamedTuple

from automaton.errors import AutomatonError
from automaton.observatory import writer_watch
from automaton.observatory.board import Board
from automaton.observatory.json_text import written
from automaton.observatory.observed_log import CacheSettings, NullModel, ObservedLog, Scope
from automaton.observatory.panels import View
from automaton.observatory.views import ASKED, QUICK, SLOW

#: Seconds between two looks at the log, and between two heads where nothing changed; nobody
#: looks at the page: between two looks.
LOOK, PULSE, DOZE = 0.4, 1.0, 5.0
#: Share of the time that a thread computes while somebody writes, and where nobody does.
SHARE_BESIDE, SHARE_ALONE = 0.01, 0.5
#: Seconds that the quick panels rest at most; the others six times as long.
LONGEST_REST = 5.0
#: Requests that may wait, and seconds that one may.
MOST_WAITING, LONGEST_WAIT = 32, 120.0
#: Seconds of folding for the timeline in one go, and of reading the commits of before; and
#: between those while somebody waits for either.
SLICE, READ, BREATH = 0.2, 0.1, 0.02
#: Seconds of folding to be at the end of a log that somebody writes.
FOLD_BESIDE = 0.2


class _Request(NamedTuple):
    name: str
    scope: Scope
    answer: Future[str]


class BusyError(AutomatonError):
    """Too many ask at once."""


def made(view: View, log: ObservedLog, scope: Scope) -> str:
    """A panel's text; an error of ours is said in its place."""
    try:
        return written(view(log, scope))
    except AutomatonError as error:
        return written({"tick": log.tick, "source": "-", "window": "-", "n": 0, "age": None,
                        "reason": str(error), "failed": True})  # fmt: skip


class PanelThreads:
    """The threads; `ask` has a panel made for one reader."""

    def __init__(
        self, path: Path, board: Board, scope: Scope, null: NullModel, cache: Path | None = None
    ) -> None:
        """`cache` is the folder in which what was made of logs is kept; None: in memory."""
        self._board, self._scope = board, scope
        self._requests: Queue[_Request] = Queue(MOST_WAITING)
        self._alone = True  # nobody writes
        self._begun = Event()  # the quick panels were made once, and the others may be
        self._said = 0.0  # when the page was told last how far the fold is
        caching = CacheSettings(
            cache, self._progress, lambda: math.inf if self._alone else FOLD_BESIDE
        )
        self._open: Callable[[], ObservedLog] = lambda: ObservedLog(path, null, caching)
        self._quick_log = self._open()  # who cannot open it hears so at once
        self._threads = [
            Thread(target=lane, name=name, daemon=True)
            for name, lane in (("head", self._quick), ("panels", self._slow))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End, once what is being made is done."""
        self._board.close()
        for thread in self._threads:
            thread.join(LONGEST_WAIT)

    def ask(self, name: str, scope: Scope) -> str:
        """A panel for one reader; raises `BusyError` where too many wait, `TimeoutError`."""
        request = _Request(name, scope, Future())
        try:
            self._requests.put_nowait(request)
        except Full:
            raise BusyError("too many ask at once; try again in a moment") from None
        with self._board.reading():
            return request.answer.result(LONGEST_WAIT)

    # The quick lane.

    def _quick(self) -> None:
        pace = _Pace(QUICK, LONGEST_REST)
        with self._quick_log as log:
            while not self._board.closed:
                log.refresh()
                log.noticed()
                now = time.monotonic()
                writer = writer_watch.look(log.path, log.arrivals, now)
                self._alone = writer.state in {"none", "died"}
                current = log.tick, log.columns.first, log.gone
                pulse = (log.gone, writer.state, int(now / PULSE))
                if self._board.wait_for_reader(0):
                    if pace.of["head"] != pulse:
                        self._post("head", QUICK["head"], log)
                        pace.of["head"] = pulse
                    self._make_next(pace, QUICK, log, current)
                    self._begun.set()
                waiting = self._board.wait_for_reader(0) and not log.columns.whole
                log.read_back(READ if self._alone else READ / 5)
                rest = BREATH if waiting and self._alone else LOOK
                self._board.wait_for_change(rest if self._board.wait_for_reader(0) else DOZE)
            log.keep_columns()

    def _make_next(
        self, pace: _Pace, views: dict[str, View], log: ObservedLog, current: object
    ) -> bool:
        """Make the panels that have not been made yet, else the one that waits longest."""
        share = SHARE_ALONE if self._alone else SHARE_BESIDE
        made_one = False
        while (name := pace.next(current)) is not None:
            begun = time.monotonic()
            self._post(name, views[name], log)
            pace.made(name, current, time.monotonic() - begun, share)
            made_one = True
            if not self._requests.empty():
                break
        return made_one

    def _post(self, name: str, view: View, log: ObservedLog) -> None:
        self._board.post(name, made(view, log, self._scope))

    # The slow lane.

    def _slow(self) -> None:
        pace = _Pace(SLOW, 6 * LONGEST_REST)
        more = True  # whether there are ticks that are not near
        alone = self._alone
        with self._open() as log:
            while not self._board.closed:
                if self._alone and not alone:
                    pace.wake()  # whoever wrote has ended: nobody is spared by resting
                alone = self._alone
                idle = not self._board.wait_for_reader(0) or not self._begun.is_set()
                resting = idle or pace.resting()
                if self._answered(log, LOOK if resting or not more else BREATH) or resting:
                    continue
                log.refresh(whole=False)
                if not self._make_next(pace, SLOW, log, (log.tick, log.gone)):
                    more = self._sweep(pace, log)

    def _answered(self, log: ObservedLog, seconds: float) -> bool:
        """Make what somebody asked for, if anybody did within so long."""
        try:
            request = self._requests.get(timeout=seconds)
        except Empty:
            return False
        log.refresh(whole=False)
        try:
            request.answer.set_result(made(ASKED[request.name], log, request.scope))
        except Exception as error:  # noqa: BLE001 - the reader hears of it, others go on
            request.answer.set_exception(error)
        return True

    def _sweep(self, pace: _Pace, log: ObservedLog) -> bool:
        """Fold a little further for the timeline; whether there is more to do."""
        begun = time.process_time()
        try:
            more = log.worlds.sweep(SLICE)
        except AutomatonError:
            return False  # who asks for a tick is told
        if not more:
            self._say(log.tick, log.tick)
        if not self._alone:
            pace.rest(time.process_time() - begun, SHARE_BESIDE)
        return more

    def _progress(self, tick: int, last: int) -> None:
        """Tell the page how far a fold is, now and then."""
        if time.monotonic() - self._said > PULSE:
            self._say(tick, last)

    def _say(self, tick: int, last: int) -> None:
        self._said = time.monotonic()
        self._board.post("folded", written({"tick": tick, "last": last}))


class _Pace:
    """Which panel a lane makes next, and how long it rests after one."""

    def __init__(self, views: dict[str, View], longest: float) -> None:
        self._longest = longest  # seconds of rest
        self.of: dict[str, object] = dict.fromkeys(views)  # what each was made of; None: not yet
        self._at: dict[str, float] = dict.fromkeys(views, 0.0)
        self._until = 0.0

    def resting(self) -> bool:
        """Whether nothing is due yet; what was never made is due at once."""
        return time.monotonic() < self._until and None not in self.of.values()

    def next(self, current: object) -> str | None:
        """The panel made longest ago of those that are not of what there is now."""
        names = [name for name, of in self.of.items() if of != current and name != "head"]
        fresh = [name for name in names if self.of[name] is None]
        if not fresh and (not names or time.monotonic() < self._until):
            return None
        return fresh[0] if fresh else min(names, key=self._at.__getitem__)

    def made(self, name: str, current: object, seconds: float, share: float) -> None:
        """A panel was made in so many seconds."""
        self.of[name], self._at[name] = current, time.monotonic()
        self.rest(seconds, share)

    def wake(self) -> None:
        """Rest no longer."""
        self._until = 0.0

    def rest(self, seconds: float, share: float) -> None:
        """Rest so long that what was spent is a share of the whole."""
        self._until = time.monotonic() + min(self._longest, seconds * (1 / share - 1))
