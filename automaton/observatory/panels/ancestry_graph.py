"""Where things come from: the ancestry of one object as a graph, the phylogeny of the living."""

from __future__ import annotations

from typing import Any

from automaton.analysis import snapshot
from automaton.analysis.lineage import Ancestor, Lineage, Version, ancestry
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened

#: Steps of an ancestry that are drawn, and the most objects in them.
DEPTH, MOST_NODES = 4, 120
#: Characters of a term that is read and written with names.
LONGEST_TERM = 4096
#: Living terms whose descent is drawn, and lines that are read for all of them together.
LEAVES, MOST_LINES = 32, 4096


def lineage(log: ObservedLog, scope: Scope) -> Panel:
    """The ancestry of `scope.id` (else of the newest winner), as `show --depth` lists it."""
    name = scope.id or newest_winner(log)
    known = Lineage(log.log)
    root = known.now(name) if name else Version("", None)
    reason = "" if root.line else f"no object has the id {name!r}; ids are case-sensitive"
    rows = list(_bounded(known, root)) if root.line else []
    return panel(
        log, source="winners' parents, modifiedBy", window=f"{DEPTH} steps back", n=len(rows),
        reason=reason if name else "nothing has won yet: there is no ancestry", id=shortened(name),
        term=shortened(_term(log, root)), depth=DEPTH, cut=len(rows) >= MOST_NODES,
        **_graph(log, rows),
    )  # fmt: skip


def _bounded(known: Lineage, root: Version) -> list[Ancestor]:
    found = []
    for row in ancestry(known, root, DEPTH):
        found.append(row)
        if len(found) >= MOST_NODES:
            break
    return found


def newest_winner(log: ObservedLog) -> str:
    """The last winner of the log."""
    for tick in range(log.tick, max(0, log.tick - 100), -1):
        row = log.log.commits.row(tick)
        for line in range(row.first_line + row.lines - 1, row.first_line - 1, -1):
            members = log.members(line)
            if members.get("type") == "modification":
                return str(members["id"])
    return ""


def _term(log: ObservedLog, version: Version) -> str:
    members = log.members(version.line) if version.line else {}
    term, said = members.get("term"), members.get("text") or members.get("currentState")
    if isinstance(term, str):
        return snapshot.readable(term) if len(term) <= LONGEST_TERM else term
    return said if isinstance(said, str) else ""


def _graph(log: ObservedLog, rows: list[Ancestor]) -> dict[str, Any]:
    """Nodes in columns by their distance, and edges by the roles of parents."""
    number: dict[Version, int] = {}
    depth: dict[Version, int] = {}
    for row in rows:
        number.setdefault(row.version, len(number))
        depth.setdefault(row.version, row.depth)
    edges = [
        [number[row.version], number[parent.version], parent.role]
        for row in rows
        for parent in row.parents
        if parent.version in number
    ]
    width: dict[int, int] = {}
    nodes: list[dict[str, Any]] = []
    for version in number:
        at = width[depth[version]] = width.get(depth[version], 0) + 1
        nodes.append({
            "id": shortened(version.id, 120), "line": version.line, "depth": depth[version],
            "at": at, "tick": log.log.commits.tick_of_line(version.line) if version.line else None,
            "term": shortened(_term(log, version), 120),
        })  # fmt: skip
    for node in nodes:  # in the middle of their column
        node["at"] -= (width[node["depth"]] + 1) / 2
    return {"nodes": nodes, "edges": edges}


# The living.


def phylogeny(log: ObservedLog, _scope: Scope) -> Panel:
    """How the most frequent living terms descend from the genesis, along reactant `a`."""
    tick, world = log.worlds.newest()
    found = snapshot.survivors(log.log, world, tick, LEAVES)
    known, lines = Lineage(log.log), 0
    parent: dict[Version, Version | None] = {}
    leaves: dict[Version, int] = {}
    for species in found.species:
        version = known.now(species.ids[0])
        leaves[version] = species.count
        while version not in parent and lines < MOST_LINES:
            above = known.parents(version)
            lines += 1
            step = next((p for p in above if p.role == "a"), above[0] if above else None)
            parent[version] = step.version if step else None
            if step is None:
                break
            version = step.version
    terms = {known.now(s.ids[0]): shortened(s.readable, 120) for s in found.species}
    return panel(
        log, source=f"winners' parents (reactant a) of what lives after tick {tick:,}",
        window=f"the {len(leaves)} most frequent of {found.distinct:,} living terms",
        n=len(leaves), reason="" if leaves else "nothing lives",
        cut=lines >= MOST_LINES, **_tree(log, parent, leaves, terms),
    ) | {"tick": tick}  # fmt: skip


def _tree(
    log: ObservedLog, parent: dict[Version, Version | None], leaves: dict[Version, int],
    terms: dict[Version, str],
) -> dict[str, Any]:  # fmt: skip
    """Leaves one below the other, who bore them in the middle between; x is the tick."""
    children: dict[Version | None, list[Version]] = {}
    for version, above in parent.items():
        children.setdefault(above if above in parent else None, []).append(version)
    height: dict[Version, float] = {}
    waiting = [(root, False) for root in reversed(children.get(None, []))]
    row = 0
    while waiting:
        version, done = waiting.pop()
        below = children.get(version, [])
        if below and not done:
            waiting += [(version, True), *((child, False) for child in reversed(below))]
            continue
        own = [height[child] for child in below]
        if not own:
            row += 1
        height[version] = sum(own) / len(own) if own else float(row)
    order = {version: k for k, version in enumerate(height)}
    nodes = [
        {
            "id": shortened(version.id, 120), "line": version.line, "y": round(y, 4),
            "tick": log.log.commits.tick_of_line(version.line) if version.line else 0,
            "parent": order.get(above) if (above := parent[version]) else None,
            "count": leaves.get(version, 0), "term": terms.get(version, ""),
        }
        for version, y in height.items()
    ]  # fmt: skip
    return {"nodes": nodes}
