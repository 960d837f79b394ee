"""Cycles on two threads against one, by what they do: where threads get into each other's way.

scripts/bench threads [--out FILE] [--cycles 200] [--turns 5]

100 cycles are in flight; one thread is the serial engine of the same interpreter; the
ceiling is what two programs of their own reach. Everything goes in turn, medians are of
ratios within a turn. Modules are imported, so that their byte code is cached: without,
a free-threaded Python counts the numbers in the text by all threads (0.8 instead of 1.9).
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from automaton.cycles import ParallelEngine, load_population
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Cycle, Graph, Stage, Values
from automaton.workers import gil_enabled
from scripts.benchmarks import cycles as bench
from scripts.benchmarks.common import Benchmark, Command, Figures

#: One dict that all threads read.
TABLE = {k: k * k for k in range(1000)}


def making(_: Cycle, __: Values) -> int:
    """About a millisecond of making dicts that nobody else sees."""
    return sum(len({k: n + k for k in range(8)}) for n in range(1500))


def reading(_: Cycle, __: Values) -> int:
    """About a millisecond of reading one dict that all threads read, by `d[k]`."""
    table, total = TABLE, 0
    for _turn in range(12):
        for k in range(1000):
            total += table[k]
    return total


def asking(_: Cycle, __: Values) -> int:
    """The same by `d.get(k)`."""
    table, total = TABLE, 0
    for _turn in range(12):
        for k in range(1000):
            total += table.get(k, 0)
    return total


def _alone(work: Any) -> Graph:
    return Graph((Stage("work", work),), "work")


GRAPHS = {
    "plain Python, private data": bench.GRAPHS["python"],
    "plain Python, making dicts": _alone(making),
    "plain Python, all read one dict, d[k]": _alone(reading),
    "plain Python, all read one dict, d.get(k)": _alone(asking),
    "standard cycles": bench.GRAPHS["standard"],
    "cycles in kernels": bench.GRAPHS["kernels"],
}


def measured(
    branch: FrozenPopulation, file: Path, name: str, cycles: int, turns: int
) -> dict[str, float]:
    """How many times as fast two threads are as one, and two programs."""

    def engine(kind: str, workers: int) -> bench.Work:
        own = ParallelEngine(
            "none", 100, kind, workers=workers, graph=GRAPHS[name], branch=branch, sequential=0.0
        )

        def work() -> float:
            ran = own.run(cycles)
            assert ran.report.completed == cycles
            return ran.report.duration_seconds

        return work

    works = {"one": engine("serial", 1), "two": engine("thread", 2)}
    known = next((key for key, graph in bench.GRAPHS.items() if graph is GRAPHS[name]), None)
    ceiling = bench.Independent(file, known, cycles, 2) if known else None
    if ceiling is not None:
        works["programs"] = ceiling
    times = bench.in_turn(works, turns)
    if ceiling is not None:
        ceiling.close()
    one = times.pop("one")
    ratios = {label: bench.ratio(one, seconds) for label, seconds in times.items()}
    return {"ms_per_cycle": sorted(one)[len(one) // 2] / cycles * 1e3, **ratios}


def measure(asked: argparse.Namespace) -> Figures:
    """A row for each kind of work."""
    assert not sys.dont_write_bytecode, "byte code must be cached: unset PYTHONDONTWRITEBYTECODE"
    cycles = 20 if asked.quick else asked.cycles
    with tempfile.TemporaryDirectory() as folder:
        branch = load_population(bench.the_log(Path(folder)))
        file = Path(folder) / "branch"
        file.write_bytes(branch.packed())
        rows = {name: measured(branch, file, name, cycles, asked.turns) for name in GRAPHS}
    lock = "with its global lock" if gil_enabled() else "free-threaded"
    return {"python": f"{platform.python_version()}, {lock}", "cycles": cycles, "rows": rows}


def show(figures: Figures) -> None:
    """The table."""
    print(f"Python {figures['python']}")
    print(f"{'':44} {'ms a cycle':>10} {'2 threads':>10} {'2 programs':>10}")
    for name, row in figures["rows"].items():
        programs = f"{row['programs']:10.2f}" if "programs" in row else f"{'':>10}"
        print(f"{name:44} {row['ms_per_cycle']:10.2f} {row['two']:10.2f} {programs}")


def flags(parser: argparse.ArgumentParser) -> None:
    """How many cycles."""
    parser.add_argument("--cycles", type=int, default=200, help="of each turn (200)")


BENCHMARK = Benchmark(
    measure,
    show,
    {"cycles on threads": Command("cycles log.jsonl --count {n} --engine thread", n=200, quick=20)},
    flags=flags,
)
