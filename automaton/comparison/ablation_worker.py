"""A process that makes runs of an ablation for its parent, until the parent hangs up or is gone.

Must not know: other runs, what is off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automaton.comparison.ablation_measures import measured
from automaton.log import Log
from automaton.soups.campaign_worker import answer, completed
from automaton.workers.spawn import Channel


def handle(channel: Channel) -> None:
    """Make the runs that are asked for, one at a time, and say what each came to."""
    answer(channel, made)


def made(path: str, options: dict[str, Any], ticks: int) -> dict[str, Any]:
    """Have a log so many ticks; its head, and its measures, which are read from it."""
    with completed(path, options, ticks) as run:
        head = run.log.head.hex()
    with Log.open(Path(path), write=False) as log:
        return {"head": head, "figures": measured(log)}
