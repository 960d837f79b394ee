"""The columns of a log's commits in its cache: found again, held against the log, replaced.

Touches nothing but the cache. Must not know: what the columns are for.
"""

from __future__ import annotations

import contextlib
import re

from automaton.log import AuditedLog
from automaton.log.side_files.cache_folder import Cache
from automaton.observatory.commit_columns import ROWS, CommitColumns

_NAME = re.compile(r"(\d{1,15})-([0-9a-f]{16})\.columns")


def _fitting(log: AuditedLog, cache: Cache) -> list[tuple[int, str]]:
    """Ticks and names of those that are of this log, ascending."""
    found = filter(None, map(_NAME.fullmatch, cache.sizes()))
    rows = [(int(match[1]), match[2], match[0]) for match in found]
    last = len(log.commits)
    return sorted(
        (tick, name)
        for tick, chain, name in rows
        if 0 < tick <= last and log.chain_at(tick).hex()[:16] == chain
    )


def newest(log: AuditedLog, cache: Cache) -> CommitColumns | None:
    """The columns that reach furthest; None where none are kept."""
    for tick, name in reversed(_fitting(log, cache)):
        found = cache.load(name)
        if found is None or found.facts.get("rows") != ROWS or found.facts.get("last") != tick:
            cache.remove(name)
            continue
        return CommitColumns.of(found.facts, found.columns)
    return None


def keep(log: AuditedLog, cache: Cache, columns: CommitColumns) -> None:
    """Keep columns in the place of those that they go on from; where there is no room, none."""
    facts, values = columns.kept()
    before = _fitting(log, cache)
    with contextlib.suppress(OSError):
        chain = log.chain_at(columns.last).hex()[:16]
        name = f"{columns.last}-{chain}.columns"
        cache.save(name, {**facts, "rows": ROWS}, values)
        for _, other in before:
            if other != name:
                cache.remove(other)
