"""The population as a map: a cell a place, a colour a term."""

from __future__ import annotations

from typing import Any

from automaton.analysis import snapshot
from automaton.analysis.snapshot import World
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened

#: Terms that are listed and have a colour of their own, and places that are drawn.
LISTED, MOST_PLACES = 20, 40_000
#: Characters of a term that a cell shows.
CELL_TEXT = 120


def population(log: ObservedLog, scope: Scope) -> Panel:
    """Who lives in each place after a tick; the most frequent terms are those of `population`."""
    if scope.tick is None:
        tick, world = log.worlds.newest()
    else:
        tick, world = scope.tick, log.worlds.at(scope.tick)
    return {**drawn(log, world, tick), "tick": tick}


def drawn(log: ObservedLog, world: World, tick: int) -> Panel:
    """The map of a snapshot."""
    found = snapshot.survivors(log.log, world, tick, LISTED)
    cells = snapshot.place_map(log.log, world, tick, MOST_PLACES)
    left = found.live - len(cells.places)
    return panel(
        log, source="the lines of the log, folded up to this tick",
        window=f"after tick {tick:,}", n=found.live,
        reason=f"{left:,} places more are not drawn" if left else "",
        live=found.live, distinct=found.distinct, places=world.population.max_objects,
        species=[_short(species.as_json()) for species in found.species],
        cells={
            "place": cells.places, "species": cells.species,
            "name": [shortened(name, 60) for name in cells.names],
            "term": [shortened(term, CELL_TEXT) for term in cells.terms],
            "count": cells.counts,
        },
    )  # fmt: skip


def _short(species: dict[str, Any]) -> dict[str, Any]:
    """A row of `population` whose texts are bounded."""
    names = {name: [shortened(text, 120) for text in species[name]] for name in ("ids", "makers")}
    return {
        **species, **names,
        "term": shortened(species["term"]), "readable": shortened(species["readable"]),
    }  # fmt: skip
