"""What was decided: why a winner won, what came in and was refused, what rules vetoed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automaton.analysis import explain
from automaton.errors import AutomatonError
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened, ticks
from automaton.observatory.panels.ancestry_graph import newest_winner

#: Lines of accepted input that are shown, and that are looked through for them.
INPUTS, LOOKED_AT = 5, 400


def decisions(log: ObservedLog, window: Scope) -> Panel:
    """`why` of the winner `window.id` (the newest where none is named), input, vetoes by rule."""
    name, columns = window.id or newest_winner(log), log.columns
    vetoed = {
        rule: int(columns.column(f"vetoed {rule}").sum()) for rule in columns.names("vetoed ")
    }
    counters = log.state.get("counters", {})
    return panel(
        log, source="decisions beside the log, or computed again; commits' counters and ends",
        window=ticks(columns.first, columns.last), n=len(columns),
        reason="" if log.tick else "no commit yet", id=shortened(name),
        accepted=counters.get("accepted", 0), refused=counters.get("refused", 0),
        inputs=list(_inputs(log)) if counters.get("accepted") else [],
        refused_reason="the log counts refused lines and keeps none; the run that refused them "
        "says why",
        vetoes={shortened(rule, 80): count for rule, count in sorted(
            vetoed.items(), key=lambda row: -row[1]) if count},
        **_why(log, name),
    )  # fmt: skip


def _why(log: ObservedLog, name: str) -> dict[str, Any]:
    """The decision as `why --json` has it, or why there is none."""
    if not name:
        return {"why": None, "why_reason": "nothing has won yet"}
    try:
        return {"why": explain(log.path, name), "why_reason": ""}
    except AutomatonError as error:
        return {"why": None, "why_reason": shortened(str(error))}


def _inputs(log: ObservedLog) -> Iterator[dict[str, Any]]:
    """The last lines that came in from outside: before a batch's winners, and not ours."""
    opened, left = log.log, INPUTS
    for line in list(reversed(opened.named))[:LOOKED_AT]:
        tick = opened.commits.tick_of_line(line)
        if not tick or "modifiedBy" in (members := log.members(line)):
            continue
        text = opened.line(line).decode("utf-8", "replace")
        yield {"tick": tick, "line": line, "id": shortened(str(members.get("id"))),
               "text": shortened(text)}  # fmt: skip
        left -= 1
        if not left:
            return
