r"""`graphml`: winners and their parents for networkx, Gephi, yEd and Cytoscape.

http://graphml.graphdrawing.org/specification.html. What XML cannot hold (control
characters) stands as in Python: `\x00`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from automaton.export.job import ExportJob
from automaton.export.lineage_graph import ATTRIBUTES, GraphEdge, GraphNode, graph_rows, pieces

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
    'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'
)
_NAMED = {"label": "string", **ATTRIBUTES}
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
#: What no XML 1.0 document may hold, and line ends, which readers would change.
_FORBIDDEN = frozenset([*range(0x20), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)])


def write(job: ExportJob, out: BinaryIO) -> None:
    """Write a directed graph, parents before what was made from them."""
    keys = "".join(
        f'<key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>\n'
        for name, kind in _NAMED.items()
    )
    keys += '<key id="role" for="edge" attr.name="role" attr.type="string"/>\n'
    head = f'{_HEAD}{keys}<graph id="lineage" edgedefault="directed">\n'
    out.writelines(pieces(_lines(job), head, "</graph>\n</graphml>\n"))


def _lines(job: ExportJob) -> Iterator[str]:
    number = 0
    for row in graph_rows(job):
        if isinstance(row, GraphNode):
            facts = {"label": row.label, **row.facts}
            data = "".join(f'<data key="{k}">{escaped(str(v))}</data>' for k, v in facts.items())
            yield f'<node id="{row.name}">{data}</node>\n'
        else:
            yield _edge(row, number)
            number += 1


def _edge(row: GraphEdge, number: int) -> str:
    return (
        f'<edge id="e{number}" source="{row.source}" target="{row.target}">'
        f'<data key="role">{row.role}</data></edge>\n'
    )


def escaped(text: str) -> str:
    """A text that stands in XML as what it is."""
    return "".join(_ESCAPES.get(c, c) if ord(c) not in _FORBIDDEN else ascii(c)[1:-1] for c in text)
