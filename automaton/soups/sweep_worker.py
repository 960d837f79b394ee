"""A process that makes runs of a sweep for its parent, until the parent hangs up or is gone.

A run goes on where its log ended, so that one that was killed is finished and not begun
again. Must not know: other runs, what the figures are for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from automaton.analysis.population_series import row_of
from automaton.errors import AutomatonError
from automaton.format.machine_state import MachineState
from automaton.run import Run, SidecarOptions
from automaton.soups.living_terms import alike
from automaton.terms.notation import parse
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.spawn import LONGEST_TEXT, Channel

_ALONE = ScalingOptions(engine="serial")


def handle(channel: Channel) -> None:
    """Make the runs that are asked for, one at a time, and say what each came to."""
    answer_all(channel, made)


def answer_all(channel: Channel, make: Callable[..., dict[str, Any]]) -> None:
    """Have `make` make what is asked for; an error is an answer."""
    while message := channel.receive():
        try:
            answer: dict[str, Any] = {"made": make(*json.loads(message))}
        except (AutomatonError, OSError, MemoryError) as error:
            text = str(error) or type(error).__name__
            answer = {"failed": text[:LONGEST_TEXT]}
        channel.send(json.dumps(answer).encode())


def made(path: str, options: dict[str, Any], ticks: int, counted: dict[str, str]) -> dict[str, Any]:
    """Have a log so many ticks; its head, and the figures after the last one.

    counted: terms by name, of whose like that live a number is given.
    """
    keeping = SidecarOptions(0)
    with Run(path, options, record="commits", scaling=_ALONE, keeping=keeping) as run:
        if run.tick < ticks:
            run.go(ticks=ticks - run.tick, interval_ms=0)
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
