"""Which device somebody asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from automaton.compute.capability import Name, silent


class DeviceRequest(NamedTuple):
    """Which device a run asks for, how much at a time, and whom it tells what came of it."""

    device: Name = "cpu"
    gpu_batch_size: int | None = None  # reactions at a time at most; None: what memory allows
    say: Callable[[str], None] = silent


ON_CPU = DeviceRequest()
