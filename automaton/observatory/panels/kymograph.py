"""Where the machine was, tick by tick: dimensions, the operator in force, what acted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.observatory.commit_columns import Division
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened, ticks

#: Parts that the ticks are divided into, and the most rows of automata and versions shown.
PARTS, MOST_AUTOMATA, MOST_VERSIONS = 240, 24, 40


def kymograph(log: ObservedLog, _window: Scope) -> Panel:
    """The share of ticks that the machine ended in each dimension; operators and their versions."""
    columns = log.columns
    dimension, automaton = columns.column("dimension"), columns.column("automaton")
    levels = np.unique(dimension)
    actions = columns.names("action ")
    found = columns.divided(
        PARTS,
        [*((dimension == level).astype(np.int64) for level in levels),
         *(columns.added(f"action {name}") for name in actions),
         np.ones(len(columns), np.int64)],
    )  # fmt: skip
    acted = found.sums[:, len(levels) : -1]
    names = {number: name for name, number in columns.automata.items()}
    at_end = automaton[found.last - columns.first] if len(columns) else automaton
    return panel(
        log, source="commits' dimension, state.automaton and counters; lines of automata",
        window=ticks(columns.first, columns.last), n=len(columns),
        reason="" if len(columns) else "no commit yet",
        tick_of=found.last.tolist(), dimensions=levels.tolist(),
        shares=_shares(found, len(levels)),
        automata=[shortened(names[number], 80) for number in at_end.tolist()],
        operators=_operators(log, automaton),
        actions={name: acted[:, k].tolist() for k, name in enumerate(actions) if acted[:, k].any()},
        versions=list(_versions(log)),
    )  # fmt: skip


def _shares(found: Division, levels: int) -> list[list[float]]:
    """By dimension, the share of each part's ticks."""
    widths = found.sums[:, -1].clip(min=1)
    return [(found.sums[:, k] / widths).round(5).tolist() for k in range(levels)]


def _operators(log: ObservedLog, automaton: npt.NDArray[np.int64]) -> list[dict[str, Any]]:
    """Every automaton that was current, how many ticks ended in it, and its operator now."""
    numbers, counts = np.unique(automaton, return_counts=True)
    names = {number: name for name, number in log.columns.automata.items()}
    order = np.argsort(-counts, kind="stable")[:MOST_AUTOMATA]
    rows = [(names[int(numbers[k])], int(counts[k])) for k in order]
    return [
        {"automaton": shortened(name, 80), "ticks": count, "operator": _operator(log, name)}
        for name, count in rows
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
    opened, left = log.log, MOST_VERSIONS
    for line in reversed(opened.named):
        members = log.members(line) if line > opened.genesis_line_count else {}
        if members.get("type") != "automaton":
            continue
        yield {
            "automaton": shortened(str(members.get("id")), 80),
            "tick": opened.commits.tick_of_line(line), "line": line,
            "operator": _said(members), "by": shortened(str(members.get("modifiedBy", "")), 80),
        }  # fmt: skip
        left -= 1
        if not left:
            return
