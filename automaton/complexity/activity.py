"""Evolutionary activity: how much of what arises stays.

After Bedau, Snyder and Packard, "A classification of long-term evolutionary dynamics"
(Artificial Life VI, 1998). The activity of a component grows by 1 in each snapshot that
has it, and counts for a snapshot that has it. Must not know: what a component is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from automaton.complexity.species_history import SpeciesHistory
from automaton.terms.arrays import Floats, Numbers

#: Share of a neutral shadow's components that may come as far as what counts as adaptive.
NEUTRAL_SHARE = 0.05


class Activity(NamedTuple):
    """What a history's components have gathered: a value a snapshot, `entries` one a component."""

    diversity: Numbers  # components that are there
    cumulative: Numbers  # sum of their activities
    entries: Numbers  # [entries]: activity of each component of each snapshot, in their order
    reached: Numbers  # [kinds]: the activity of each component at the end

    def mean(self) -> Floats:
        """Activity by component; 0 where there is none."""
        return self.cumulative / np.maximum(self.diversity, 1)


def activity(history: SpeciesHistory) -> Activity:
    """The activities of a history.

    A component that died out and comes back goes on from what it had.
    """
    gathered = np.zeros(history.kinds, np.int64)
    entries = np.zeros(len(history.species), np.int64)
    for snapshot in range(len(history)):
        species, _ = history.at(snapshot)
        gathered[species] += 1
        entries[history.offsets[snapshot] : history.offsets[snapshot + 1]] = gathered[species]
    sums = np.concatenate(([0], np.cumsum(entries)))
    return Activity(
        np.diff(history.offsets), np.diff(sums[history.offsets]), entries, gathered
    )  # fmt: skip


def adaptive_level(shadow: Activity, share: float = NEUTRAL_SHARE) -> int:
    """The least activity that at most `share` of a neutral shadow's components reach."""
    reached = np.sort(shadow.reached[shadow.reached > 0])[::-1]
    allowed = int(share * len(reached))
    return int(reached[allowed]) + 1 if len(reached) else 1


def new_activity(history: SpeciesHistory, found: Activity, level: int) -> Floats:
    """By snapshot, the activity of those that come to `level` there, by all that are there.

    Each component counts once: in the snapshot in which its activity becomes `level`.
    """
    sums = np.concatenate(([0], np.cumsum(np.where(found.entries == level, level, 0))))
    arriving: Floats = np.diff(sums[history.offsets]) / np.maximum(found.diversity, 1)
    return arriving
