"""Many islands: logs that exchange their best terms, on one machine and beyond.

Touches the clock and processes, logs through runs, networks in its transports and
carriers alone. Must not know: the terminal.
"""

from __future__ import annotations

__all__ = [
    "archipelago",
    "carrier_choice",
    "cross_verification",
    "driver",
    "exchange",
    "folder",
    "island",
    "projection",
    "schedule",
    "shared_lineage",
    "topology",
    "verification_process",
]
