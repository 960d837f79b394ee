"""The index of a genesis, by the ids that its objects have as the log is read.

Lives here: whether a file that has no run record yet is read as a graph, which its
first record then says. What that means is `automaton.format.graphs`; the index is `index`.
"""

from __future__ import annotations

import numpy as np

from automaton.format import graphs
from automaton.format.graphs import Reading
from automaton.format.objects import Object, parse_line
from automaton.format.records import RunRecord
from automaton.log.byte_source import File
from automaton.log.file_io import lines
from automaton.log.id_index import IdIndex


def indexed(file: File, stop: int, run: RunRecord | None) -> tuple[IdIndex, Reading]:
    """The index of the first `stop` bytes, and how their objects are read.

    A genesis is read as a graph where that makes a difference; a log that has a run
    record, as that says.
    """
    index = IdIndex.build(file, 0, stop)
    integers = bool(index.integers) and not index.ids
    if run is not None:
        graph = run.options.get("graph") is True
    else:
        graph = integers or bool(index.surrogates) or _differs(file, stop)
    reading = Reading(graph, integers=graph and integers)
    if graph and (integers or index.surrogates):
        index = IdIndex(file)
        index.identity = reading.identity
        index.extend(0, stop)
    return index, reading


def _differs(file: File, stop: int) -> bool:
    """Whether an object of the file is read otherwise as a graph."""
    for block in lines(file, 0, stop, unfinished=True):
        text = block.data[: int(block.ends[-1])].tobytes()
        if not any(sign in text for sign in graphs.SIGNS):  # a third of the time
            continue
        hits = [hit.start() for hit in graphs.HINT.finditer(text)]
        for k in np.unique(np.searchsorted(block.ends, hits, side="right")):
            value = parse_line(block.line(int(k)))
            if isinstance(value, Object) and graphs.differs(value.members):
                return True
    return False
