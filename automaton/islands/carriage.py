"""Carriage: opens the carrier of islands, and the transport of migrants, that somebody names."""

from __future__ import annotations

from automaton.errors import UsageError
from automaton.islands.carrier import Carrier as Carrier  # noqa: PLC0414 - what is opened
from automaton.islands.carrier import SerialCarrier as SerialCarrier  # noqa: PLC0414 - as above
from automaton.islands.folder import Folder
from automaton.islands.island import HostOptions, Island
from automaton.islands.local_carrier import LocalCarrier
from automaton.islands.ray_carrier import RayCarrier
from automaton.islands.redis_streams import RedisStreams, parse_servers
from automaton.islands.transport import Transport
from automaton.workers import available_cores

CARRIERS = ("local", "ray", "here")
DIRECT = "direct"


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


def open_transport(text: str, digest: str) -> Transport | None:
    """The servers of an archipelago by their addresses; None where all islands run here."""
    return None if text == DIRECT else RedisStreams(digest, parse_servers(text))
