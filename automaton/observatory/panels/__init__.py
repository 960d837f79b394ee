"""What the page shows: one panel a file, each a function (log, window) -> Panel.

A panel is a plain value that JSON can hold. It says what was read (`source`), over what
(`window`), how many values that were (`n`), how old the newest is (`age`, seconds) and,
where it cannot say something, why (`reason`). Pure but for the opened log that is
handed over. Must not know: the server, HTML, who looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from automaton.observatory.observed_log import ObservedLog, Scope

Panel = dict[str, Any]
View = Callable[[ObservedLog, Scope], Panel]

#: Characters of a text of somebody's that a panel carries.
LONGEST_TEXT = 400


def panel(
    log: ObservedLog, /, *, source: str, window: str, n: int, reason: str = "", **values: Any
) -> Panel:
    """A panel with what all have in common, and its own values."""
    return {
        "tick": log.tick, "source": source, "window": window, "n": n, "age": log.age(),
        "reason": reason, **values,
    }  # fmt: skip


def shortened(text: str, most: int = LONGEST_TEXT) -> str:
    """A text of at most so many characters; where some are left out, it says so by an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def ticks(first: int, last: int) -> str:
    """A window of ticks in words."""
    if last < first:
        return "no ticks"
    return f"tick {last:,}" if first == last else f"ticks {first:,} to {last:,}"
