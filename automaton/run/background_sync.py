"""Makes a log durable beside the loop: a sync is under way while later ticks are written.

Lives here: when the next sync begins, and how far the log may run ahead of it. Must not
know: ticks, what a log holds.
"""

from __future__ import annotations

from threading import Condition, Thread

from automaton.log import Log

#: Bytes that may be written and not yet durable; more waits for the disk.
MOST_BEHIND = 64 << 20


class BackgroundSync:
    """A thread that syncs whenever something was written since the last sync began."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._changed = Condition()
        self._wanted = self._under_way = self._ended = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._serve, name="sync", daemon=True)
        self._thread.start()

    def request(self) -> None:
        """Something was written; raises what the last sync raised, and waits where it is far."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()
        if self._log.size - self._log.durable > MOST_BEHIND:
            self.wait()
        self.check()

    def check(self) -> None:
        """Raise what a sync raised, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def wait(self) -> None:
        """Wait until all that was asked for is done."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._wanted or self._under_way))
        self.check()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._under_way = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._wanted or self._ended)
                if not self._wanted:
                    return
                self._wanted, self._under_way = False, True
            try:
                self._log.sync()
            except BaseException as error:  # noqa: BLE001  # raised where the loop looks
                self._error = error

    def close(self) -> None:
        """Finish what was asked for, and end the thread."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()
