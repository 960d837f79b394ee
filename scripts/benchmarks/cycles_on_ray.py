"""Cycles as tasks of Ray on one node beside processes of our own: by the clock, by processor time.

Processor time is that of the whole tree, Ray's own processes included, between two looks
while all compute: starting is left out. The cluster is of this benchmark's own, on a
loopback address. Both go in turn, and ratios are medians within a turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from automaton.cycles import ParallelEngine, load_population
from automaton.cycles.results import to_text
from scripts.benchmarks.common import Benchmark, Command, Figures, has, must, ratio
from scripts.benchmarks.cycles import the_log

WORKERS, IN_FLIGHT = 2, (100, 1000)
APART_S = 0.5  # seconds between two looks


def tree_seconds() -> float:
    """Processor time of this process and all below it that live."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def turn(engine: ParallelEngine, cycles: int) -> tuple[dict[str, float], list[str]]:
    """Cycles a second, and a second of processor time; and the results."""
    seen: list[tuple[int, float, float]] = []

    def progress(done: int) -> None:
        if done and (not seen or time.monotonic() - seen[-1][2] > APART_S):
            seen.append((done, tree_seconds(), time.monotonic()))

    ran = engine.run(cycles, progress=progress)
    must(len(seen) > 1, "all was over before it could be looked at twice: ask for more cycles")
    first, last = seen[0], seen[-1]
    figures = {
        "by_clock": ran.report.throughput_per_second,
        "by_processor": (last[0] - first[0]) / max(last[1] - first[1], 1e-9),
        "ready_s": ran.saw.ready_seconds,
    }
    return figures, [to_text(result) for result in ran.results]


def measure(asked: argparse.Namespace) -> Figures:
    """Every number in flight, in turn."""
    must(has("ray"), "Ray is not installed (extra scale)")
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster  # type: ignore[import-not-found,unused-ignore]

    cycles = 3000 if asked.quick else 6000
    found: Figures = {"cycles": cycles, "workers": WORKERS}
    cluster = Cluster()
    with tempfile.TemporaryDirectory() as name:
        log = the_log(Path(name))
        settings: dict[str, Any] = {
            "branch": load_population(log), "sequential": 0.0, "workers": WORKERS,
        }  # fmt: skip
        try:
            cluster.add_node(node_ip_address="127.0.0.2", num_cpus=WORKERS, include_dashboard=False)
            for most in IN_FLIGHT:
                engines = {
                    "process": ParallelEngine(log, most, "process", **settings),
                    "ray": ParallelEngine(log, most, "ray", address=cluster.address, **settings),
                }
                found[f"{most} in flight"] = compared(engines, cycles, asked.turns)
        finally:
            cluster.shutdown()
    return found | {"load_after": os.getloadavg()[0]}


def compared(engines: dict[str, ParallelEngine], cycles: int, turns: int) -> Figures:
    """Both engines turn after turn, and how they stand to each other."""
    rows: dict[str, dict[str, list[float]]] = {name: {} for name in engines}
    for _ in range(turns):
        results = []
        for name, engine in engines.items():
            figures, texts = turn(engine, cycles)
            results.append(texts)
            for key, value in figures.items():
                rows[name].setdefault(key, []).append(value)
        must(results[0] == results[1], "Ray's results are those of processes")
    kinds = ("by_clock", "by_processor")
    return {**rows, "ray_to_process": {k: ratio(rows["ray"][k], rows["process"][k]) for k in kinds}}


def show(found: Figures) -> None:
    """Medians of the turns beside the goal."""
    for name, part in found.items():
        if not isinstance(part, dict) or "ray" not in part:
            continue
        for kind, ratio_ in part["ray_to_process"].items():
            own, ours = (statistics.median(part[e][kind]) for e in ("ray", "process"))
            print(f"{name}, {kind}: Ray {own:,.0f}, processes {ours:,.0f} cycles a second, "
                  f"ratio {ratio_:.2f} (goal 0.85)")  # fmt: skip


BENCHMARK = Benchmark(
    measure,
    show,
    {"cycles, ray": Command("cycles log.jsonl --count {n} --on ray", n=2000, quick=50)},
    turns=3,
)
