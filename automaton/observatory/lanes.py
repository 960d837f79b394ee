"""The two threads that make panels: one quick and never late, one for what takes its time.

While somebody writes the log, each takes a small share of a processor: what cost a
second is made again half a minute later. Touches threads and the clock. Must not know:
HTTP, HTML.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Thread
from typing import Any, NamedTuple

from automaton.errors import AutomatonError
from automaton.observatory import writer_watch
from automaton.observatory.board import Board
from automaton.observatory.observed_log import STEP, NullModel, ObservedLog, Scope
from automaton.observatory.panels import Panel, View
from automaton.observatory.views import ASKED, QUICK, SLOW

#: Seconds between two looks at the log, and between two heads where nothing changed.
LOOK, PULSE = 0.25, 1.0
#: Share of the time that a thread computes while somebody writes, and where nobody does.
SHARE_BESIDE, SHARE_ALONE = 0.02, 0.5
#: Requests that may wait, and seconds that one may.
MOST_WAITING, LONGEST_WAIT = 32, 120.0
#: Seconds of folding between two snapshots that are kept for the timeline, and in one go.
KEEP_AFTER, SLICE = 1.0, 0.2


class _Request(NamedTuple):
    name: str
    window: Scope
    answer: Future[str]


class Busy(AutomatonError):  # noqa: N818 - a state, said to who asks
    """Too many ask at once."""


def as_text(panel: Panel) -> str:
    """A panel as JSON in one line of ASCII; not-a-number is no JSON and becomes null."""
    return json.dumps(_plain(panel), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def made(view: View, log: ObservedLog, window: Scope) -> str:
    """A panel's text; an error of ours is said in its place."""
    try:
        return as_text(view(log, window))
    except AutomatonError as error:
        return as_text({"tick": log.tick, "source": "-", "window": "-", "n": 0, "age": None,
                        "reason": str(error), "failed": True})  # fmt: skip


class Lanes:
    """The threads; `ask` has a panel made for one reader."""

    def __init__(self, path: Path, board: Board, window: Scope, null: NullModel) -> None:
        self._board, self._window = board, window
        self._requests: Queue[_Request] = Queue(MOST_WAITING)
        self._alone = True  # nobody writes
        self._open: Callable[[], ObservedLog] = lambda: ObservedLog(path, null)
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

    def ask(self, name: str, window: Scope) -> str:
        """A panel for one reader; raises `Busy` where too many wait, `TimeoutError`."""
        request = _Request(name, window, Future())
        try:
            self._requests.put_nowait(request)
        except Full:
            raise Busy("too many ask at once; try again in a moment") from None
        with self._board.reading():
            return request.answer.result(LONGEST_WAIT)

    # The quick lane.

    def _quick(self) -> None:
        due: dict[str, float] = dict.fromkeys(QUICK, 0.0)
        shown: dict[str, tuple[object, ...]] = {}  # what each panel was made of
        with self._quick_log as log:
            while not self._board.closed:
                log.refresh()
                log.noticed()
                now = time.monotonic()
                writer = writer_watch.look(log.path, log.arrivals, now)
                self._alone = writer.state in {"none", "died"}
                current = log.tick, log.columns.first, log.gone
                of = {"head": (*current, writer.state, int(now / PULSE))}
                for name, view in QUICK.items() if self._board.wait_for_reader(0) else ():
                    known = of.get(name, current)
                    if now >= due[name] and shown.get(name) != known:
                        due[name], shown[name] = self._posted(name, view, log), known
                log.columns.reach_back(log.log, STEP)
                self._board.wait_for_change(LOOK)

    def _posted(self, name: str, view: View, log: ObservedLog) -> float:
        """Make a panel and post it; when it may be made again."""
        begun = time.monotonic()
        self._board.post(name, made(view, log, self._window))
        end = time.monotonic()
        share = SHARE_ALONE if self._alone else SHARE_BESIDE
        return end + (0.0 if name == "head" else max(PULSE, (end - begun) / share))

    # The slow lane.

    def _slow(self) -> None:
        due: dict[str, float] = dict.fromkeys(SLOW, 0.0)
        of_tick: dict[str, int] = dict.fromkeys(SLOW, -1)
        with self._open() as log:
            while not self._board.closed:
                if self._answered(log):
                    continue
                looked_at = self._board.wait_for_reader(0)
                log.refresh(whole=False)
                now = time.monotonic()
                name = next((n for n in SLOW if now >= due[n] and of_tick[n] != log.tick), None)
                if name is not None and looked_at:
                    of_tick[name] = log.tick
                    due[name] = self._posted(name, SLOW[name], log)
                elif looked_at:
                    self._sweep(log)

    def _answered(self, log: ObservedLog) -> bool:
        """Make what somebody asked for, if anybody did within a moment."""
        try:
            request = self._requests.get(timeout=LOOK)
        except Empty:
            return False
        log.refresh(whole=False)
        try:
            request.answer.set_result(made(ASKED[request.name], log, request.window))
        except Exception as error:  # noqa: BLE001 - the reader hears of it, others go on
            request.answer.set_exception(error)
        return True

    def _sweep(self, log: ObservedLog) -> None:
        """Fold a little further for the timeline, and keep a snapshot now and then."""
        begun, worlds = time.monotonic(), log.worlds
        try:
            while worlds.swept < log.tick and time.monotonic() - begun < SLICE:
                worlds.sweep(worlds.swept + 1)
        except AutomatonError:
            return  # who asks for a tick is told
        spent = time.monotonic() - begun
        worlds.spent += spent
        if worlds.spent >= KEEP_AFTER:
            worlds.keep()
            worlds.spent = 0.0
        if not self._alone:
            time.sleep(min(10.0, spent / SHARE_BESIDE))
