"""Numbers of islands as they are given on a command line."""

from __future__ import annotations

from automaton.errors import UsageError


def island_numbers(text: str | None, count: int) -> list[int] | None:
    """The islands that `--only` names; None: all."""
    if text is None:
        return None
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        ends = [int(end) for end in (first, last or first) if end.isascii() and end.isdecimal()]
        if len(ends) != 2 or not ends[0] <= ends[1] < count:
            raise UsageError(
                f"--only {text}: give numbers of islands from 0 to {count - 1}, as in 0-3,7"
            )
        found.update(range(ends[0], ends[1] + 1))
    return sorted(found)
