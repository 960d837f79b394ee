"""What was decided: why a winner won, what came in and was refused, what rules vetoed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from automaton.analysis import snapshot
from automaton.analysis.explanation import explained, tick_and_slot
from automaton.errors import AutomatonError
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened, ticks
from automaton.observatory.panels.ancestry_graph import newest_winner

#: Lines of accepted input that are shown, and that are looked through for them.
INPUTS, LOOKED_AT = 5, 400
#: Bytes of a log that are read for a decision that nobody asked for.
QUICK_BYTES = 8 << 20


def decisions(log: ObservedLog, scope: Scope) -> Panel:
    """`why` of the winner `scope.id` (the newest where none is named), input, vetoes by rule."""
    name, columns = scope.id or newest_winner(log), log.columns
    vetoed = {rule: columns.total(f"vetoed {rule}") for rule in columns.names("vetoed ")}
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
        **_why(log, name, wanted=bool(scope.id)),
    )  # fmt: skip


def _why(log: ObservedLog, name: str, *, wanted: bool) -> dict[str, Any]:
    """The decision as `why --json` has it, or why there is none.

    What nobody asked for is computed only where that is quick.
    """
    if not name:
        return {"why": None, "why_reason": "nothing has won yet"}
    try:
        tick, _slot = tick_and_slot(log.log, name)
    except AutomatonError as error:
        return _lost(log, name) if log.log.find(name) else _none(str(error))
    try:
        if not wanted and log.worlds.distance(tick) > QUICK_BYTES:
            return {"why": None, "why_reason": "not computed unless it is asked for: the ticks "
                    "before it have to be read for that"}  # fmt: skip
        return {"why": explained(log.log, name, log.worlds.before), "why_reason": ""}
    except AutomatonError as error:
        return _none(str(error))


def _none(reason: str) -> dict[str, Any]:
    return {"why": None, "why_reason": shortened(reason)}


def _lost(log: ObservedLog, name: str) -> dict[str, Any]:
    """Of an object that won no round: the winners that carry its term."""
    like = snapshot.winners_like(log.worlds.newest().world, name)
    more = f"; winners that carry its term: {' '.join(like)}" if like else ""
    return {**_none(f"{name} won no round: it came with the file or as input{more}"),
            "why_ids": like}  # fmt: skip


def _inputs(log: ObservedLog) -> Iterator[dict[str, Any]]:
    """The last lines that came in from outside: as many as a commit accepted, the first ones."""
    opened, left = log.log, INPUTS
    by_tick = groupby(reversed(opened.named[-LOOKED_AT:]), opened.commits.tick_of_line)
    for tick, lines in by_tick:
        for line in list(lines)[::-1][: _accepted(log, tick)] if tick else ():
            text = opened.line(line).decode("utf-8", "replace")
            identity = str(log.members(line).get("id"))
            yield {"tick": tick, "line": line, "id": shortened(identity), "text": shortened(text)}
            left -= 1
            if not left:
                return


def _accepted(log: ObservedLog, tick: int) -> int:
    """How many lines of input a tick took in."""
    counted = [_counters(log, at)["accepted"] for at in (tick - 1, tick)]
    return int(counted[1] - counted[0])


def _counters(log: ObservedLog, tick: int) -> dict[str, Any]:
    """What had been counted up to a tick."""
    counters = log.log.commit(tick).state["counters"] if tick else {"accepted": 0}
    return counters if isinstance(counters, dict) else {}
