"""The latest value of each panel, for any number of readers, none of whom is waited for.

Who is slow or gone misses what came between and finds the newest. Touches nothing but
threads. Must not know: what a panel is, the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import NamedTuple


class BoardValue(NamedTuple):
    """A value as text, and its number: each that is posted has a greater one."""

    number: int
    text: str


class Board:
    """Values by name; readers ask for what is newer than what they know."""

    def __init__(self) -> None:
        self._posted: dict[str, BoardValue] = {}
        self._number = 0
        self._changed = Condition()
        self.readers = 0
        self.closed = False

    def post(self, name: str, text: str) -> None:
        """Put a value in the place of the one before."""
        with self._changed:
            self._number += 1
            self._posted[name] = BoardValue(self._number, text)
            self._changed.notify_all()

    def newer(self, number: int, seconds: float) -> dict[str, BoardValue]:
        """What was posted after a number, waiting so long for it; nothing came: nothing."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > number or self.closed, seconds)
            return {name: it for name, it in self._posted.items() if it.number > number}

    def latest(self) -> dict[str, str]:
        """Every value."""
        with self._changed:
            return {name: posted.text for name, posted in self._posted.items()}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Be a reader for a while: values are made while there is one."""
        with self._changed:
            self.readers += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.readers -= 1
                self._changed.notify_all()

    def wait_for_reader(self, seconds: float) -> bool:
        """Wait so long for a reader; whether there is one."""
        with self._changed:
            return self._changed.wait_for(lambda: self.readers > 0 or self.closed, seconds)

    def wait_for_change(self, seconds: float) -> None:
        """Wait so long, or until a reader comes or goes or the board is closed."""
        with self._changed:
            readers = self.readers
            self._changed.wait_for(lambda: self.readers != readers or self.closed, seconds)

    def close(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
