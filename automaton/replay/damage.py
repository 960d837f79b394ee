"""Where a log that cannot be folded is damaged, and what can be done about it.

Opening looks at the end of a log, and folding at what it needs; only when that fails
is every byte held against its seal, so that people are told the first place. Takes an
opened log; changes nothing but what it is taken for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from automaton.errors import DamagedError, ShortOfMemoryError
from automaton.log import LogReader


@dataclass
class FoldProgress:
    """How far a log is folded."""

    tick: int = 0  # under way; 0: the genesis


@contextmanager
def told_apart(log: LogReader) -> Iterator[FoldProgress]:
    """Has what fails while a log's ticks are folded say whether the log is damaged, and where.

    What is wrong with a log that has no commits, or with this program, stays as it is.
    """
    folding = FoldProgress()
    try:
        yield folding
    except (MemoryError, ShortOfMemoryError, OSError):
        raise
    except Exception as error:
        if not len(log.commits):
            raise
        damage = _located(log, error, folding.tick)
        if damage is None:
            raise
        raise damage from error


def sealed_damage(log: LogReader) -> DamagedError | None:
    """The first byte that is not what was sealed, as the error that names it."""
    bad = log.verify_chain().first_bad if len(log.commits) else None
    return None if bad is None else _error(log, str(bad), bad.tick, bad.offset)


def _located(log: LogReader, error: Exception, tick: int) -> DamagedError | None:
    """The damage that an error came of; None where all seals hold and it is none."""
    damage = sealed_damage(log)
    if damage is not None or not isinstance(error, DamagedError):
        return damage
    reason = str(error).removeprefix(f"tick {tick}: ")
    text = f"tick {tick}: {reason}; its hashes fit, so whoever changed it sealed it anew"
    offset = log.commits.row(tick).batch_start if tick else 0
    return _error(log, text, tick, offset)


def _error(log: LogReader, what: str, tick: int, offset: int) -> DamagedError:
    before = (
        f"write what stands before it with `replay LOG --to {tick - 1} --out FILE`, "
        if tick > 1
        else ""
    )
    return DamagedError(
        f"{log.path} is damaged: {what}; nothing was changed: restore a copy, {before}or run it "
        "as mere data (--as-genesis)",
        offset,
    )
