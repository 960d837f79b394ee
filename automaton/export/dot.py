"""`dot`: winners and their parents for Graphviz (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from automaton.export.job import ExportJob
from automaton.export.lineage_graph import GraphNode, graph_rows, pieces

_HEAD = (
    "digraph lineage {\n"
    '  rankdir=LR; node [shape=box, style=rounded, fontname="sans-serif"];\n'
    '  edge [color="#555555"];\n'
)
#: How edges look: the operator dashed, `b` dotted.
_STYLES = {"operator": "dashed", "a": "solid", "b": "dotted"}
#: Characters of a term that a box shows; the tooltip has all.
SHOWN = 40


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write a directed graph, parents before what was made from them."""
    out.writelines(pieces(_lines(job), _HEAD, "}\n"))


def _lines(job: ExportJob) -> Iterator[str]:
    for row in graph_rows(job):
        if isinstance(row, GraphNode):
            yield f"  {row.name} [{_facts(row)}];\n"
        else:
            yield f"  {row.source} -> {row.target} [style={_STYLES[row.role]}];\n"


def _facts(row: GraphNode) -> str:
    term = row.facts.get("term")
    if term is None:
        return f"label={quoted(row.label)}, style=filled"
    short = term if len(term) <= SHOWN else f"{term[: SHOWN - 1]}…"
    return f"label={quoted(row.label, short)}, tooltip={quoted(term)}"


def quoted(*lines: str) -> str:
    """Lines as one string of the language; what is no character to see is shown as in Python."""
    shown = (
        "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line).replace("\\", "\\\\")
        for line in lines
    )
    return '"' + "\\n".join(line.replace('"', '\\"') for line in shown) + '"'
