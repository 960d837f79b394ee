"""Who wins: shares by stream with their intervals, salience, the streams' weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from automaton.analysis.series import Series
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened, ticks

#: Bars of the distribution, and points of the weights.
BARS, PARTS = 40, 200
#: A weight of 1 in the commits.
ONE = 65536


def competition(log: ObservedLog, scope: Scope) -> Panel:
    """The figures of `observe` on shares and salience, with the values that they are made of."""
    series, found = log.observed(scope.last)
    rows = [figure for figure in found.figures if figure.name.startswith(_OURS)]
    values = [winner.salience for winner in series.winners if winner.salience is not None]
    reason = "" if series.names else "no streams compete in this log (run it with --streams all)"
    if not series.ticks:
        reason = "no commit yet"
    return panel(
        log, source="winners' stream and salience, commits' state.weights",
        window=f"the last {len(series.winners):,} winners", n=len(series.winners), reason=reason,
        shares=[
            {"stream": shortened(row.name.removeprefix("win share of "), 80), **_interval(row)}
            for row in rows
            if row.name.startswith("win share of ")
        ],
        figures=[row.as_json() for row in rows], salience=bars(values),
        weights=_weights(log, series),
    )  # fmt: skip


_OURS = ("win share", "effective streams", "entropy of salience")


def _interval(row: Any) -> dict[str, Any]:
    return {"share": row.value, "low": row.low, "high": row.high, "n": row.n}


def bars(values: list[float] | list[int]) -> dict[str, Any]:
    """How often values lie where: edges and counts of equal bars; whole numbers stay whole."""
    if not values:
        return {"edges": [], "counts": []}
    low, high = min(values), max(values)
    if isinstance(low, int) and high - low < BARS:
        edges = np.arange(low, high + 2) - 0.5
    else:
        edges = np.linspace(low, high if high > low else low + 1, BARS + 1)
    counts, _ = np.histogram(values, edges)
    middles = [round((a + b) / 2, 6) for a, b in pairwise(edges.tolist())]
    return {"edges": edges.round(6).tolist(), "counts": counts.tolist(), "middles": middles}


def _weights(log: ObservedLog, series: Series) -> dict[str, Any]:
    """The weights of the streams over the known ticks; 1 is neutral, as in a decision.

    In a commit they add up to 1.
    """
    columns, ends = log.columns, log.state.get("ends")
    names = list(ends["won"]) if ends else []
    if not series.names or not names or not len(columns):
        return {"tick_of": [], "by_stream": {}, "window": "no ticks"}
    return {
        "tick_of": columns.divided(PARTS, []).last.tolist(),
        "by_stream": {
            shortened(name, 80): (columns.at_ends(PARTS, f"weight {k}") * (len(names) / ONE))
            .round(5)
            .tolist()
            for k, name in enumerate(names)
        },
        "window": ticks(columns.first, columns.last),
    }
