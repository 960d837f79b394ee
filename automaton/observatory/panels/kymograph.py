"""Where the machine was, tick by tick: dimensions, the operator in force, what acted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from automaton.observatory.commit_columns import Division
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened, ticks

#: Parts that the ticks are divided into, and the most rows of automata shown.
PARTS, MOST_AUTOMATA = 240, 24


def kymograph(log: ObservedLog, _scope: Scope) -> Panel:
    """The share of ticks that the machine ended in each dimension; operators and their versions."""
    columns = log.columns
    levels = sorted(map(int, columns.names("in ")))
    actions = columns.names("action ")
    found = columns.divided(
        PARTS,
        [*(f"in {level}" for level in levels), *(f"action {name}" for name in actions)],
    )
    acted = found.sums[:, len(levels) :]
    names = {number: name for name, number in columns.automata.items()}
    at_end = columns.at_ends(PARTS, "automaton")
    return panel(
        log, source="commits' dimension, state.automaton and counters; lines of automata",
        window=ticks(columns.first, columns.last), n=len(columns),
        reason="" if len(columns) else "no commit yet",
        tick_of=found.last.tolist(), dimensions=levels,
        shares=_shares(found, len(levels)),
        automata=[shortened(names[number], 80) for number in at_end.tolist()],
        operators=_operators(log),
        actions={name: acted[:, k].tolist() for k, name in enumerate(actions) if acted[:, k].any()},
        versions=list(_versions(log)),
    )  # fmt: skip


def _shares(found: Division, levels: int) -> list[list[float]]:
    """By dimension, the share of each part's ticks."""
    widths = found.ticks.clip(min=1)
    return [(found.sums[:, k] / widths).round(5).tolist() for k in range(levels)]


def _operators(log: ObservedLog) -> list[dict[str, Any]]:
    """The automata that were current, how many ticks ended in each, and its operator now."""
    return [
        {"automaton": shortened(name, 80), "ticks": count, "operator": _operator(log, name)}
        for name, count in log.columns.dwelt.most_common(MOST_AUTOMATA)
        if name
    ]


def _operator(log: ObservedLog, name: str) -> str:
    """What an automaton applies, as its last version says."""
    lines = log.log.find(name)
    return _said(log.members(lines[-1])) if lines else ""


def _said(members: dict[str, Any]) -> str:
    term, state = members.get("term"), members.get("currentState")
    return shortened(str(term if isinstance(term, str) else state or "application"))


def _versions(log: ObservedLog) -> Iterator[dict[str, Any]]:
    """The versions of automata that the log wrote, the newest first."""
    log.versions.update(log.log, log.members)
    for line, members in reversed(log.versions.found):
        yield {
            "automaton": shortened(str(members.get("id")), 80),
            "tick": log.log.commits.tick_of_line(line), "line": line,
            "operator": _said(members), "by": shortened(str(members.get("modifiedBy", "")), 80),
        }  # fmt: skip
