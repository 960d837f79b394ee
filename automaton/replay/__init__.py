"""From the lines of a log back to its world.

Touches an opened log, read only. Must not know: appending, verdicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .genesis import MalformedLines as MalformedLines
    from .genesis import genesis_objects as genesis_objects
    from .world_checkpoint import CheckpointWriter as CheckpointWriter
else:
    __getattr__ = lazy(
        __name__,
        {
            "genesis": "MalformedLines genesis_objects",
            "world_checkpoint": "CheckpointWriter",
        },
    )

__all__ = [
    "CheckpointWriter",
    "MalformedLines",
    "batch_claims",
    "damaged_genesis",
    "genesis_objects",
    "omitted_batches",
    "recompute",
    "restore",
    "run_options",
    "spot_check",
    "world_checkpoint",
]
