"""Where the log stands and who writes it: the head of the page."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from automaton.log.side_files import watermarks
from automaton.observatory import writer_watch
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened

#: Seconds over which the rates of the head are taken.
RATE_SECONDS = 10.0
_NOT_SAID = "no file beside the log says it; `run --json` and `run --metrics` do"


def head(log: ObservedLog, _scope: Scope) -> Panel:
    """Tick, chain, what is durable and verified, who writes, how fast, and in how much memory."""
    now = time.monotonic()
    writer = writer_watch.look(log.path, log.arrivals, now)
    alive = writer.state not in {"none", "died"}
    tree = log.memory.read(writer.pid if alive else None, now)
    opened, last = log.log, log.log.last_commit
    counters = dict(log.state.get("counters", {}))
    actions = counters.pop("actions", {})
    return panel(
        log, source="the last commit, the lock, the system's processes",
        window="now", n=log.tick, reason=log.gone,
        log=shortened(str(log.path)), writer=writer._asdict(), gone=log.gone,
        chain=opened.head.hex(), bytes=opened.size, lines=opened.lines,
        durable_bytes=opened.durable, record=opened.record, tail_bytes=opened.tail_bytes,
        verified=_verified(log), dimension=last.dimension if last else None,
        automaton=shortened(log.state.get("automaton") or ""),
        counters=counters, actions=actions, rates=rates_of(log, now)._asdict(),
        memory=tree._asdict() if tree else None,
        memory_reason="" if tree else "nobody writes the log: no process to measure",
        scaling_reason=_NOT_SAID, device_reason=_NOT_SAID,
        options=dict(opened.run.options) if opened.run else {},
    )  # fmt: skip


class CommitRates(NamedTuple):
    """How fast commits came in, as this page saw them."""

    seconds: float  # of the window
    ticks: float | None
    modifications: float | None
    candidates: float | None
    reason: str


def rates_of(log: ObservedLog, now: float, seconds: float = RATE_SECONDS) -> CommitRates:
    """The rates a second over the last seconds; None where nothing can be said."""
    within = [seen for seen in log.arrivals if seen.seconds >= now - seconds]
    if len(within) < 2:
        return CommitRates(seconds, None, None, None, "this page has just begun to look")
    if within[0].tick == within[-1].tick:
        return CommitRates(seconds, None, None, None, f"no commit in the last {seconds:.0f} s")
    begin, span = within[0], now - within[0].seconds
    end = within[-1]
    counts = end.tick - begin.tick, end.made - begin.made, end.tried - begin.tried
    ticks, made, tried = (round(count / span, 3) for count in counts)
    return CommitRates(round(span, 2), ticks, made, tried, "")


def _verified(log: ObservedLog) -> dict[str, Any] | None:
    """How far a note beside the log says that it was verified, as `stats` has it."""
    opened = log.log
    mark = watermarks.read(opened.path)
    known = mark is not None and 0 < mark.tick <= log.tick
    if mark is None or not known or opened.chain_at(mark.tick) != mark.chain:
        return None
    return {"tick": mark.tick}
