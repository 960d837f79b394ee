"""A single-task executor: one thing at a time is done on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from automaton.workers.pool import Made


class SingleTaskExecutor:
    """One task at a time beside the caller: the next one waits for the one before.

    And one ahead of it, on a thread of its own: what a later task will need.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="append")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._waiting: Future[Any] | None = None

    def ahead(self, task: Callable[..., Made], *arguments: Any) -> Callable[[], Made]:
        """Start something that waits for nothing; the answer waits for its result."""
        return self._ahead.submit(task, *arguments).result

    def start(self, task: Callable[..., Any], *arguments: Any) -> None:
        """Start a task once the one before has ended well; its exception is raised here."""
        self.wait()
        self._waiting = self._executor.submit(task, *arguments)

    def wait(self) -> None:
        """Wait for the task under way; its exception is raised here, once."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.result()

    @property
    def busy(self) -> bool:
        """Whether a task is under way."""
        return self._waiting is not None and not self._waiting.done()

    def close(self) -> None:
        """Wait for what is under way, whatever comes of it, and end the threads."""
        self._executor.shutdown()
        self._ahead.shutdown()
