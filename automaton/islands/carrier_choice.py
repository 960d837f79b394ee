"""Carriage: opens the carrier of islands, and the transport of migrants, that somebody names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from automaton.errors import UsageError
from automaton.islands.carrier import Carrier as Carrier  # noqa: PLC0414 - what is opened
from automaton.islands.carrier import SerialCarrier as SerialCarrier  # noqa: PLC0414 - as above
from automaton.islands.copies.log_archive import ArchiveFollower, LogArchive
from automaton.islands.copies.log_archive import Reader as Reader  # noqa: PLC0414 - who follows
from automaton.islands.copies.shared_place import SharedPlace, new_folder, restored
from automaton.islands.folder import Folder, open_folder
from automaton.islands.island import HostOptions, Island
from automaton.islands.local_carrier import LocalCarrier
from automaton.islands.ray_carrier import RayCarrier
from automaton.islands.redis_store.redis_server import parse_servers
from automaton.islands.redis_store.redis_streams import RedisStreams
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


def open_transport(text: str, digest: str) -> RedisStreams | None:
    """The servers of an archipelago by their addresses; None where all islands run here."""
    return None if text == DIRECT else RedisStreams(digest, parse_servers(text))


def open_shared(path: Path, shared: Path | None) -> Folder:
    """The archipelago of a folder, which a shared place may begin on a host that has none."""
    if shared is not None:
        new_folder(path, shared)
    folder = open_folder(path)
    if shared is not None:
        SharedPlace(shared, folder.archipelago).prepare(folder)
    return folder


def restore(
    folder: Folder, islands: Iterable[int], shared: Path | None, streams: RedisStreams | None
) -> list[str]:
    """Bring back logs that are lost here, from the shared place and the servers; what was done."""
    said = []
    for island in islands:
        gains = () if streams is None else (gain.piece for gain in streams.logs.gains(island, 0))
        copied, ticks = restored(folder, island, shared, gains)
        if ticks:
            said.append(
                f"island {island} goes on from tick {ticks:,}: {copied:,} from the shared place, "
                f"{ticks - copied:,} more from its stream"
            )
    return said


def open_follower(path: Path, origin: Folder, islands: Sequence[int], streams: RedisStreams,
                  who: Reader) -> tuple[LogArchive, ArchiveFollower]:  # fmt: skip
    """Copies of islands' logs in a folder, and what keeps them up with the servers."""
    archive = LogArchive(path, origin, islands)
    return archive, ArchiveFollower(archive, streams.logs, who)
