"""A process that makes runs of a sweep for its parent, until the parent hangs up or is gone.

Must not know: other runs, what the figures are for.
"""

from __future__ import annotations

from typing import Any

from automaton.analysis.population_series import row_of
from automaton.format.machine_state import MachineState
from automaton.soups.campaign_worker import answer, completed
from automaton.soups.living_terms import alike
from automaton.terms.notation import parse
from automaton.workers.spawn import Channel


def handle(channel: Channel) -> None:
    """Make the runs that are asked for, one at a time, and say what each came to."""
    answer(channel, made)


def made(path: str, options: dict[str, Any], ticks: int, counted: dict[str, str]) -> dict[str, Any]:
    """Have a log so many ticks; its head, and the figures after the last one.

    counted: terms by name, of whose like that live a number is given.
    """
    with completed(path, options, ticks) as run:
        log, world = run.log, run.world
        before, outcomes = 0, dict.fromkeys(log.commit(ticks).outcomes, 0)
        for tick in range(1, ticks + 1):
            commit = log.commit(tick)
            for name, count in commit.outcomes.items():
                outcomes[name] += count
            if tick == ticks - 1:
                before = MachineState.of(commit.state, tick).counters["modifications"]
        winners = world.state.counters["modifications"] - before
        row = row_of(log, world, ticks, winners).as_json()
        found: dict[str, Any] = {
            "head": log.head.hex(), "figures": {**row, "outcomes": outcomes}
        }  # fmt: skip
        if counted:
            found["counts"] = {name: alike(world, parse(text)) for name, text in counted.items()}
        return found
