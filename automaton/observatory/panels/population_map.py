"""The population as a map: a cell a place, a colour a term."""

from __future__ import annotations

from automaton.analysis import snapshot
from automaton.analysis.snapshot import World
from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, panel, shortened

#: Terms that are listed and have a colour of their own, and places that are drawn.
LISTED, MOST_PLACES = 20, 40_000
#: Characters of a term that a cell shows.
_CELL_TEXT = 120


def population(log: ObservedLog, window: Scope) -> Panel:
    """Who lives in each place after a tick; the most frequent terms are those of `population`."""
    tick = log.tick if window.tick is None else window.tick
    world = log.live.at(tick) if window.tick is None else log.worlds.at(tick)
    return {**drawn(log, world, tick), "tick": tick}


def drawn(log: ObservedLog, world: World, tick: int) -> Panel:
    """The map of a snapshot."""
    found = snapshot.survivors(log.log, world, tick, LISTED)
    cells = snapshot.place_map(world, MOST_PLACES)
    left = found.live - len(cells.places)
    return panel(
        log, source="the lines of the log, folded up to this tick",
        window=f"after tick {tick:,}", n=found.live,
        reason=f"{left:,} places more are not drawn" if left else "",
        live=found.live, distinct=found.distinct, places=world.population.max_objects,
        species=[
            {**species.as_json(), "term": shortened(species.term),
             "readable": shortened(species.readable)}
            for species in found.species
        ],
        cells={
            "place": cells.places, "species": cells.species,
            "name": [shortened(name, 60) for name in cells.names],
            "term": [shortened(term, _CELL_TEXT) for term in cells.terms],
            "count": cells.counts,
        },
    )  # fmt: skip
