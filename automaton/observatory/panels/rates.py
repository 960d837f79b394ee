"""How fast the log grows: a second, as this page saw it; a tick, as its commits count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from automaton.observatory.commit_columns import OUTCOMES
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, ticks
from automaton.observatory.writer_watch import Arrival

#: Points that are drawn at most of each curve.
POINTS = 240
#: Seconds that a point of the rates a second covers at least.
SPAN = 1.0


def rates(log: ObservedLog, _scope: Scope) -> Panel:
    """Modifications and candidates: of a second while this page looks, of a tick from the log."""
    columns = log.columns
    found = columns.divided(POINTS, ["modifications", *OUTCOMES])
    tried = found.sums[:, 1:].sum(axis=1)
    first = columns.first if columns.whole else columns.first + 1
    seconds = list(_by_second(log))
    return panel(
        log, source="commits' counters and outcomes; this page's clock for what is a second",
        window=ticks(columns.first, columns.last), n=len(columns),
        reason="" if len(columns) else "no commit yet",
        tick_of=found.last.tolist(), first=first,
        modifications=_means(found.sums[:, 0], found.ticks),
        candidates=_means(tried, found.ticks),
        seconds=[row[0] for row in seconds], modifications_s=[row[1] for row in seconds],
        candidates_s=[row[2] for row in seconds], ticks_s=[row[3] for row in seconds],
        seconds_reason="" if any(row[3] for row in seconds)
        else "no commit came in while this page looks; lines carry no clock",
    )  # fmt: skip


def _means(sums: npt.NDArray[np.int64], widths: npt.NDArray[np.int64]) -> list[float]:
    """Sums a tick, with four digits behind the point."""
    return [round(float(value), 4) for value in sums / np.maximum(1, widths)]


def _by_second(log: ObservedLog) -> Iterator[tuple[float, float, float, float]]:
    """Seconds before the last look, and modifications, candidates and ticks a second there."""
    looks = list(_spaced(log.arrivals))
    for begin, end in pairwise(looks[-POINTS:]):
        span = end.seconds - begin.seconds
        yield (
            round(end.seconds - looks[-1].seconds, 1), round((end.made - begin.made) / span, 2),
            round((end.tried - begin.tried) / span, 2), round((end.tick - begin.tick) / span, 3),
        )  # fmt: skip


def _spaced(looks: Iterable[Arrival]) -> Iterator[Arrival]:
    """The looks that are a second or more apart."""
    before: Arrival | None = None
    for look in looks:
        if before is None or look.seconds - before.seconds >= SPAN:
            yield look
            before = look
