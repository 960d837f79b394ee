"""What became of all candidates: shares by outcome over the ticks, and totals."""

from __future__ import annotations

from automaton.observatory.commit_columns import OUTCOMES
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, ticks

#: Parts that the ticks are divided into.
PARTS = 200


def outcomes(log: ObservedLog, _scope: Scope) -> Panel:
    """Candidates by outcome in parts of equally many ticks; the totals are those of `stats`."""
    columns = log.columns
    found = columns.divided(PARTS, list(OUTCOMES))
    totals = {name: columns.total(name) for name in OUTCOMES}
    sums = found.sums.sum(axis=1, keepdims=True)
    shares = found.sums / sums.clip(min=1)
    reason = "" if len(columns) else "no commit yet"
    if not columns.whole:
        reason = f"still reading: ticks 1 to {columns.first - 1:,} are not in the totals yet"
    return panel(
        log, source="commits' outcomes", window=ticks(columns.first, columns.last),
        n=sum(totals.values()), reason=reason, tick_of=found.last.tolist(), totals=totals,
        whole=columns.whole,
        shares={name: shares[:, k].round(5).tolist() for k, name in enumerate(OUTCOMES)},
    )  # fmt: skip
