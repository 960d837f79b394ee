"""How emigrants come to islands that run elsewhere: what every transport offers.

A transport may lose what it was given, bring it twice or in any order, or be wiped: it
is never the only place where something is, so nothing here raises for that. Must not
know: which epoch is due, logs, processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from automaton.islands.copies.log_copy import Gain

Departure = tuple[int, int]  # island and epoch


class Transport(Protocol):
    """What every transport offers."""

    def publish(self, island: int, epoch: int, lines: tuple[bytes, ...]) -> None:
        """Make known who left an island after an epoch that is durable in its log."""
        ...

    def fetch(self, wanted: Iterable[Departure]) -> dict[Departure, tuple[bytes, ...]]:
        """What of this has been made known; the rest may come later."""
        ...

    def announce(self, wants: Mapping[tuple[int, int], int]) -> None:
        """Say which epoch islands need next: by island and source."""
        ...

    def needed(self, island: int, targets: Iterable[int]) -> int | None:
        """The first epoch of an island that one of these still needs; None: not all said so."""
        ...

    def missing(self, island: int, epochs: range) -> list[int]:
        """Which of an island's epochs must be made known again."""
        ...

    def forget(self, island: int, epoch: int) -> None:
        """Drop an island's epochs before this one, which nobody needs any more."""
        ...

    def publish_gain(self, gain: Gain) -> None:
        """Make known what an island's log gained by an epoch that is durable in it."""
        ...

    def needed_gains(self, island: int) -> int | None:
        """The first epoch of a log that some reader of it needs; None: there is no reader."""
        ...

    def missing_gains(self, island: int, epochs: range) -> list[int]:
        """Which gains of a log must be made known again."""
        ...

    def forget_gains(self, island: int, epoch: int) -> None:
        """Drop what a log gained before this epoch."""
        ...

    def notices(self) -> list[str]:
        """What is worth saying, each once."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...
