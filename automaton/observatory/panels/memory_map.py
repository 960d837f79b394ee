"""Terms by likeness: the living ones on a plane, and what the memory recalls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from automaton.analysis import snapshot
from automaton.errors import AutomatonError
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened

#: Terms that are drawn, the most frequent ones, and how many are recalled.
MOST_TERMS, RECALLED = 2000, 10


def memory(log: ObservedLog, scope: Scope) -> Panel:
    """The living terms by the counts that `recall` compares; `scope.term` is looked for."""
    tick, world = log.worlds.newest()
    found = snapshot.term_counts(world, MOST_TERMS)
    counts = np.array(found.counts, dtype=np.int64)
    enough = len(found.terms) > 2
    plane = snapshot.principal_plane(found.vectors, counts) if enough else None
    return panel(
        log, source="shapes counted in living terms; principal components of their unit vectors",
        window=f"the {len(found.terms):,} most frequent terms after tick {tick:,}",
        n=len(found.terms), reason="" if enough else "fewer than three terms live",
        x=plane.x.round(5).tolist() if plane else [],
        y=plane.y.round(5).tolist() if plane else [],
        explained=[round(share, 5) for share in plane.explained] if plane else [],
        name=[shortened(name, 60) for name in found.names],
        term=[shortened(term, 120) for term in found.terms], count=found.counts,
        **_recalled(log, scope.term),
    ) | {"tick": tick}  # fmt: skip


def _recalled(log: ObservedLog, term: str) -> dict[str, Any]:
    """What the memory beside the log holds that is most like a term, as `recall` prints it."""
    from automaton.vector_store import folder, most_like, open_store, ownership  # noqa: PLC0415  # loads an engine

    place = folder(Path(log.log.path))
    nothing: dict[str, Any] = {"asked": shortened(term), "recalled": [], "items": None}
    if not place.is_dir():
        return {**nothing, "recall_reason": "nothing of this log is remembered: there is no folder "
                f"{shortened(place.name)}; `memory reindex` makes it"}  # fmt: skip
    if not term.strip():
        return {**nothing, "recall_reason": ""}
    try:
        ownership.require_ownership(log.log, place)
        with open_store(log.path, reading=True) as store:
            rows = most_like(store, snapshot.closed_term(term), RECALLED)
            items = store.count()
    except AutomatonError as error:
        return {**nothing, "recall_reason": shortened(str(error))}
    names = ("id", "term", "tick", "stream", "dimension", "won", "strength")
    found = [
        {"likeness": row.cosine,
         **{name: _short(row.payload.get(name)) for name in names}} for row in rows
    ]  # fmt: skip
    return {**nothing, "recalled": found, "items": items, "recall_reason": ""}


def _short(value: object) -> object:
    return shortened(value) if isinstance(value, str) else value
