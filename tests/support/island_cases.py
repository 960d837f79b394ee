"""Small archipelagos: their folders, how they are run in turn, and digests of their logs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from small import encoded, rich

from automaton.format.records import Genesis
from automaton.islands.archipelago import FILE, Archipelago
from automaton.islands.carrier import SerialCarrier
from automaton.islands.driver import Driver
from automaton.islands.folder import Folder
from automaton.islands.island import HostOptions, Island
from automaton.islands.schedule import Schedule
from automaton.islands.topology import named_topology

#: Nobody waits for the disk in a test that does not lose power.
QUICK = HostOptions(durability="off")
#: The same, with all lines but winners.
KEPT = QUICK._replace(record="commits")


def small_archipelago(count: int = 3, topology: str = "ring", **more: Any) -> Archipelago:
    """Islands with a machine that performs all actions, in epochs of five ticks."""
    genesis = encoded(rich())
    options = {"parallel": 8, "max_objects": 200, **more.pop("options", {})}
    settings: dict[str, Any] = {"epoch": 5, "migrants": 2, "seed": 7, **more}
    return Archipelago(
        named_topology(topology, count), topology,
        genesis=Genesis(len(genesis), hashlib.sha256(genesis).digest()),
        options=options, **settings,
    )  # fmt: skip


def written_folder(path: Path, archipelago: Archipelago) -> Folder:
    """A folder with an archipelago that never ran."""
    path.mkdir()
    (path / FILE).write_bytes(archipelago.lines)
    folder = Folder(path, archipelago)
    for log in folder.logs:
        log.write_bytes(encoded(rich()))
    return folder


def run_in_turn(folder: Folder, until: int, options: HostOptions = QUICK) -> None:
    """Take all islands to so many epochs, one after the other in this process: the oracle."""
    carrier = SerialCarrier(lambda k: Island(folder, k, options))
    try:
        assert Driver(Schedule(folder.archipelago, None, until), carrier).go()
    finally:
        carrier.close()


def digests(folder: Folder) -> list[str]:
    """SHA-256 of every log."""
    return [hashlib.sha256(log.read_bytes()).hexdigest() for log in folder.logs]
