"""A process that makes archipelagos for its parent, until the parent hangs up or is gone.

All islands of a run one after the other in this thread; one that was killed goes on from
its logs. Must not know: other runs, what the figures are for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automaton.comparison.run_distributions import distributions
from automaton.errors import WorkerError
from automaton.islands.carrier_choice import SerialCarrier
from automaton.islands.cross_verification import head_of_heads
from automaton.islands.driver import Driver
from automaton.islands.folder import open_folder
from automaton.islands.island import HostOptions, Island
from automaton.islands.schedule import Schedule
from automaton.soups.campaign_worker import answer
from automaton.workers.spawn import Channel

#: A run is made again where its disk lost it; winners are computed again from the rest.
_KEPT = HostOptions(durability="off", record="commits")


def handle(channel: Channel) -> None:
    """Make the runs that are asked for, one at a time, and say what each came to."""
    answer(channel, made)


def made(path: str, epochs: int) -> dict[str, Any]:
    """Take the islands of a folder so far; their heads, and the distributions at the end."""
    folder = open_folder(Path(path))
    islands = [Island(folder, k, _KEPT) for k in range(folder.archipelago.count)]
    carrier = SerialCarrier(lambda number: islands[number])
    try:
        if not Driver(Schedule(folder.archipelago, None, epochs), carrier).go():
            raise WorkerError(f"{path} did not come to epoch {epochs}")
        runs = [island.run for island in islands]
        heads = [run.log.head for run in runs]
        found = distributions([run.log for run in runs], [run.world for run in runs])
    finally:
        carrier.close()
    return {
        "head": head_of_heads(heads).hex(), "heads": [head.hex() for head in heads],
        "distributions": found,
    }  # fmt: skip
