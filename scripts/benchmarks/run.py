#!/usr/bin/env python3
"""Measures whole runs: candidates a second with everything durable, memory, growth.

Each part runs in a process of its own, is checked before it is timed, and is
repeated; medians are shown, because machines are shared and noisy. A rival can
be timed in turn with the product: any command that prints "cand/s NUMBER".

    scripts/bench run [--json docs/benchmarks/run.json] [--against COMMAND]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

ROUNDS, OBJECTS = 65_536, 20_000
GOAL_CANDIDATES = 3_000_000


def flat_out(folder: Path, dimension: int, ticks: int) -> dict[str, Any]:
    """Candidates a second of the shipped log, locked to a dimension, and where the time went."""
    from automaton.run import Run

    log = folder / "log.jsonl"
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    given = {"parallel": ROUNDS, "max_objects": OBJECTS, "lock_dimension": dimension}
    with Run(log, given) as run:
        run.go(ticks=8, interval_ms=0)  # compiles, fills the population
        before, size = dict(run.outcomes), run.log.size
        spent = _watched(run)
        stats = run.go(ticks=ticks, interval_ms=0)
        outcomes = {name: count - before[name] for name, count in run.outcomes.items()}
        candidates, winners = sum(outcomes.values()), outcomes["normal"]
        report = run.log.verify_chain()
        if not report.ok or winners + candidates == 0:
            raise SystemExit(f"the log does not verify: {report}")
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
    spent: dict[str, float] = {}

    def watch(owner: Any, name: str, label: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return inner(*arguments, **named)
            finally:
                spent[label] = spent.get(label, 0.0) + time.perf_counter() - start

        setattr(owner, name, timed)

    watch(run.world, "choice", "choose operator and reactants")
    watch(run.device, "react", "draw, reduce, judge (both cores)")
    watch(run.device, "write", "write winner lines (both cores)")
    watch(run, "_act", "conditions and actions")
    watch(run.world, "fold", "fold into the population")
    watch(run.background, "wait", "wait for the log")
    watch(run.log, "_sealed", "SHA-256 (beside)")
    watch(run.log, "_store", "write and fdatasync (beside)")
    watch(run.log, "_fdatasync", "of it fdatasync (beside)")
    return spent


def live(folder: Path, count: int) -> dict[str, Any]:
    """Memory of a population of `count` live objects, running."""
    import psutil

    from automaton.run import Run

    process = psutil.Process()
    with (folder / "log.jsonl").open("w") as log:
        for k in range(count):
            index = k % 7
            term = "λ" * (index + 2) + f"{index} ({index + 1} 0)"
            log.write(f'{{"id":"t{k}","type":"term","term":"{term}"}}\n')
    with Run(folder / "log.jsonl", {"operator": "λλ1 0", "max_objects": count}) as run:
        run.go(ticks=20, interval_ms=0)
        population = run.world.population
        if len(population) != count:
            raise SystemExit(f"{len(population)} objects live, not {count}")
        words = int(population.column["size"].sum()) * 4
        return {
            "live": count,
            "rss_mb": process.memory_info().rss / 1e6,
            "bytes_per_object_beside_term": (population.nbytes() - population.code.nbytes) / count,
            "term_bytes_per_object": words / count,
        }


def alone(_folder: Path) -> dict[str, Any]:
    """Memory of the interpreter with numba and numpy alone."""
    import numba  # noqa: F401
    import psutil

    return {"rss_mb": psutil.Process().memory_info().rss / 1e6}


def growth(folder: Path, ticks: int) -> dict[str, Any]:
    """Resident memory after 100 ticks and after all, at 4,096 rounds."""
    import psutil

    from automaton.run import Run

    log = folder / "log.jsonl"
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    process = psutil.Process()
    with Run(log, {"parallel": 4096}) as run:
        run.go(ticks=100, interval_ms=0)
        early = process.memory_info().rss
        run.go(ticks=ticks - 100, interval_ms=0)
        return {"ticks": ticks, "mb_at_100": early / 1e6,
                "mb_at_end": process.memory_info().rss / 1e6}  # fmt: skip


def costs(folder: Path, dimension: int) -> dict[str, Any]:
    """Nanoseconds of one core for the parts of a tick, each on the same snapshot."""
    import numpy as np

    from automaton.backends import CpuBackend
    from automaton.backends.batch import BatchJob, CandidateBatch, LineBuffer, WinnerTemplate
    from automaton.chemistry.tick_plan import plan_tick
    from automaton.population import Entrants
    from automaton.run import Run
    from kernels import philox

    log = folder / "log.jsonl"
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
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


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "flat_out": flat_out, "costs": costs, "live": live, "alone": alone, "growth": growth,
}  # fmt: skip


def part(name: str, *arguments: int) -> dict[str, Any]:
    """One part in a process of its own."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        command = [
            sys.executable,
            "-m",
            __spec__.name,
            "--part",
            name,
            folder,
            *map(str, arguments),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def rival(command: str) -> float:
    """Candidates a second that another command reports, the best of its lines."""
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    return max(float(figure) for figure in re.findall(r"cand/s (\d+)", done.stdout))


def median(rows: list[dict[str, Any]], key: str) -> float:
    """The median of one figure."""
    return statistics.median(row[key] for row in rows)


def throughput(dimension: int, ticks: int, repeats: int, against: str | None) -> dict[str, Any]:
    """The flat-out part several times, the rival in turn with it."""
    rows, others = [], []
    for _ in range(repeats):
        rows.append(part("flat_out", dimension, ticks))
        if against:
            others.append(rival(against))
    middle = sorted(rows, key=lambda row: row["candidates_per_s"])[len(rows) // 2]
    result = {"dimension": dimension, "runs": len(rows), **middle}
    result["candidates_per_s_of_all"] = [round(row["candidates_per_s"]) for row in rows]
    if others:
        result["rival_candidates_per_s"] = statistics.median(others)
        result["ratio_to_rival"] = statistics.median(
            row["candidates_per_s"] / other for row, other in zip(rows, others, strict=True)
        )
    return result


def table(results: dict[str, Any]) -> None:
    """The figures beside their goals."""
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
    width = max(len(row[0]) for row in rows)
    print(f"{'':{width}}  {'measured':>12}  {'goal':>12}")
    for label, figure, goal in rows:
        print(f"{label:{width}}  {figure:>12}  {goal:>12}")


def main() -> None:
    """Run all parts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--against", help='a rival command that prints "cand/s NUMBER"')
    parser.add_argument("--dimension", type=int, default=4, help="dimension to lock (default 4)")
    parser.add_argument("--ticks", type=int, default=60, help="ticks timed a run (default 60)")
    parser.add_argument("--repeats", type=int, default=5, help="runs (default 5)")
    parser.add_argument("--live", type=int, default=1_000_000, help="live objects (default 10**6)")
    parser.add_argument("--growth-ticks", type=int, default=1000, help="ticks (default 1000)")
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.part:
        name, folder, *rest = chosen.part
        print(json.dumps(PARTS[name](Path(folder), *map(int, rest))))
        return
    results: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "processor": platform.processor() or
                    platform.machine(), "python": platform.python_version()},
        "flat_out": throughput(chosen.dimension, chosen.ticks, chosen.repeats, chosen.against),
        "costs": part("costs", chosen.dimension),
        "alone": part("alone"),
        "live": part("live", chosen.live),
        "growth": part("growth", chosen.growth_ticks),
    }  # fmt: skip
    table(results)
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
