"""Islands on a Ray cluster of this machine while something dies; run as a program of its own.

Arguments: the folder, epochs, what dies (nothing, actor, raylet). Prints restarts as JSON.
The cluster stands on loopback addresses alone; only what it started is ended.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import psutil
from ray.cluster_utils import Cluster

from automaton.islands.driver import Driver
from automaton.islands.folder import open_folder
from automaton.islands.island import HostOptions
from automaton.islands.ray_carrier import RayCarrier
from automaton.islands.schedule import Schedule

NODE: dict[str, Any] = {"num_cpus": 1, "include_dashboard": False}


def _killed(process: psutil.Process) -> None:
    """Kill it; return when it is dead, and what it started with it: nobody works on meanwhile."""
    below = process.children()
    process.kill()
    psutil.wait_procs([process, *below])


def scenario(path: Path, until: int, dies: str) -> dict[str, Any]:
    """Half of the epochs, then the death, then the rest; how often islands were lost."""
    folder = open_folder(path)
    cluster = Cluster()
    cluster.add_node(node_ip_address="127.0.0.2", **NODE)
    second = cluster.add_node(node_ip_address="127.0.0.3", **NODE)
    carrier = RayCarrier(folder, HostOptions("off"), cluster.address)
    try:
        assert Driver(Schedule(folder.archipelago, None, until // 2), carrier).go()
        islands = range(folder.archipelago.count)
        if dies == "actor":
            pids = {int(carrier.place(island).name.rpartition(" ")[2]) for island in islands}
            _killed(psutil.Process(min(pids)))
        if dies == "raylet":
            (raylet,) = second.all_processes["raylet"]
            _killed(psutil.Process(raylet.process.pid))
            raylet.process.wait()
        assert Driver(Schedule(folder.archipelago, None, until), carrier).go()
        return {"restarts": [carrier.place(island).restarts for island in islands]}
    finally:
        carrier.close()
        cluster.shutdown()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(scenario(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])))
