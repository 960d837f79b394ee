"""The check of all bytes, beside the computing that believes in it until it is over.

What it finds counts first: whoever computed on the strength of it computes again. Must
not know: what is computed, how a verdict is put into words.
"""

from __future__ import annotations

import time
from threading import Event, Thread
from types import TracebackType
from typing import Self

from automaton.log import AuditedLog
from automaton.log.integrity import Fault


class FaultFoundError(Exception):
    """The check has found a fault: what is computed meanwhile is computed in vain."""


class _StoppedError(Exception):
    """Nobody waits for the check any more."""


class IntegrityCheck:
    """The integrity check of a log on a thread of its own; it ends with the block."""

    def __init__(self, log: AuditedLog) -> None:
        self._log = log
        self._thread = Thread(target=self._check, name="integrity")
        self._stopping = Event()
        self._fault: Fault | None = None
        self._error: Exception | None = None
        self.seconds = 0.0  # that it took

    def _check(self) -> None:
        begun = time.perf_counter()
        try:
            self._fault = self._log.check(1, len(self._log.commits), self._heed)
        except _StoppedError:
            pass
        except Exception as error:  # noqa: BLE001 - raised where the answer is asked for
            self._error = error
        self.seconds = time.perf_counter() - begun

    def _heed(self, _bytes: int) -> None:
        if self._stopping.is_set():
            raise _StoppedError

    def heed(self) -> None:
        """Raise `FaultFoundError` once there is a fault, or the check has failed."""
        if self._fault is not None or self._error is not None:
            raise FaultFoundError

    def fault(self) -> Fault | None:
        """The first fault, once all is checked; what the check failed of is raised here."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._fault

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
