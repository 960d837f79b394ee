"""The versions of automata that a log wrote: the last ones, each line read once.

Reads an opened log. Must not know: what is shown of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from automaton.log import AuditedLog

#: Versions that are remembered, and lines that are looked through for them at first.
MOST, LOOKED_AT = 40, 20_000


class OperatorVersions:
    """Lines of automata, and what they say; the newest last."""

    def __init__(self) -> None:
        self.found: deque[tuple[int, dict[str, Any]]] = deque(maxlen=MOST)
        self._seen: int | None = None  # named lines of the log that were looked at

    def update(self, log: AuditedLog, members: Callable[[int], dict[str, Any]]) -> None:
        """Look at the lines that were added; `members` gives the object on a line."""
        if self._seen is None:
            newest: list[tuple[int, dict[str, Any]]] = []
            for line in reversed(log.named[-LOOKED_AT:]):
                newest += self._versions([line], log, members)
                if len(newest) == MOST:
                    break
            self.found.extend(reversed(newest))
        else:
            self.found.extend(self._versions(log.named[self._seen :], log, members))
        self._seen = len(log.named)

    @staticmethod
    def _versions(
        lines: Any, log: AuditedLog, members: Callable[[int], dict[str, Any]]
    ) -> list[tuple[int, dict[str, Any]]]:
        """Those lines that hold an automaton, and are not of the genesis."""
        rows = ((line, members(line)) for line in lines if line > log.genesis_line_count)
        return [(line, found) for line, found in rows if found.get("type") == "automaton"]
