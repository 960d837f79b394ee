"""How a population went: one row of figures a tick, folded from a log's lines.

Reads an opened log, so that runs long gone have one too. `distinct` is the number of
different terms among all that live after the tick, as in the statistics of a run;
`effective` is the exponential of the Shannon entropy of their shares (the Hill number
of order 1). Must not know: the terminal, formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from automaton.analysis.measures import wilson as wilson  # noqa: PLC0414 - of a share of these
from automaton.analysis.replicates import Estimate
from automaton.analysis.replicates import estimate as estimate  # noqa: PLC0414 - of these figures
from automaton.chemistry import World
from automaton.log import Log
from automaton.replay import restore


@dataclass(frozen=True)
class PopulationRow:
    """The population after a tick, and what the tick's candidates came to."""

    tick: int
    live: int  # objects that carry a term
    distinct: int  # different terms among them
    effective: float  # of these, weighed by their shares
    largest_share: float  # of the most frequent term
    size_mean: float  # nodes of a living term
    size_max: int
    steps_mean: float  # beta steps of the living terms that were made
    winners: int
    dimension: int
    outcomes: dict[str, int]  # of all candidates of the tick

    def as_json(self) -> dict[str, Any]:
        """The row for programs."""
        return asdict(self)


#: Figures of a row that are numbers, in their order.
FIGURES = (
    "live", "distinct", "effective", "largest_share", "size_mean", "size_max", "steps_mean",
    "winners", "dimension",
)  # fmt: skip


def means(rows: Sequence[PopulationRow]) -> dict[str, Estimate]:
    """The mean of each figure over the same tick of several runs, and of each outcome."""
    found = {name: estimate([getattr(row, name) for row in rows]) for name in FIGURES}
    outcomes = {name: estimate([row.outcomes[name] for row in rows]) for name in rows[0].outcomes}
    return {**found, **outcomes}


def tick_rows(log: Log, every: int = 1) -> Iterator[PopulationRow]:
    """A row for each `every`-th tick, and one for the last."""
    last = len(log.commits)
    before = 0  # winners until the row before
    with closing(restore.recomputer(log)) as again:
        for tick in range(1, last + 1):
            again.run_to(tick)
            made = again.world.state.counters["modifications"]
            if tick % every == 0 or tick == last:
                yield row_of(log, again.world, tick, made - before)
            before = made


def row_of(log: Log, world: World, tick: int, winners: int) -> PopulationRow:
    """The row of a tick from the snapshot behind it, and how many winners it had."""
    population, column = world.population, world.population.column
    rows = population.choices()
    _, counts = np.unique(column["hashes"][rows], return_counts=True)
    shares = counts / max(1, len(rows))
    sizes, made = column["size"][rows], rows[column["born_tick"][rows] > 0]
    commit = log.commit(tick)
    return PopulationRow(
        tick=tick,
        live=len(rows),
        distinct=len(counts),
        effective=float(np.exp(-np.sum(shares * np.log(shares)))),
        largest_share=float(shares.max(initial=0.0)),
        size_mean=float(sizes.mean()) if len(sizes) else 0.0,
        size_max=int(sizes.max(initial=0)),
        steps_mean=float(column["steps"][made].mean()) if len(made) else 0.0,
        winners=winners,
        dimension=commit.dimension,
        outcomes=dict(commit.outcomes),
    )
