"""Cycles on two threads against one, by what they do: where threads get into each other's way.

scripts/bench threads [--out FILE | --add FILE] [--cycles 40] [--turns 60]

100 cycles are in flight; one thread is the serial engine of the same interpreter; the
ceiling is what two programs of their own reach at that moment. Everything goes in turn,
medians are of ratios within a turn. Modules are imported, so that their byte code is
cached: without, a free-threaded Python counts the numbers in the text by all threads
(0.8 instead of 1.9).

Turns are short and many, since what else a machine does falls on some of them. Where it
does much, neither two threads nor two programs have two cores: then `share`, the threads
against the programs, and `processor`, the processor's time of two threads against that of
one, say more than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from automaton.cycles import ParallelEngine, load_population
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Cycle, Graph, Stage, Values
from automaton.workers import gil_enabled
from scripts.benchmarks import cycles as bench
from scripts.benchmarks.common import Benchmark, Command, Figures, machine

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


#: What takes so long without a global lock that a few of the cycles and turns are enough.
ASKED = "plain Python, all read one dict, d.get(k)"
GRAPHS = {
    "plain Python, private data": bench.GRAPHS["python"],
    "plain Python, making dicts": _alone(making),
    "plain Python, all read one dict, d[k]": _alone(reading),
    ASKED: _alone(asking),
    "standard cycles": bench.GRAPHS["standard"],
    "cycles in kernels": bench.GRAPHS["kernels"],
}


def measured(
    branch: FrozenPopulation, file: Path, name: str, cycles: int, turns: int
) -> dict[str, Any]:
    """How many times as fast two threads are as one, and two programs; the threads' share of that.

    The processor's time of two threads against that of one is what they cost each other: it
    counts what they wait for without sleeping, and hardly what else the machine does.
    """
    used: dict[str, list[float]] = {"one": [], "two": []}

    def engine(label: str, kind: str, workers: int) -> bench.Work:
        own = ParallelEngine(
            "none", 100, kind, workers=workers, graph=GRAPHS[name], branch=branch, sequential=0.0
        )

        def work() -> float:
            ran = own.run(cycles)
            assert ran.report.completed == cycles
            used[label].append(ran.saw.computed_seconds)
            return ran.report.duration_seconds

        return work

    programs = bench.Independent(file, name, cycles, 2, "threads")
    works = {"one": engine("one", "serial", 1), "two": engine("two", "thread", 2)}
    times = bench.in_turn(works | {"programs": programs}, turns)
    programs.close()
    one, two, ceiling = (times[label] for label in ("one", "two", "programs"))
    processor = {label: seconds[-turns:] for label, seconds in used.items()}
    return {
        "ms_per_cycle": statistics.median(one) / cycles * 1e3,
        "processor_ms_per_cycle": statistics.median(processor["one"]) / cycles * 1e3,
        "two": bench.ratio(one, two), "programs": bench.ratio(one, ceiling),
        "of_programs": bench.ratio(ceiling, two),
        "processor_time": bench.ratio(processor["two"], processor["one"]),
        "turns": {label: [round(t, 5) for t in seconds] for label, seconds in times.items()},
    }  # fmt: skip


def measure(asked: argparse.Namespace) -> Figures:
    """A row for each kind of work."""
    assert not sys.dont_write_bytecode, "byte code must be cached: unset PYTHONDONTWRITEBYTECODE"
    cycles = 20 if asked.quick else asked.cycles
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        branch = load_population(bench.the_log(Path(folder)))
        file = Path(folder) / "branch"
        file.write_bytes(branch.packed())
        rows = {
            name: measured(branch, file, name, cycles, asked.turns)
            for name in GRAPHS
            if name != ASKED
        }
        rows[ASKED] = measured(branch, file, ASKED, max(2, cycles // 10), min(asked.turns, 5))
    lock = "with its global lock" if gil_enabled() else "free-threaded"
    found = {
        "python": f"{platform.python_version()}, {lock}", "cycles": cycles, "rows": rows,
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
    }  # fmt: skip
    if asked.add:
        rounds = json.loads(asked.add.read_text()) if asked.add.exists() else []
        asked.add.write_text(
            json.dumps([*rounds, {"machine": machine(), **found}], indent=1) + "\n"
        )
    return found


def show(figures: Figures) -> None:
    """The table."""
    print(f"Python {figures['python']}; load {figures['load'][0]} to {figures['load'][1]}")
    heads = ("ms a cycle", "2 threads", "2 programs", "share", "processor")
    print(f"{'':42}" + "".join(f"{head:>11}" for head in heads))
    for name, row in figures["rows"].items():
        keys = ("processor_ms_per_cycle", "two", "programs", "of_programs", "processor_time")
        print(f"{name:42}" + "".join(f"{row[key]:11.2f}" for key in keys))


def flags(parser: argparse.ArgumentParser) -> None:
    """How many cycles."""
    parser.add_argument("--cycles", type=int, default=40, help="of each turn (40)")
    parser.add_argument(
        "--add", type=Path, metavar="FILE", help="add this round to a list of rounds, as JSON"
    )


BENCHMARK = Benchmark(
    measure,
    show,
    {"cycles on threads": Command("cycles log.jsonl --count {n} --engine thread", n=200, quick=20)},
    flags=flags,
    turns=60,
)
