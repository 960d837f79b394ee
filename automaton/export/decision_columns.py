"""The decisions beside a log as columns: why what a run let win has won.

Only lines count that name the log's chain at their tick, and a winner; what cycles decided
has another form and stays where it is. Lines are read one by one, for each is JSON of its
own: some 100,000 a second. Must not know: who asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from automaton.export.columns import AnyColumn, Column, Table, TextColumn
from automaton.export.export_selection import Selection
from automaton.format.ids import is_our_id
from automaton.format.objects import Object, parse_line
from automaton.format.stream_options import FEATURES
from automaton.log import LogReader, decision_log

#: Rows at a time.
ROWS = 1 << 14
#: Columns, and what they are; salience and features are integers, 65536 is one.
DECISIONS = {
    "tick": "int64", "round": "int64", "id": "text", "stream": "text", "salience": "int64",
    "weight": "int64", **dict.fromkeys(FEATURES, "int64"),
    "runner_up": "text", "runner_up_stream": "text", "runner_up_salience": "int64",
}  # fmt: skip


def decision_tables(log: LogReader, selection: Selection) -> Iterator[Table]:
    """The decisions of the ticks and streams of a selection, in the order of their lines."""
    rows = _rows(log, selection)
    while part := list(islice(rows, ROWS)):
        yield _table(part)


def _rows(log: LogReader, selection: Selection) -> Iterator[tuple[Any, ...]]:
    chains: dict[int, str] = {}
    levels: dict[int, int] = {}
    for line in decision_log.whole_lines(Path(log.path)):
        parsed = parse_line(line)
        members = parsed.members if isinstance(parsed, Object) else {}
        tick, name, stream = (members.get(key) for key in ("tick", "id", "stream"))
        if type(tick) is not int or not selection.first <= tick <= selection.stop:
            continue
        if tick not in chains:
            chains[tick] = log.chain_at(tick).hex()
        own = isinstance(name, str) and is_our_id(name, log.prefix)
        if not own or members.get("chain") != chains[tick]:
            continue
        if selection.streams and stream not in selection.streams:
            continue
        if selection.dimensions:
            if tick not in levels:
                levels[tick] = log.commit(tick).dimension
            if levels[tick] not in selection.dimensions:
                continue
        yield _row(members)


def _row(members: Mapping[str, Any]) -> tuple[Any, ...]:
    features = members.get("features") or {}
    second = members.get("runnerUp") or {}
    names = ("tick", "round", "id", "stream", "salience", "weight")
    return (
        *(members.get(name) for name in names),
        *(features.get(name) for name in FEATURES),
        *(second.get(name) for name in ("id", "stream", "salience")),
    )  # fmt: skip


def _table(rows: list[tuple[Any, ...]]) -> Table:
    columns: dict[str, AnyColumn] = {}
    for (name, kind), values in zip(DECISIONS.items(), zip(*rows, strict=True), strict=True):
        if kind == "text":
            columns[name] = TextColumn.of([v if isinstance(v, str) else None for v in values])
            continue
        valid = np.array([type(value) is int for value in values], dtype=np.bool_)
        numbers = [value if type(value) is int else 0 for value in values]
        columns[name] = Column(np.array(numbers, kind), None if valid.all() else valid)
    return columns
