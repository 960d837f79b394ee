"""The stages of each tick as a trace that Chrome and Perfetto show.

Lives here: what an event looks like, and which thread it is of. Where the text goes is
handed in, so is the clock. A trace decides nothing: a text that cannot be written ends
the trace and not the run.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

#: Entered and left any number of times, by any thread.
_NOTHING: AbstractContextManager[None] = nullcontext()


class Trace:
    """No trace: stages cost a call."""

    def stage(self, _name: str, _tick: int) -> AbstractContextManager[object]:
        """A block that is a stage of a tick."""
        return _NOTHING


NO_TRACE = Trace()


class TickTrace(Trace):
    """A trace under way: `write` takes text, JSON once `close` was called.

    Events are complete ones (`ph` X), times in microseconds since the beginning.
    """

    def __init__(
        self, write: Callable[[str], object], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._write, self.clock = write, clock
        self.begun = clock()
        self.failure = ""  # why the trace has ended before the run
        self._lock = threading.Lock()
        self._threads: dict[int, int] = {}
        self._put('{"displayTimeUnit":"ms","traceEvents":[\n', "")
        self._put(_named("process_name", 0, "automaton-scalable"), "")

    def stage(self, name: str, tick: int) -> AbstractContextManager[object]:
        """A block that is a stage of a tick, on the thread that enters it."""
        return _Stage(self, name, tick)

    def add(self, name: str, tick: int, begun: float) -> None:
        """An event that began then, by the clock, and ends now."""
        ended = self.clock()
        with self._lock:
            thread = self._thread()
            event = {
                "name": name, "cat": "tick", "ph": "X", "pid": 1, "tid": thread,
                "ts": round((begun - self.begun) * 1e6, 1),
                "dur": round((ended - begun) * 1e6, 1), "args": {"tick": tick},
            }  # fmt: skip
            self._put(json.dumps(event, separators=(",", ":")))

    def close(self) -> None:
        """Make the text whole."""
        with self._lock:
            self._put("\n]}\n", "")

    def _thread(self) -> int:
        """The number of this thread; a new one is named first."""
        ident = threading.get_ident()
        if ident not in self._threads:
            self._threads[ident] = number = len(self._threads) + 1
            self._put(_named("thread_name", number, threading.current_thread().name))
        return self._threads[ident]

    def _put(self, text: str, before: str = ",\n") -> None:
        if not self.failure:
            try:
                self._write(before + text)
            except OSError as error:
                self.failure = error.strerror or str(error)


class _Stage:
    """One stage, from its entry to its exit."""

    def __init__(self, trace: TickTrace, name: str, tick: int) -> None:
        self._trace, self._name, self._tick = trace, name, tick

    def __enter__(self) -> Self:
        self._begun = self._trace.clock()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._trace.add(self._name, self._tick, self._begun)


def _named(kind: str, thread: int, name: str) -> str:
    """What names a process or a thread."""
    event = {"name": kind, "ph": "M", "pid": 1, "tid": thread, "args": {"name": name}}
    return json.dumps(event, separators=(",", ":"))
