"""How diverse what wins is, how ordered in time, and what label the evidence bears."""

from __future__ import annotations

from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel
from automaton.observatory.panels.stream_shares import bars


def diversity(log: ObservedLog, window: Scope) -> Panel:
    """The figures of `observe` but for shares, the distributions behind them, and the label."""
    series, found = log.observed(window.last)
    rows = [figure for figure in found.figures if not figure.name.startswith(_OTHERS)]
    return panel(
        log, source="winners' term, size, beta and parents; commits' state.salience",
        window=f"the last {len(series.winners):,} winners and {len(series.salience):,} ticks",
        n=len(series.winners), reason="" if series.winners else "nothing has won yet",
        figures=[row.as_json() for row in rows], label=found.verdict.as_json(),
        sizes=bars([winner.size for winner in series.winners]),
        beta=bars([winner.steps for winner in series.winners]),
        null_reason="" if log.null.series else log.null.reason, since=series.since,
    )  # fmt: skip


_OTHERS = ("win share", "effective streams")
