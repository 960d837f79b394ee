"""A process that makes runs of a sweep for its parent, until the parent hangs up or is gone.

A run goes on where its log ended, so that one that was killed is finished and not begun
again. Must not know: other runs, what the figures are for.
"""

from __future__ import annotations

import json
from typing import Any

from automaton.analysis.population_series import tick_rows
from automaton.errors import AutomatonError
from automaton.log import Log
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.run import Run, SidecarOptions
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.spawn import LONGEST_TEXT, Channel

_ALONE = ScalingOptions(engine="serial")


def handle(channel: Channel) -> None:
    """Make the runs that are asked for, one at a time, and say what each came to."""
    while message := channel.receive():
        path, options, ticks = json.loads(message)
        try:
            answer: dict[str, Any] = {"made": made(path, options, ticks)}
        except (AutomatonError, OSError, MemoryError) as error:
            text = str(error) or type(error).__name__
            answer = {"failed": text[:LONGEST_TEXT]}
        channel.send(json.dumps(answer).encode())


def made(path: str, options: dict[str, Any], ticks: int) -> dict[str, Any]:
    """Have a log so many ticks; its head, and the figures after the last one."""
    keeping = SidecarOptions(0)
    with Run(path, options, record="commits", scaling=_ALONE, keeping=keeping) as run:
        if run.tick < ticks:
            run.go(ticks=ticks - run.tick, interval_ms=0)
    with Log.open(path, write=False) as log, with_omitted_batches(log):
        *_, last = tick_rows(log, ticks)
        outcomes = dict.fromkeys(last.outcomes, 0)
        for tick in range(1, ticks + 1):
            for name, count in log.commit(tick).outcomes.items():
                outcomes[name] += count
        row = last.as_json()
        return {"head": log.head.hex(), "figures": {**row, "outcomes": outcomes}}
