"""Cycles: rates of every engine by cycles in flight, against a real serial run and a ceiling.

The ceiling is what two independent processes reach at that moment, each with the
serial engine. Everything that is compared goes in turn, and medians are of ratios
within a turn, so that what else the machine does falls on all of them. Other
executors run the same function on the same cycles, where they are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from automaton.cycles import ParallelEngine, load_population
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Cycle, Graph, Stage, Values
from automaton.cycles.plan import Job, Plan, in_sequence, warm
from automaton.cycles.results import to_text
from automaton.cycles.stages import STANDARD, Proposal, build
from automaton.log.side_files.decision_log import DecisionLog, find
from automaton.run import Run
from automaton.workers import available_cores, gil_enabled
from scripts.benchmarks.common import (
    ROOT,
    Benchmark,
    Command,
    Figures,
    copy_shipped,
    has,
    in_turn,
    part,
    ratio,
    wall_seconds,
)

#: Reactions of a cycle whose time is in kernels: about one to two milliseconds.
REACTIONS = 2048


def many(cycle: Cycle, of: Values) -> Any:
    """The standard stage, with more reactions."""
    return build(cycle, of, REACTIONS)


def python(_: Cycle, __: Values) -> int:
    """About a millisecond of plain Python: the negative control of threads."""
    total = 0
    for k in range(12_000):
        total = (total * 31 + k) % 1_000_003
    return total


async def nap(_: Cycle, __: Values) -> Proposal:
    """Wait 50 ms for something outside."""
    await asyncio.sleep(0.05)
    return Proposal()


def block(_: Cycle, __: Values) -> None:
    """Wait 50 ms and hold a thread meanwhile."""
    time.sleep(0.05)


KERNELS = Graph(
    tuple(Stage("build", many, s.needs) if s.name == "build" else s for s in STANDARD.stages)
)
GRAPHS = {
    "kernels": KERNELS,
    "standard": STANDARD,
    "python": Graph((Stage("python", python),), "python"),
    "nap": Graph((Stage("nap", nap),), "nap"),
    "block": Graph((Stage("block", block, waits=True),), "block"),
    "empty": Graph((), "none"),
}

Work = Callable[[], float]  # does its cycles; seconds


def the_log(folder: Path) -> Path:
    """The shipped log after some ticks."""
    log = folder / "log.jsonl"
    copy_shipped(log)
    with Run(log, durability="off") as run:
        run.go(ticks=20, interval_ms=0)
    return log


def engine(branch: FrozenPopulation, name: str, kind: str, most: int, cycles: int) -> Work:
    """The engine, timed by its own report: from workers ready to the last result."""
    own = ParallelEngine("none", most, kind, graph=GRAPHS[name], branch=branch, sequential=0.0)

    def work() -> float:
        ran = own.run(cycles)
        assert ran.report.completed == cycles
        return ran.report.duration_seconds

    return work


# The ceiling: two programs that know nothing of each other.

_CHILD = """
import sys, time; sys.path[:0] = {path!r}
import scripts.benchmarks.cycles as bench
from scripts.benchmarks.{module} import GRAPHS
from automaton.cycles.frozen_population import FrozenPopulation
branch = FrozenPopulation.unpacked(open({file!r}, "rb").read()).ready()
plan = bench.Plan.of(branch, GRAPHS[{name!r}], ["any"])
bench.warm(branch)
print("ready", flush=True)
while sys.stdin.readline():
    begin = time.perf_counter()
    for seed in range({first}, {first} + {cycles}):
        bench.in_sequence(plan, bench.Job(seed, seed, "any"))
    print(time.perf_counter() - begin, flush=True)
"""


class Independent:
    """As many programs as there are cores, each with cycles in sequence of its own."""

    def __init__(
        self, file: Path, name: str, cycles: int, count: int, module: str = "cycles"
    ) -> None:
        self.each = max(1, cycles // count)
        path = [str(ROOT)]
        programs = [
            _CHILD.format(
                path=path,
                file=str(file),
                name=name,
                first=k * self.each,
                cycles=self.each,
                module=module,
            )
            for k in range(count)
        ]
        self.children = [
            subprocess.Popen(
                [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True,
            )
            for program in programs
        ]  # fmt: skip
        for child in self.children:
            assert self._line(child) == "ready"
        self.cycles = self.each * count

    @staticmethod
    def _line(child: subprocess.Popen[str]) -> str:
        assert child.stdout is not None
        return child.stdout.readline().strip()

    def __call__(self) -> float:
        """All at once; seconds until the last has ended, as if it had `cycles` to do."""
        begin = time.perf_counter()
        for child in self.children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in self.children:
            float(self._line(child))
        return time.perf_counter() - begin

    def close(self) -> None:
        """End them."""
        for child in self.children:
            child.communicate()


# Other executors, with the same function.

_OTHER: dict[str, Any] = {}


def other_start(file: str, name: str) -> None:
    """A process of another executor begins."""
    branch = FrozenPopulation.unpacked(Path(file).read_bytes()).ready()
    _OTHER[name] = Plan.of(branch, GRAPHS[name], ["any"])
    warm(branch)


def other_cycle(name: str, seed: int) -> str:
    """One cycle; its result as text, as our own processes hand it over."""
    return to_text(in_sequence(_OTHER[name], Job(seed, seed, "any")).result)


def other_task(task: tuple[str, str, int]) -> str:
    """The same, by whom the branch is read where it is needed."""
    file, name, seed = task
    if name not in _OTHER:
        other_start(file, name)
    return other_cycle(name, seed)


def others(file: Path, name: str, cycles: int, workers: int) -> dict[str, Work | str]:
    """Works of other executors; a text where one is not installed."""
    other_start(str(file), name)
    tasks = [(str(file), name, seed) for seed in range(cycles)]
    threads = concurrent.futures.ThreadPoolExecutor(workers)
    spawn = multiprocessing.get_context("spawn")
    processes = concurrent.futures.ProcessPoolExecutor(workers, spawn)
    found: dict[str, Work | str] = {
        "ThreadPoolExecutor": lambda: wall_seconds(lambda: list(threads.map(other_task, tasks))),
        "ProcessPoolExecutor": lambda: wall_seconds(lambda: list(processes.map(other_task, tasks))),
        "ProcessPoolExecutor, chunks of 10": lambda: wall_seconds(
            lambda: list(processes.map(other_task, tasks, chunksize=10))
        ),
    }
    return found | _loky(tasks, workers) | _joblib(tasks, workers) | _ray(tasks, workers)


def _loky(tasks: list[Any], workers: int) -> dict[str, Work | str]:
    if not has("loky"):
        return {"loky": "not installed"}
    import loky  # type: ignore[import-not-found,import-untyped,unused-ignore]

    pool = loky.ProcessPoolExecutor(workers)

    def run() -> float:
        return wall_seconds(lambda: list(pool.map(other_task, tasks, chunksize=10)))

    return {"loky, chunks of 10": run}


def _joblib(tasks: list[Any], workers: int) -> dict[str, Work | str]:
    if not has("joblib"):
        return {"joblib": "not installed"}
    import joblib  # type: ignore[import-not-found,unused-ignore]

    run = joblib.Parallel(n_jobs=workers)
    calls = [joblib.delayed(other_task)(task) for task in tasks]
    return {"joblib": lambda: wall_seconds(lambda: run(calls))}


def _ray(tasks: list[Any], workers: int) -> dict[str, Work | str]:
    if not has("ray"):
        return {"Ray tasks": "not installed"}
    import ray  # type: ignore[import-not-found,unused-ignore]

    ray.init(
        num_cpus=workers, log_to_driver=False, include_dashboard=False, ignore_reinit_error=True
    )
    remote = ray.remote(other_task)
    return {"Ray tasks": lambda: wall_seconds(lambda: ray.get([remote.remote(t) for t in tasks]))}


# The parts.


def computing(
    branch: FrozenPopulation, file: Path, name: str, cycles: int, turns: int
) -> dict[str, Any]:
    """Rates of one kind of cycles, speed-ups against serial, shares of the ceiling."""
    cores = available_cores()
    ceiling = Independent(file, name, cycles, cores)
    works: dict[str, Work] = {
        "serial": engine(branch, name, "serial", 1, cycles), "ceiling": ceiling,
    }  # fmt: skip
    for kind in ("thread", "process"):
        for most in (1, 10, 100, 1000):
            works[f"{kind} {most}"] = engine(branch, name, kind, most, cycles)
    missing: dict[str, str] = {}
    for label, work in others(file, name, cycles, cores).items():
        if isinstance(work, str):
            missing[label] = work
        else:
            works[label] = work
    times = in_turn(works, turns)
    ceiling.close()
    rates = {
        label: [(ceiling.cycles if label == "ceiling" else cycles) / t for t in seconds]
        for label, seconds in times.items()
    }
    rows = {
        label: {
            "cycles_per_s": statistics.median(own),
            "speedup": ratio(own, rates["serial"]),
            "of_ceiling": ratio(own, rates["ceiling"]),
            "turns": own,
        }
        for label, own in rates.items()
    }
    each = statistics.median(times["serial"]) / cycles
    return {"cycles": cycles, "ms_per_cycle": each * 1e3, "rows": rows, "missing": missing}


def waiting(branch: FrozenPopulation, *, quick: bool) -> dict[str, Any]:
    """Rates of cycles that wait 50 ms, by cycles in flight, against the same one by one."""
    rows: dict[str, Any] = {}
    one = engine(branch, "nap", "serial", 1, 5)() / 5
    for name in ("nap", "block"):
        for kind in ("thread", "process"):
            for most in (1, 10, 100, 1000):
                cycles = min(most * (2 if quick else 5), 2000) if most > 1 else 5
                seconds = engine(branch, name, kind, most, cycles)()
                rows[f"{name} {kind} {most}"] = {
                    "cycles_per_s": cycles / seconds, "speedup": one * cycles / seconds,
                }  # fmt: skip
    return {"serial_seconds_per_cycle": one, "rows": rows}


def overhead(branch: FrozenPopulation, turns: int) -> dict[str, float]:
    """Microseconds per empty cycle."""
    works = {
        kind: engine(branch, "empty", kind, 100, 5000) for kind in ("serial", "thread", "process")
    }
    times = in_turn(works, turns)
    return {kind: statistics.median(seconds) / 5000 * 1e6 for kind, seconds in times.items()}


def memory(branch: FrozenPopulation) -> dict[str, float]:
    """Most resident MB beyond the start with 1 and with 1,000 in flight, each in a new process."""
    file = Path(tempfile.mkdtemp()) / "branch"
    file.write_bytes(branch.packed())
    found = {}
    for most in (1, 1000):
        found[str(most)] = part(__name__, "memory", most, str(file))
    return {**found, "more": found["1000"] - found["1"]}


def memory_of(most: int, file: str) -> float:
    """The peak while standard cycles that also wait are in flight, in MB."""
    branch = FrozenPopulation.unpacked(Path(file).read_bytes()).ready()
    graph = STANDARD.plus(Stage("nap", nap, ("architect", "mentor")), feeds="build")
    me, peak, ended = psutil.Process(), 0, threading.Event()
    warm(branch)

    def look() -> None:
        nonlocal peak
        while not ended.wait(0.005):
            peak = max(peak, me.memory_info().rss)

    watcher = threading.Thread(target=look)
    watcher.start()
    own = ParallelEngine("none", most, graph=graph, branch=branch, sequential=0.0)
    own.run(3000 if most > 1 else 20)
    ended.set()
    watcher.join()
    return peak / 1e6


def decisions(folder: Path, *, quick: bool) -> dict[str, float]:
    """Records a second from 100 threads, and milliseconds to find a cycle's at a million."""
    path = folder / "decided.jsonl"
    each = 1_000 if quick else 10_000
    line = b'{"id":"cycle:20.%06d","tick":20,"catalyst":"any","stage":"build","reactions":384}\n'
    rows = [[line % (k * each + n) for n in range(each)] for k in range(100)]
    keys = [[b"cycle:20.%06d" % (k * each + n) for n in range(each)] for k in range(100)]
    log, gate = DecisionLog(path), threading.Barrier(101)

    def write(k: int) -> None:
        gate.wait()
        for at in range(0, each, 4):  # a cycle's four decisions at a time
            log.append(rows[k][at : at + 4], keys[k][at : at + 4])

    threads = [threading.Thread(target=write, args=(k,)) for k in range(100)]
    for thread in threads:
        thread.start()
    gate.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    log.close()
    seconds = time.perf_counter() - begin
    looked = []
    for number in range(0, 100 * each, 7 * each):
        at = time.perf_counter()
        assert len(list(find(path, b"cycle:20.%06d" % number))) == 1
        looked.append((time.perf_counter() - at) * 1e3)
    return {
        "threads": 100, "records": 100 * each, "records_per_s": 100 * each / seconds,
        "find_ms": statistics.median(looked), "find_ms_most": max(looked),
    }  # fmt: skip


def beside(branch: FrozenPopulation, folder: Path, turns: int, *, quick: bool) -> dict[str, Any]:
    """What else there are goals for."""
    return {
        "waiting": waiting(branch, quick=quick),
        "overhead_us": overhead(branch, turns),
        "memory_mb": memory(branch),
        "decisions": decisions(folder, quick=quick),
    }


# Said.

TABLES = ("kernels", "standard", "python")


def show(found: Figures) -> None:
    """What was measured beside the goals."""
    for name in TABLES:
        if name not in found:
            continue
        part = found[name]
        print(f"\n{name}: {part['ms_per_cycle']:.2f} ms a cycle in sequence")
        print(f"  {'':36} {'cycles/s':>10} {'speed-up':>9} {'of ceiling':>11}")
        for label, row in part["rows"].items():
            print(f"  {label:36} {row['cycles_per_s']:10,.0f} {row['speedup']:9.2f} "
                  f"{row['of_ceiling']:11.2f}")  # fmt: skip
        for label, why in part["missing"].items():
            print(f"  {label:36} {why:>10}")
    if "waiting" not in found:
        return
    print("\nwaiting 50 ms a cycle (goal: 20 times at 100 in flight)")
    for label, row in found["waiting"]["rows"].items():
        print(f"  {label:36} {row['cycles_per_s']:10,.0f} {row['speedup']:9.2f}")
    micro, held, decided = found["overhead_us"], found["memory_mb"], found["decisions"]
    print("\nempty cycle, microseconds (goals: thread 100, process 200): "
          + ", ".join(f"{kind} {value:.1f}" for kind, value in micro.items()))  # fmt: skip
    print(f"1,000 in flight hold {held['more']:.0f} MB more than one (goal: below 300)")
    print(f"decisions: {decided['records_per_s']:,.0f}/s from 100 threads (goal 150,000); found in "
          f"{decided['find_ms']:.2f} ms among {decided['records']:,} (goal: 10)")  # fmt: skip


def measure(asked: argparse.Namespace) -> Figures:
    """The tables, and with all of them what else there are goals for."""
    cycles = 100 if asked.quick else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        branch = load_population(the_log(folder))
        file = folder / "branch"
        file.write_bytes(branch.packed())
        found: Figures = {"gil": gil_enabled()}
        for kind in asked.only or TABLES:
            found[kind] = computing(branch, file, kind, cycles, asked.turns)
        if not asked.only:
            found |= beside(branch, folder, asked.turns, quick=asked.quick)
    return found | {"load_after": os.getloadavg()[0]}


BENCHMARK = Benchmark(
    measure,
    show,
    {
        f"cycles, {engine}": Command(
            f"cycles log.jsonl --cycles {{n}} --engine {engine}", n=2000, quick=50
        )
        for engine in ("serial", "thread", "process")
    },
    parts={"memory": memory_of},
    names=TABLES,
)
