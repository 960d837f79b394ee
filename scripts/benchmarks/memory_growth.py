"""Measures memory: growth of a long run, workers beside numba alone, a million live objects.

Each part runs in a process of its own. What is resident (RSS) holds no cache of files:
the log is written, never mapped. PSS counts what processes share once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from scripts.benchmarks.common import (
    Benchmark,
    Command,
    Figures,
    copy_shipped,
    lines_of,
    median_of,
    must,
    part,
    write_terms,
)

RATE = 100_000  # modifications a second that the long run is held to
ROUNDS = 16_384
WARM_SECONDS = 60.0  # a third of shorter runs: populations fill, a first checkpoint is kept
GOALS = {"grown_mb": 2.0, "beside_mb": 150.0, "million_mb": 1500.0}
_KINDS = ("VmRSS", "RssAnon", "RssFile", "RssShmem")


def resident() -> dict[str, float]:
    """What of this process is resident, in MB, by what it is."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {kind: int(found[kind].split()[0]) * 1024 / 1e6 for kind in _KINDS}


class Watch(threading.Thread):
    """Notes once a second what is resident, and what the run says it holds."""

    def __init__(self, run: Any) -> None:
        super().__init__(daemon=True)
        self.run_, self.ended = run, threading.Event()
        self.samples: list[dict[str, float]] = []
        self.began = time.monotonic()

    def run(self) -> None:
        """Sample until the end."""
        while not self.ended.wait(1.0):
            population = self.run_.world.population
            sample = {"s": time.monotonic() - self.began, "tick": self.run_.tick, **resident()}
            sample["code"] = population.code.nbytes / 1e6
            sample["names"] = population.names.nbytes / 1e6
            self.samples.append(sample)


def grown(seconds: float) -> dict[str, Any]:
    """How much more is resident at the end of a long run than after its warm-up."""
    from automaton.run import Run

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        copy_shipped(log)
        given = {"parallel": ROUNDS, "lock_dimension": 4, "max_objects": 20_000}
        with Run(log, given, durability="interval") as run:
            run.go(ticks=8, interval_ms=0)
            share = run.outcomes["normal"] / sum(run.outcomes.values())
            interval = round(1000 * ROUNDS * share / RATE)
            watch = Watch(run)
            watch.start()
            stats = run.go(seconds=seconds, interval_ms=interval)
            watch.ended.set()
            watch.join()
            size = run.log.size
            commits = len(run.log.commits)
    warm = min(WARM_SECONDS, seconds / 3)
    samples = [s for s in watch.samples if s["s"] > warm]
    part = max(1, len(samples) // 10)
    first, last = samples[:part], samples[-part:]
    by_kind = {kind: median_of(last, kind) - median_of(first, kind) for kind in [*_KINDS, "code"]}
    return {
        "seconds": seconds,
        "modifications_per_s": stats.modifications_per_s,
        "ticks": commits,
        "log_gb": size / 1e9,
        "grown_mb": by_kind["VmRSS"],
        "grown_mb_by_kind": by_kind,
        "rss_mb_by_tenths": [
            round(median_of(samples[at : at + part], "VmRSS"), 2)
            for at in range(0, len(samples), part)
        ],
        "peak_mb": max(s["VmRSS"] for s in samples),
    }


# -- populations of invented terms ----------------------------------------------------------


def pss(processes: list[psutil.Process]) -> float:
    """Memory of processes in MB, what they share counted once."""
    return float(sum(process.memory_full_info().pss for process in processes) / 1e6)


def of_a_run(count: int) -> dict[str, Any]:
    """PSS of a run with so many live objects and two worker processes."""
    from automaton.run import Run
    from automaton.workers.autoscale_policy import ScalingOptions

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        write_terms(log, count)
        given = {"operator": "λλ1 0", "parallel": 4096, "max_objects": max(count, 10_000)}
        scaling = ScalingOptions("process", 2, auto_scale=False)
        with Run(log, given, durability="off", scaling=scaling) as run:
            run.go(ticks=20, interval_ms=0)
            must(len(run.world.population) >= count, "fewer objects live than the log has")
            me = psutil.Process()
            tree = [me, *me.children(recursive=True)]
            return {"live": count, "processes": len(tree), "pss_mb": pss(tree)}


def numba_alone(count: int) -> float:
    """PSS of so many processes that import numba and do nothing, in MB."""
    program = "import numba; print(flush=True); input()"
    alone = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(count)
    ]
    for process in alone:
        assert process.stdout is not None
        process.stdout.readline()
    used = pss([psutil.Process(process.pid) for process in alone])
    for process in alone:
        process.communicate(b"\n")
    return used


def beside() -> dict[str, Any]:
    """10,000 live objects and two worker processes, beside processes with numba alone."""
    alone = numba_alone(3)  # before this process has loaded anything to share
    found = of_a_run(10_000)
    assert found["processes"] == 3, "the run, and two workers"
    return {**found, "numba_alone_mb": alone, "beside_mb": found["pss_mb"] - alone}


def million() -> dict[str, Any]:
    """1,000,000 live objects, two worker processes."""
    found = of_a_run(1_000_000)
    return {**found, "million_mb": found["pss_mb"]}


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "beside": beside, "million": million, "grown": grown,
}  # fmt: skip


def measure(asked: argparse.Namespace) -> Figures:
    """The parts, one after the other."""
    seconds = 10.0 if asked.quick else 60 * asked.minutes
    given = {"grown": [seconds]}
    return {
        name: part(__name__, name, *given.get(name, []))
        for name in asked.only or (["beside", "grown"] if asked.quick else PARTS)
    }


def show(results: Figures) -> None:
    """The figures beside their goals."""
    rows: list[tuple[str, float, str]] = []
    if "beside" in results:
        found = results["beside"]
        rows += [("10,000 live, 2 workers, PSS of the tree", found["pss_mb"], ""),
                 ("3 processes that only import numba", found["numba_alone_mb"], ""),
                 ("above these", found["beside_mb"], f"{GOALS['beside_mb']:.0f}")]  # fmt: skip
    if "million" in results:
        rows.append(("1,000,000 live, 2 workers, PSS of the tree",
                     results["million"]["million_mb"], f"{GOALS['million_mb']:.0f}"))  # fmt: skip
    if "grown" in results:
        found = results["grown"]
        what = f"grown in {found['seconds']:.0f} s at {found['modifications_per_s']:,.0f}/s"
        rows.append(("resident after the warm-up", found["rss_mb_by_tenths"][0], ""))
        rows.append((what, found["grown_mb"], f"{GOALS['grown_mb']:.0f}"))
        rows += [(f"  of it {kind}", mb, "") for kind, mb in found["grown_mb_by_kind"].items()
                 if kind != "VmRSS"]  # fmt: skip
        rows.append(("  most resident", found["peak_mb"], ""))
    print("MB")
    print(lines_of([(label, f"{figure:.1f}", goal) for label, figure, goal in rows]))


def flags(parser: argparse.ArgumentParser) -> None:
    """The length of the long run."""
    parser.add_argument("--minutes", type=float, default=10, help="of the long run (default 10)")


BENCHMARK = Benchmark(
    measure,
    show,
    {
        "16,384 rounds a tick": Command(
            "log.jsonl --parallel 16384 --max-objects 20000 --lock-dimension 4 --interval 0 "
            "--durability interval --ticks {n}",
            n=100, quick=4,
        ),
        "100,000 live objects": Command(
            "log.jsonl --operator 'λλ1 0' --parallel 4096 --max-objects 100000 --interval 0 "
            "--durability off --ticks {n}",
            log=partial(write_terms, count=100_000), n=20, quick=2,
        ),
    },
    flags,
    PARTS,
    tuple(PARTS),
    turns=1,
)  # fmt: skip
