"""One phylogeny of several logs: a term that came from another log descends from its winner there.

Rows are those of each log's own phylogeny, in the order of their ticks; labels are
`<number of the log>/<id>`. Pure but for the logs that it is given. Must not know: who sends
terms from log to log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from automaton.export.job import JointJob
from automaton.export.phylogeny import Phylogeny, phylogeny, write_rows
from automaton.terms.arrays import Numbers


@dataclass(frozen=True)
class JointPhylogeny:
    """Rows by id, as in `Phylogeny`; `log` and `row` say where each stands."""

    parts: list[Phylogeny]
    log: Numbers
    row: Numbers
    origin: Numbers
    end: Numbers
    ancestors: npt.NDArray[np.int64]  # [row, role]

    def __len__(self) -> int:
        return len(self.log)

    def label(self, row: int) -> str:
        """The log's number and the id of a row there."""
        log = int(self.log[row])
        return f"{log}/{self.parts[log].label(int(self.row[row]))}"


def joint_phylogeny(job: JointJob) -> JointPhylogeny:
    """The phylogeny of all logs; one that misses a winner leaves its descendants as roots."""
    parts = [phylogeny(one.log, one.selection, one.progress) for one in job.jobs]
    first = np.cumsum([0, *map(len, parts)])
    log = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    row = np.arange(first[-1]) - first[log]
    origin, end, above = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("origin", "end", "ancestors")
    )
    above = np.where(above >= 0, above + first[log][:, None], -1)
    for place, source in _arrivals(job, parts, first):
        above[place] = -1
        above[place, 0] = source
    order = np.argsort(origin, kind="stable")  # who leaves was born before who arrives
    at = np.empty(len(order), np.int64)
    at[order] = np.arange(len(order))
    above = above[order]
    return JointPhylogeny(
        parts, log[order], row[order], origin[order], end[order],
        np.where(above >= 0, at[above], -1),
    )  # fmt: skip


def _arrivals(job: JointJob, parts: list[Phylogeny], first: Numbers) -> list[tuple[int, int]]:
    """Rows of what came from another log, and those of the winners that they were."""
    by_key = [np.argsort(part.key) for part in parts]
    found = []
    for log, part in enumerate(parts):
        for row in np.flatnonzero(part.key < 0).tolist():  # objects: winners are no arrivals
            origin = job.winner_of(part.label(row))
            if origin is None or not 0 <= origin[0] < len(parts):
                continue
            source, key = origin[0], origin[1] << 31 | origin[2]
            keys = parts[source].key[by_key[source]]
            near = min(int(np.searchsorted(keys, key)), len(keys) - 1)
            if len(keys) and keys[near] == key:
                there = int(first[source] + by_key[source][near])
                found.append((int(first[log]) + row, there))
    return found


def write_joint(job: JointJob, out: BinaryIO) -> None:
    """Write the rows of all logs in the ALife standard."""
    write_rows(joint_phylogeny(job), out)
