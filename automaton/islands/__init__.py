"""Many islands: logs that exchange their best terms, on one machine and beyond.

Touches the clock and processes, logs through runs, networks in its transports and
carriers alone. Must not know: the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .archipelago import Archipelago as Archipelago
    from .driver import Driver as Driver
    from .schedule import Schedule as Schedule
else:
    __getattr__ = lazy(
        __name__,
        {"archipelago": "Archipelago", "driver": "Driver", "schedule": "Schedule"},
    )

__all__ = [
    "Archipelago",
    "Driver",
    "Schedule",
    "archipelago",
    "carrier",
    "cross_verification",
    "driver",
    "folder",
    "island",
    "local_carrier",
    "topology",
    "verification_process",
]
