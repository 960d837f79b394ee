"""The commits of a log as columns, a row a tick. Must not know: who asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from automaton.export.columns import AnyColumn, Column, Table, TextColumn
from automaton.export.export_selection import Selection
from automaton.format.records import OUTCOMES, Commit, dump, won
from automaton.log import LogReader

#: Rows at a time.
ROWS = 1 << 14
#: Columns, and what they are; `state` is the JSON of all that decides the next tick.
COMMITS = {
    "tick": "int64", "lines": "int64", "bytes": "int64", "winners": "int64",
    **dict.fromkeys(OUTCOMES, "int64"),
    "dimension": "int32", "automaton": "text", "salience": "int64", "population": "text",
    "batch": "text", "chain": "text", "state": "text",
}  # fmt: skip


def commit_tables(log: LogReader, selection: Selection) -> Iterator[Table]:
    """The commits of the ticks of a selection."""
    for first in range(selection.first, selection.stop + 1, ROWS):
        last = min(selection.stop, first + ROWS - 1)
        yield _table([_row(log.commit(tick)) for tick in range(first, last + 1)])


def _row(commit: Commit) -> tuple[Any, ...]:
    state = commit.state
    automaton, salience = state.get("automaton"), state.get("salience")
    return (
        commit.tick, commit.lines, commit.bytes, won(commit),
        *(commit.outcomes[name] for name in OUTCOMES),
        commit.dimension, automaton if isinstance(automaton, str) else None,
        salience if isinstance(salience, int) else 0, f"{commit.population:016x}",
        commit.batch.hex(), commit.chain.hex(), dump(state).decode(),
    )  # fmt: skip


def _table(rows: list[tuple[Any, ...]]) -> Table:
    columns: dict[str, AnyColumn] = {}
    for (name, kind), values in zip(COMMITS.items(), zip(*rows, strict=True), strict=True):
        column = TextColumn.of(values) if kind == "text" else Column(np.array(values, kind))
        columns[name] = column
    return columns
