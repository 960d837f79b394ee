"""Winners and what they were made from, as nodes and edges, in the order of their lines.

A node that is no winner of the selection (an object, an operator, a candidate that lost, a
winner from before) comes where it is first named. Rows are made one by one: graphs that
people look at are small. Must not know: formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from automaton.export.export_selection import ROLES
from automaton.export.job import ExportJob
from automaton.export.winner_columns import winner_tables

#: What is known of a winner, and of which kind it is; of other nodes nothing but the label.
ATTRIBUTES = {
    "tick": "long", "dimension": "long", "stream": "string", "salience": "long",
    "beta": "long", "size": "long", "term": "string",
}  # fmt: skip


class GraphNode(NamedTuple):
    """A node: `name` is of letters, digits and dots; `label` is the id as the log has it."""

    name: str
    label: str
    facts: dict[str, Any]


class GraphEdge(NamedTuple):
    """From a parent to what was made from it: `role` is operator, a or b."""

    source: str
    target: str
    role: str


def graph_rows(job: ExportJob) -> Iterator[GraphNode | GraphEdge]:
    """The nodes and edges of a selection; a node comes before its edges."""
    names: dict[str, str] = {}
    for table in winner_tables(job.log, job.selection, job.progress):
        parents = [table[role].tolist() for role in ROLES]
        facts = [table[name].tolist() for name in ATTRIBUTES]
        for label, above, known in zip(
            table["id"].tolist(), zip(*parents, strict=True), zip(*facts, strict=True), strict=True
        ):
            yield from _of_winner(
                names, label, dict(zip(ROLES, above, strict=True)),
                dict(zip(ATTRIBUTES, known, strict=True)), job.selection.roles,
            )  # fmt: skip


def _of_winner(
    names: dict[str, str], label: str, parents: dict[str, str], facts: dict[str, Any],
    roles: tuple[str, ...],
) -> Iterator[GraphNode | GraphEdge]:  # fmt: skip
    own = names[label] = f"n{len(names)}"
    for role in roles:
        above = parents[role]
        if above not in names:
            names[above] = f"n{len(names)}"
            yield GraphNode(names[above], above, {})
    yield GraphNode(own, label, {name: value for name, value in facts.items() if value is not None})
    yield from (GraphEdge(names[parents[role]], own, role) for role in roles)


def pieces(rows: Iterator[str], head: str, tail: str, most: int = 1000) -> Iterator[bytes]:
    """Lines between a head and a tail as bytes, some at a time."""
    waiting: list[str] = []
    for line in chain([head], rows, [tail]):
        waiting.append(line)
        if len(waiting) >= most:
            yield "".join(waiting).encode()
            waiting.clear()
    yield "".join(waiting).encode()
