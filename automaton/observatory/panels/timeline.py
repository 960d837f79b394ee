"""The state after any tick, folded from the log: what the playhead shows."""

from __future__ import annotations

from automaton.observatory.observed_log import ObservedLog, Scope
from automaton.observatory.panels import Panel, shortened
from automaton.observatory.panels.population_map import drawn


def timeline(log: ObservedLog, window: Scope) -> Panel:
    """Machine, counters and population after a tick, equal to those of `replay --to` that tick."""
    tick = log.tick if window.tick is None else window.tick
    world = log.worlds.at(tick)
    commit = log.log.commit(tick) if tick else None
    counters = {**world.state.counters}
    return {
        **drawn(log, world, tick), "tick": tick, "last": log.tick, "swept": log.worlds.swept,
        "automaton": shortened(world.current or "", 80), "dimension": world.dimension(),
        "counters": counters, "actions": {**world.state.actions},
        "outcomes": dict(commit.outcomes) if commit else {},
        "chain": log.log.chain_at(tick).hex(),
    }  # fmt: skip
