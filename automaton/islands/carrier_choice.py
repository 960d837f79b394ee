"""Opens the carrier that somebody names."""

from __future__ import annotations

from automaton.errors import UsageError
from automaton.islands.carrier import Carrier as Carrier  # noqa: PLC0414 - what is opened
from automaton.islands.carrier import SerialCarrier
from automaton.islands.folder import Folder
from automaton.islands.island import HostOptions, Island
from automaton.islands.local_carrier import LocalCarrier
from automaton.islands.ray_carrier import RayCarrier
from automaton.workers import available_cores

CARRIERS = ("local", "ray", "here")


def open_carrier(
    name: str, folder: Folder, options: HostOptions, processes: int | None,
    address: str | None = None,
) -> Carrier:  # fmt: skip
    """`local`: so many processes of this machine (None: its cores); `here`: this thread.

    `ray`: a cluster at an address; None: one of this program's own.
    """
    if name == "here":
        return SerialCarrier(lambda number: Island(folder, number, options))
    if name == "local":
        return LocalCarrier(folder, processes or available_cores(), options)
    if name == "ray":
        return RayCarrier(folder, options, address)
    raise UsageError(f"there is no carrier {name!r} (there are {', '.join(CARRIERS)})")
