"""What processes that make runs of campaigns share: the loop, and a log that gets its ticks.

A run goes on where its log ended, so that one that was killed is finished and not begun
again. Must not know: other runs, what the figures are for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from automaton.errors import AutomatonError, WorkerError
from automaton.run import Run, SidecarOptions
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.spawn import LONGEST_TEXT, Channel

_ALONE = ScalingOptions(engine="serial")


def answer(channel: Channel, make: Callable[..., dict[str, Any]]) -> None:
    """Make the runs that are asked for, one at a time, and say what each came to.

    `make` takes the values of `Campaign.task`. Ends when the parent hangs up.
    """
    while message := channel.receive():
        try:
            said: dict[str, Any] = {"made": make(*json.loads(message))}
        except AutomatonError as error:
            said = {"failed": [type(error).__name__, str(error)[:LONGEST_TEXT]]}
        except (OSError, MemoryError) as error:
            text = str(error) or type(error).__name__
            said = {"failed": [WorkerError.__name__, text[:LONGEST_TEXT]]}
        channel.send(json.dumps(said).encode())


@contextmanager
def completed(path: str, options: Mapping[str, Any], ticks: int) -> Iterator[Run]:
    """A log that has so many ticks, its winners left out of the file."""
    keeping = SidecarOptions(0)
    with Run(path, options, record="commits", scaling=_ALONE, keeping=keeping) as run:
        if run.tick < ticks:
            run.go(ticks=ticks - run.tick, interval_ms=0)
        yield run
