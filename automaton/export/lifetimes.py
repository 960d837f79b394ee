"""When the terms of a population came and went: the log is folded, and its places are watched.

A term lives while it holds a place of the population. A named object that is given a new
version goes on living; one that left and came back is counted from its first coming to its
last going. Must not know: formats, parents.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automaton.log import LogReader
from automaton.replay import restore
from automaton.terms.arrays import Numbers

#: In the place of a key: nobody lives there.
_NOBODY = -(1 << 62)
ALIVE = -1  # in the place of a tick: it lives


@dataclass
class Lifetimes:
    """Ticks of coming and going; a winner's key is tick << 31 | slot, as in `read_keys`."""

    named: dict[bytes, tuple[int, int]] = field(default_factory=dict)  # by name, escaped
    gone: list[tuple[Numbers, int]] = field(default_factory=list)  # keys, and when they left
    living: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))  # keys at the end
    composed: list[int] = field(default_factory=list)  # keys of what actions made

    def ends(self, keys: Numbers) -> Numbers:
        """When each winner of these keys left: `ALIVE`, or its own tick where it never entered."""
        found: Numbers = keys >> 31
        if any(len(part) for part, _ in self.gone):  # a tick may have ended named terms alone
            left = np.concatenate([part for part, _ in self.gone])
            when = np.repeat([tick for _, tick in self.gone], [len(part) for part, _ in self.gone])
            order = np.argsort(left)
            at = np.minimum(np.searchsorted(left[order], keys), len(left) - 1)
            hit = left[order][at] == keys
            found[hit] = when[order][at[hit]]
        found[np.isin(keys, self.living)] = ALIVE
        return found


def lifetimes(
    log: LogReader, last: int, progress: Callable[[int], object] = lambda _tick: None
) -> Lifetimes:
    """Fold a log up to a tick, and say who lived when."""
    found = Lifetimes()
    with closing(restore.recomputer(log)) as again:
        population = again.world.population
        places = np.arange(population.max_objects)
        held = np.full(population.max_objects, _NOBODY, dtype=np.int64)
        _look(found, population, places, held, 0)
        for tick in range(1, last + 1):
            changes = population.changes
            again.run_to(tick)
            some = population.changed_since(changes)
            changed = places if some is None else np.unique(np.concatenate([places[:0], *some]))
            _look(found, population, changed, held, tick)
            progress(tick)
        found.living = held[held > 0]
    return found


def _look(found: Lifetimes, population: Any, places: Any, held: Numbers, tick: int) -> None:
    """Take down what came to some places, and what left them; `held` is brought up to date."""
    column = population.column
    born, slot = column["born_tick"][places], column["born_slot"][places].astype(np.int64)
    now = np.where(born > 0, born << 31 | slot, -1 - slot)
    now[~column["live"][places]] = _NOBODY
    before = held[places]
    held[places] = now
    other = now != before
    old, new = before[other], now[other]
    found.gone.append((old[old > 0], tick))
    for key in old[(old < 0) & (old > _NOBODY)].tolist():
        name = population.names[-1 - key]
        found.named[name] = found.named[name][0], tick
    for key in new[(new < 0) & (new > _NOBODY)].tolist():
        name = population.names[-1 - key]
        found.named[name] = found.named.get(name, (tick, 0))[0], ALIVE
    kinds = column["kind"][places][other]
    found.composed += new[(new > 0) & (kinds == population.kinds.index("composition"))].tolist()
