"""Opens the carrier that somebody names."""

from __future__ import annotations

from automaton.errors import UsageError
from automaton.islands.carrier import Carrier, SerialCarrier
from automaton.islands.folder import Folder
from automaton.islands.island import HostOptions, Island
from automaton.islands.local_carrier import LocalCarrier
from automaton.workers import available_cores

CARRIERS = ("local", "here")


def open_carrier(name: str, folder: Folder, options: HostOptions, processes: int | None) -> Carrier:
    """`local`: so many processes of this machine (None: its cores); `here`: this thread."""
    if name == "here":
        return SerialCarrier(lambda number: Island(folder, number, options))
    if name == "local":
        return LocalCarrier(folder, processes or available_cores(), options)
    raise UsageError(f"there is no carrier {name!r} (there are {', '.join(CARRIERS)})")
