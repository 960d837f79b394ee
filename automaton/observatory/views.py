"""The panels by name, in the order of the page: a new one is a row here and a file."""

from __future__ import annotations

from automaton.observatory.panels import View
from automaton.observatory.panels.ancestry_graph import lineage, phylogeny
from automaton.observatory.panels.diversity import diversity
from automaton.observatory.panels.head import head
from automaton.observatory.panels.kymograph import kymograph
from automaton.observatory.panels.memory_map import memory
from automaton.observatory.panels.outcome_shares import outcomes
from automaton.observatory.panels.population_map import population
from automaton.observatory.panels.rates import rates
from automaton.observatory.panels.stream_shares import competition
from automaton.observatory.panels.timeline import timeline
from automaton.observatory.panels.verdicts import decisions

#: From the commits alone: made again and again.
QUICK: dict[str, View] = {
    "head": head, "rates": rates, "outcomes": outcomes, "kymograph": kymograph,
}  # fmt: skip
#: From winners and snapshots: made as time allows.
SLOW: dict[str, View] = {
    "population": population, "competition": competition, "diversity": diversity,
    "decisions": decisions, "lineage": lineage, "phylogeny": phylogeny, "memory": memory,
}  # fmt: skip
#: What a reader may ask for, with an id, a term or a tick.
ASKED: dict[str, View] = {
    "population": population, "decisions": decisions, "lineage": lineage, "memory": memory,
    "timeline": timeline,
}  # fmt: skip
EVERY: dict[str, View] = {**QUICK, **SLOW, "timeline": timeline}
