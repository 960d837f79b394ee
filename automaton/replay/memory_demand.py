"""What the deciding options ask of memory, held against what there may be, before it is taken.

A run record can ask for populations and rounds that no machine at hand can hold; where
memory ends while they are made, what is being made breaks in some place or other. Must
not know: logs, what the memory is for.
"""

from __future__ import annotations

import psutil

from automaton.errors import ShortOfMemoryError
from automaton.format import stream_options
from automaton.format.options import Options
from automaton.population import Population
from automaton.workers.memory_limits import tightest

#: Bytes of a slot: its columns of a batch, without the room for normal forms.
SLOT = 42
_GB = 1e9


def of(options: Options) -> tuple[int, int]:
    """Bytes of all places and of all columns of a batch."""
    streams = max(1, len(stream_options.parse_streams(options.streams)))
    return options.max_objects * Population.ROW, options.parallel * streams * SLOT


def refuse_more_than_there_is(options: Options) -> None:
    """Raises where the places and columns alone are more than the memory that there may be."""
    places, columns = of(options)
    limit = tightest(psutil.Process(), None)
    if places + columns <= limit.limit:
        return
    name, value = (
        ("max_objects", options.max_objects) if places > columns else ("parallel", options.parallel)
    )
    raise ShortOfMemoryError(
        f"{name} {value} asks for {max(places, columns) / _GB:.1f} GB of memory, and "
        f"{limit.limit / _GB:.1f} GB may be used here ({limit.source}); nothing was allocated: "
        "use a machine with more, or begin a log with less"
    )
