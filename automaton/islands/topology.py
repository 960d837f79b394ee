"""Who receives migrants from whom: named graphs of islands, and a file of edges.

Numbers alone: a topology is, for each island, the islands from which it receives, in
ascending order. Must not know: logs, migrants, processes.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isqrt

from automaton.errors import UsageError, closest, whole_number

Sources = tuple[tuple[int, ...], ...]  # by island: those that it receives from, ascending


def _ring(count: int) -> Iterable[tuple[int, int]]:
    """Each sends to the next one."""
    return ((k, (k + 1) % count) for k in range(count))


def _torus(count: int) -> Iterable[tuple[int, int]]:
    """A grid whose borders meet, as near to a square as the count allows; four neighbours."""
    rows = next(n for n in range(isqrt(count), 0, -1) if count % n == 0)
    columns = count // rows
    for k in range(count):
        row, column = divmod(k, columns)
        for r, c in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            yield k, r % rows * columns + c % columns


def _complete(count: int) -> Iterable[tuple[int, int]]:
    """Each sends to all others."""
    return ((a, b) for a in range(count) for b in range(count))


def _star(count: int) -> Iterable[tuple[int, int]]:
    """Island 0 sends to all others, and all others to it."""
    return ((a, b) for k in range(1, count) for a, b in ((0, k), (k, 0)))


TOPOLOGIES = {"ring": _ring, "torus": _torus, "complete": _complete, "star": _star}


def named_topology(name: str, count: int) -> Sources:
    """The topology of a name; a ring of one island, or a torus of two rows, has fewer edges."""
    if name not in TOPOLOGIES:
        known = ", ".join(TOPOLOGIES)
        raise UsageError(
            f"--topology {name}: there is no topology of this name, and no file"
            f"{closest(name, TOPOLOGIES)} (there are {known}, or a file of edges)"
        )
    return _collected(TOPOLOGIES[name](count), count)


def parse_edges(text: str, count: int, origin: str = "edges") -> Sources:
    """The topology of lines `FROM TO`, numbers of islands; `#` begins a comment."""
    edges = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        ends = [end for word in words if (end := whole_number(word)) is not None]
        if len(words) != 2 or len(ends) != 2 or max(ends) >= count:
            raise UsageError(
                f"{origin}: line {number}: an edge is two numbers of islands, from 0 to "
                f"{count - 1}, such as `0 1`: island 0 sends to island 1"
            )
        edges.append((ends[0], ends[1]))
    return _collected(edges, count)


def _collected(edges: Iterable[tuple[int, int]], count: int) -> Sources:
    """By island those that it receives from, each once, none from itself."""
    sources: list[set[int]] = [set() for _ in range(count)]
    for source, target in edges:
        if source != target:
            sources[target].add(source)
    return tuple(tuple(sorted(each)) for each in sources)


def targets_of(sources: Sources) -> Sources:
    """The other direction: by island, those that receive from it."""
    targets: list[list[int]] = [[] for _ in sources]
    for island, each in enumerate(sources):
        for source in each:
            targets[source].append(island)
    return tuple(map(tuple, targets))
