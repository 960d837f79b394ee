"""A process that makes merged soups for its parent, and says what became of their parts.

Must not know: other runs, what the figures are for.
"""

from __future__ import annotations

from typing import Any

from automaton.log import Log
from automaton.replay import restore
from automaton.soups import campaign_worker, sweep_worker
from automaton.soups.merged_soup import merger_of
from automaton.workers.spawn import Channel


def handle(channel: Channel) -> None:
    """Make the soups that are asked for, one at a time, and say what each came to."""
    campaign_worker.answer(channel, made)


def made(path: str, options: dict[str, Any], ticks: int) -> dict[str, Any]:
    """Have a log so many ticks; its head, figures, and what became of its parts."""
    found = sweep_worker.made(path, options, ticks, {})
    with Log.open(path, write=False) as log:
        merged = merger_of(log, restore.world_at(log, ticks))
    assert merged is not None  # the genesis has two parts
    return {**found, "merger": merged.as_json()}
