"""Cycles on a Ray cluster of this machine while something dies; run as a program of its own.

Arguments: the log, cycles. Four calls: one while a process and then a node are killed, one
in which a cycle kills its process, one in which a cycle never ends, one while the node of
this program is killed. Prints the results of each as JSON, and what ended the last one.
The cluster stands on loopback addresses alone; only what it started is ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import engine_stages as own
import psutil
from ray.cluster_utils import Cluster

from automaton.cycles import ParallelEngine
from automaton.cycles.results import to_text

NODE: dict[str, Any] = {"num_cpus": 1, "include_dashboard": False}


class Deaths:
    """Is told how many cycles are over: a process dies, then the raylet of the second node."""

    def __init__(self, first: Any, second: Any) -> None:
        self._first, self._second = (
            node.all_processes["raylet"][0].process.pid for node in (first, second)
        )
        self.killed: list[str] = []

    def __call__(self, done: int) -> None:
        """Kill what is next."""
        if done and not self.killed:
            for child in psutil.Process(self._first).children():
                if "run_range" in " ".join(child.cmdline()):
                    child.kill()
                    self.killed.append("process")
        elif self.killed == ["process"]:
            os.kill(self._second, signal.SIGKILL)
            self.killed.append("raylet")

    def last(self, done: int) -> None:
        """Kill the node of this program."""
        if done and self.killed[-1] != "own":
            os.kill(self._first, signal.SIGKILL)
            self.killed.append("own")


def scenario(log: Path, cycles: int) -> dict[str, Any]:
    """The results of each call, and what was killed from outside."""
    cluster = Cluster()
    try:
        first = cluster.add_node(node_ip_address="127.0.0.2", **NODE)
        second = cluster.add_node(node_ip_address="127.0.0.3", **NODE)
        deaths = Deaths(first, second)
        settings: dict[str, Any] = {"sequential": 0.0, "address": cluster.address}
        whole = ParallelEngine(log, 16, "ray", **settings)
        found = {"whole": whole.run(cycles, progress=deaths)}
        found["killed"] = ParallelEngine(log, 16, "ray", graph=own.KILLED, **settings).run(6)
        late = ParallelEngine(log, 16, "ray", graph=own.HANGS, deadline=0.3, **settings)
        found["hangs"] = late.run(6)
        lost = ParallelEngine(log, 16, "ray", **settings)
        found["lost"] = lost.run(10 * cycles, progress=deaths.last)
        texts = {name: [to_text(result) for result in ran.results] for name, ran in found.items()}
        trouble = str(found["lost"].trouble)
        return {"killed from outside": deaths.killed, "trouble": trouble, **texts}
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(scenario(Path(sys.argv[1]), int(sys.argv[2]))))
