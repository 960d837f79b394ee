"""Measures whole runs: candidates a second with everything durable, memory, growth.

Each part runs in a process of its own, is checked before it is timed, and is
repeated; medians are shown, because machines are shared and noisy. A rival can
be timed in turn with the product: any command that prints "cand/s NUMBER".
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import (
    Benchmark,
    Clock,
    Command,
    Figures,
    copy_shipped,
    lines_of,
    must,
    part,
    ratio,
    write_terms,
)

ROUNDS, OBJECTS = 65_536, 20_000
GOAL_CANDIDATES = 3_000_000


def folder_for_logs() -> tempfile.TemporaryDirectory[str]:
    """A temporary folder, in BENCH_FOLDER where that is set: another disk, say."""
    return tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER"))


def flat_out_in(folder: Path, dimension: int, ticks: int) -> dict[str, Any]:
    """Candidates a second of the shipped log, locked to a dimension, and where the time went."""
    from automaton.run import Run

    log = folder / "log.jsonl"
    copy_shipped(log)
    given = {"parallel": ROUNDS, "max_objects": OBJECTS, "lock_dimension": dimension}
    with Run(log, given) as run:
        run.go(ticks=8, interval_ms=0)  # compiles, fills the population
        before, size = dict(run.outcomes), run.log.size
        spent = _watched(run)
        stats = run.go(ticks=ticks, interval_ms=0)
        outcomes = {name: count - before[name] for name, count in run.outcomes.items()}
        candidates, winners = sum(outcomes.values()), outcomes["normal"]
        report = run.log.verify_chain()
        must(report.ok and winners + candidates, f"the log does not verify: {report}")
        return {
            "candidates_per_s": candidates / stats.seconds,
            "modifications_per_s": winners / stats.seconds,
            "bytes_per_line": (run.log.size - size) / max(winners, 1),
            "mb_per_s": (run.log.size - size) / stats.seconds / 1e6,
            "outcomes": {name: count / candidates for name, count in outcomes.items()},
            "distinct": stats.distinct,
            "mean_steps": float(run.space.batch.steps.mean()),
            "mean_size": float(run.space.batch.sizes[run.space.batch.outcomes == 0].mean()),
            "share_of_wall": {name: s / stats.seconds for name, s in spent.items()},
        }


def _watched(run: Any) -> dict[str, float]:
    """Seconds spent in each stage from now on (wall clock; the log's are on its own thread)."""
    clock = Clock()
    from automaton.chemistry import tick as chemistry_tick
    from automaton.run import runner

    clock.wrap(chemistry_tick, "plan_tick", "choose operator and reactants")
    clock.wrap(run.device, "react", "draw, reduce, judge (both cores)")
    clock.wrap(run.device, "write", "write winner lines (both cores)")
    clock.wrap(runner, "take_turn", "conditions and actions")
    clock.wrap(chemistry_tick, "fold_batch", "fold into the population")
    clock.wrap(run.background, "wait", "wait for the log")
    clock.wrap(run.log, "_sealed", "SHA-256 (beside)")
    clock.wrap(run.log, "_store", "write and fdatasync (beside)")
    clock.wrap(run.log, "_fdatasync", "of it fdatasync (beside)")
    return clock.seconds


def live_in(folder: Path, count: int) -> dict[str, Any]:
    """Memory of a population of `count` live objects, running."""
    import psutil

    from automaton.run import Run

    process = psutil.Process()
    write_terms(folder / "log.jsonl", count)
    with Run(folder / "log.jsonl", {"operator": "λλ1 0", "max_objects": count}) as run:
        run.go(ticks=20, interval_ms=0)
        population = run.world.population
        must(len(population) == count, f"{len(population)} objects live, not {count}")
        words = int(population.column["size"].sum()) * 4
        return {
            "live": count,
            "rss_mb": process.memory_info().rss / 1e6,
            "bytes_per_object_beside_term": (population.nbytes() - population.code.nbytes) / count,
            "term_bytes_per_object": words / count,
        }


def alone() -> dict[str, Any]:
    """Memory of the interpreter with numba and numpy alone."""
    import numba  # noqa: F401
    import psutil

    return {"rss_mb": psutil.Process().memory_info().rss / 1e6}


def growth_in(folder: Path, ticks: int) -> dict[str, Any]:
    """Resident memory after 100 ticks and after all, at 4,096 rounds."""
    import psutil

    from automaton.run import Run

    log = folder / "log.jsonl"
    copy_shipped(log)
    process = psutil.Process()
    with Run(log, {"parallel": 4096}) as run:
        run.go(ticks=100, interval_ms=0)
        early = process.memory_info().rss
        run.go(ticks=ticks - 100, interval_ms=0)
        return {"ticks": ticks, "mb_at_100": early / 1e6,
                "mb_at_end": process.memory_info().rss / 1e6}  # fmt: skip


def costs_in(folder: Path, dimension: int) -> dict[str, Any]:
    """Nanoseconds of one core for the parts of a tick, each on the same snapshot."""
    import numpy as np

    from automaton.backends import CpuBackend
    from automaton.backends.batch import BatchJob, CandidateBatch, LineBuffer, WinnerTemplate
    from automaton.chemistry.tick_plan import plan_tick
    from automaton.population import Entrants
    from automaton.run import Run
    from kernels import philox

    log = folder / "log.jsonl"
    copy_shipped(log)
    given = {"parallel": ROUNDS, "max_objects": OBJECTS, "lock_dimension": dimension}
    with Run(log, given, durability="off") as run:
        run.go(ticks=30, interval_ms=0)
        world, options, tick = run.world, run.options, run.tick + 1
        job = BatchJob(world.population, plan_tick(world, tick), tick, philox.REACTANTS)
        device, batch = CpuBackend(options, threads=1), CandidateBatch(ROUNDS, options.max_size)
        bare = CpuBackend(options.updated({"copies": True}), threads=1)

        def entering(step: int) -> Entrants:
            won = np.flatnonzero(batch.won)[::step]
            return Entrants(
                won, won, batch.out, batch.results, batch.sizes, batch.steps, batch.words[won]
            )

        fragments, buffer = WinnerTemplate.of("", tick, dimension), LineBuffer()
        timed = {
            "react, without the copy test": lambda: bare.react(job, batch),
            "react": lambda: device.react(job, batch),
            "write": lambda: device.write(job, batch, fragments, buffer),
            "fold every winner": lambda: world.population.enter(tick, entering(1), 4, 0),
            "fold every fourth": lambda: world.population.enter(tick, entering(4), 4, 0),
        }
        found: dict[str, list[float]] = {name: [] for name in timed}
        for _ in range(9):
            for name, work in timed.items():
                start = time.process_time()
                work()
                found[name].append((time.process_time() - start) / ROUNDS * 1e9)
        device.close()
        bare.close()
        return {f"{name}, ns a candidate": statistics.median(v) for name, v in found.items()}


def in_folder(work: Callable[..., dict[str, Any]], *arguments: int) -> dict[str, Any]:
    """A part, in a temporary folder of its own."""
    with folder_for_logs() as folder:
        return work(Path(folder), *arguments)


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "flat_out": lambda dimension, ticks: in_folder(flat_out_in, dimension, ticks),
    "costs": lambda dimension: in_folder(costs_in, dimension),
    "live": lambda count: in_folder(live_in, count),
    "growth": lambda ticks: in_folder(growth_in, ticks),
    "alone": alone,
}


def rival(command: str) -> float:
    """Candidates a second that another command reports, the best of its lines."""
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    return max(float(figure) for figure in re.findall(r"cand/s (\d+)", done.stdout))


def throughput(dimension: int, ticks: int, repeats: int, against: str | None) -> dict[str, Any]:
    """The flat-out part several times, the rival in turn with it."""
    rows, others = [], []
    for _ in range(repeats):
        rows.append(part(__name__, "flat_out", dimension, ticks))
        if against:
            others.append(rival(against))
    middle = sorted(rows, key=lambda row: row["candidates_per_s"])[len(rows) // 2]
    result = {"dimension": dimension, "runs": len(rows), **middle}
    result["candidates_per_s_of_all"] = [round(row["candidates_per_s"]) for row in rows]
    if others:
        result["rival_candidates_per_s"] = statistics.median(others)
        own = [row["candidates_per_s"] for row in rows]
        result["ratio_to_rival"] = ratio(own, others)
    return result


def show(results: Figures) -> None:
    """The figures beside their goals; of single parts, as JSON."""
    if set(results) < set(PARTS):
        print(json.dumps(results, indent=2))
        return
    flat, memory, grown = results["flat_out"], results["live"], results["growth"]
    rows = [
        ("candidates/s, all durable", f"{flat['candidates_per_s']:,.0f}", f"{GOAL_CANDIDATES:,}"),
        ("modifications/s", f"{flat['modifications_per_s']:,.0f}", ""),
        ("bytes a line", f"{flat['bytes_per_line']:.0f}", ""),
    ]
    if "ratio_to_rival" in flat:
        rows.append(("times the rival, same run", f"{flat['ratio_to_rival']:.2f}", "1.00"))
    rows += [(f"  share of wall: {name}", f"{share:.1%}", "")
             for name, share in flat["share_of_wall"].items()]  # fmt: skip
    rows += [(f"  one core: {name}", f"{cost:.0f}", "") for name, cost in results["costs"].items()]
    rows += [
        ("bytes a live object beside its term",
         f"{memory['bytes_per_object_beside_term']:.0f}", "120"),
        (f"MB with {memory['live']:,} live objects", f"{memory['rss_mb']:.0f}", "1000"),
        ("MB of interpreter and numba alone", f"{results['alone']['rss_mb']:.0f}", ""),
        (f"MB grown from tick 100 to {grown['ticks']}",
         f"{grown['mb_at_end'] - grown['mb_at_100']:.1f}", "0"),
    ]  # fmt: skip
    print(lines_of(rows))


def measure(asked: argparse.Namespace) -> Figures:
    """All parts, or those of --only; with --quick, small ones."""
    ticks = 4 if asked.quick else asked.ticks
    works: dict[str, Callable[[], Figures]] = {
        "flat_out": lambda: throughput(asked.dimension, ticks, asked.turns, asked.rival),
        "costs": lambda: part(__name__, "costs", asked.dimension),
        "alone": lambda: part(__name__, "alone"),
        "live": lambda: part(__name__, "live", 10_000 if asked.quick else asked.live),
        "growth": lambda: part(__name__, "growth", 120 if asked.quick else asked.growth_ticks),
    }
    return {name: works[name]() for name in asked.only or works}


def flags(parser: argparse.ArgumentParser) -> None:
    """Sizes, and the rival."""
    parser.add_argument("--rival", metavar="COMMAND", help='a command that prints "cand/s NUMBER"')
    parser.add_argument("--dimension", type=int, default=4, help="dimension to lock (default 4)")
    parser.add_argument("--ticks", type=int, default=60, help="ticks timed a run (default 60)")
    parser.add_argument("--live", type=int, default=1_000_000, help="live objects (default 10**6)")
    parser.add_argument("--growth-ticks", type=int, default=1000, help="ticks (default 1000)")


_WORDS = "log.jsonl --max-objects 20000 --lock-dimension 4 --interval 0"
BENCHMARK = Benchmark(
    measure,
    show,
    {
        "65,536 rounds a tick": Command(f"{_WORDS} --parallel 65536 --ticks {{n}}", n=60, quick=4),
        "64 rounds a tick": Command("log.jsonl --interval 0 --ticks {n}", n=2000, quick=50),
        "the same, never synced": Command(
            "log.jsonl --interval 0 --durability off --ticks {n}", n=2000, quick=50
        ),
    },
    flags,
    PARTS,
    tuple(PARTS),
)
