"""Where a tick's batch is computed.

Touches the choice of device. Must not know: who wins, files, the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automaton import lazy

if TYPE_CHECKING:
    from .cpu import CpuBackend as CpuBackend
    from .cpu import opened as opened
    from .device_choice import open_backend as open_backend
    from .request import ON_CPU as ON_CPU
    from .request import DeviceRequest as DeviceRequest
    from .workspace import Workspace as Workspace
    from .workspace import attach as attach
else:
    __getattr__ = lazy(
        __name__,
        {
            "cpu": "CpuBackend opened",
            "device_choice": "open_backend",
            "request": "DeviceRequest ON_CPU",
            "workspace": "Workspace attach",
        },
    )

__all__ = [
    "ON_CPU",
    "CpuBackend",
    "DeviceRequest",
    "Workspace",
    "attach",
    "batch",
    "open_backend",
    "opened",
    "workspace",
]
