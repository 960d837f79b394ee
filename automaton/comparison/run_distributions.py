"""What an archipelago came to, as distributions: counts by category, over all its islands.

Reads opened logs and the worlds at their ends. Must not know: other runs, tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from automaton.chemistry import World
from automaton.format.records import known_commit
from automaton.log import LogReader

#: Measures, and what is counted in each; of `diversity` one number, not a distribution.
MEASURES = {
    "win shares": "winners of each stream, in all ticks",
    "operators": "ticks after which each automaton is the current one",
    "dimensions": "ticks of each dimension",
    "diversity": "effective number of living terms, all islands together, at the end",
    "sizes": "living terms by nodes, in powers of 2, at the end",
    "steps": "living terms that were made, by beta steps, in powers of 2, at the end",
}
SCALAR = "diversity"


def distributions(logs: Sequence[LogReader], worlds: Sequence[World]) -> dict[str, dict[str, Any]]:
    """Counts by category of each measure; of an archipelago's logs and worlds, in order."""
    return {**_of_ticks(logs), **_of_living(worlds)}


def _of_ticks(logs: Sequence[LogReader]) -> dict[str, dict[str, int]]:
    """What the commits of all ticks say."""
    won, operators, dimensions = Counter[str](), Counter[str](), Counter[str]()
    for log in logs:
        for tick in range(1, len(log.commits) + 1):
            commit = known_commit(log.commit_line(tick)) or log.commit(tick)
            ends = commit.state.get("ends")
            if isinstance(ends, dict):
                won.update(ends["won"])
            operators[str(commit.state.get("automaton"))] += 1
            dimensions[str(commit.dimension)] += 1
    found = {"win shares": won, "operators": operators, "dimensions": dimensions}
    return {name: dict(sorted(counts.items())) for name, counts in found.items()}


def _of_living(worlds: Sequence[World]) -> dict[str, dict[str, float]]:
    """What the populations at the end say."""
    columns = [(world.population.column, world.population.choices()) for world in worlds]
    hashes, sizes = (
        np.concatenate([column[name][rows] for column, rows in columns])
        for name in ("hashes", "size")
    )
    steps = np.concatenate(
        [column["steps"][rows[column["born_tick"][rows] > 0]] for column, rows in columns]
    )
    _, counts = np.unique(hashes, return_counts=True)
    shares = counts / max(1, len(hashes))
    effective = float(np.exp(-np.sum(shares * np.log(shares))))
    return {
        SCALAR: {"effective": effective}, "sizes": _by_power(sizes), "steps": _by_power(steps),
    }  # fmt: skip


def _by_power(values: Any) -> dict[str, float]:
    """How many values have each number of binary digits: 0, 1, 2 to 3, 4 to 7, ..."""
    digits = np.ceil(np.log2(np.asarray(values, np.float64) + 1)).astype(np.int64)
    found, counts = np.unique(digits, return_counts=True)
    return {str(k): int(n) for k, n in zip(found, counts, strict=True)}
