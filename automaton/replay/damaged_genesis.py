"""What `--as-genesis` asks for: a log that is damaged anywhere counts as a genesis, whole.

Looks for damage wherever it may stand, which a run that goes on does not. Must not
know: what a damaged file is told apart by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automaton.errors import DamagedError
from automaton.log import Log
from automaton.replay.damage import sealed_damage
from automaton.replay.genesis import MalformedLines
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.replay.restore import restore_world
from automaton.replay.run_options import options_for


def as_data_if_damaged(log: Log, given: Mapping[str, Any]) -> None:
    """Where anything of the log is not what was sealed, or cannot be folded: it is mere data.

    Every byte is read, and every tick folded: this is for who asked for it.
    """
    damage = sealed_damage(log)
    if damage is None and len(log.commits):
        try:
            with with_omitted_batches(log):
                restore_world(log, options_for(log, given), MalformedLines(), lambda _tick: None)
        except DamagedError as error:
            damage = error
    if damage is not None:
        log.become_genesis(damage)
