"""The four hallmarks of open-ended evolution: change, novelty, complexity, ecology.

After Dolson, Vostinar, Wiser and Ofria, "The MODES toolbox" (Artificial Life 25, 2019).
Only components that persist are looked at: those of a snapshot that the next has, too; the
paper asks for descendants instead. What passed is measured as in the authors' public program.
Must not know: what a component is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from automaton.complexity.species_history import SpeciesHistory
from automaton.terms.arrays import Numbers


@dataclass(frozen=True)
class Hallmarks:
    """What the components that persist say of one snapshot."""

    tick: int
    persistent: int  # components of the snapshot that the next one has, too
    change: int | None  # of these, that did not persist in the snapshot before; none at first
    novelty: int | None  # of these, that never persisted before; none at first
    complexity: int  # the greatest size among them; 0 without any
    ecology: float  # Shannon entropy in bits of their shares of individuals

    def as_json(self) -> dict[str, Any]:
        """The figures for programs."""
        return asdict(self)


def hallmarks(history: SpeciesHistory, sizes: Numbers) -> Iterator[Hallmarks]:
    """The hallmarks of every snapshot but the last, of which nobody knows what persists.

    sizes: [kinds], the complexity of each component.
    """
    ever = np.zeros(history.kinds, np.bool_)
    before = np.zeros(0, np.int64)
    for snapshot in range(len(history) - 1):
        species, counts = history.at(snapshot)
        stays = np.isin(species, history.at(snapshot + 1)[0])
        kept = species[stays]
        new = None if snapshot == 0 else int((~ever[kept]).sum())
        changed = None if snapshot == 0 else int((~np.isin(kept, before)).sum())
        yield Hallmarks(
            int(history.ticks[snapshot]), len(kept), changed, new,
            int(sizes[kept].max(initial=0)), _entropy(counts[stays]),
        )  # fmt: skip
        ever[kept] = True
        before = kept


def _entropy(counts: Numbers) -> float:
    shares = counts / max(1, counts.sum())
    return float(abs((shares * np.log2(shares)).sum()))
