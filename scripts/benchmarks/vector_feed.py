"""What a memory costs the loop that feeds it: tick times with and without one, in turn.

The shipped log with all streams, flat out, past the tick at which its memory is
consolidated. Checked before it counts: logs of a turn are equal, the memory has
taken in and strengthened items. Goal: p99 of the ticks at most 1.2 times that without.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from automaton.run import Run, SidecarOptions
from automaton.vector_store import DecayRule
from automaton.workers.autoscale_policy import ScalingOptions
from scripts.benchmarks.common import Benchmark, Command, Figures, copy_shipped, median_of, must

ROUNDS, RATE = 64, 1000
TICKS = DecayRule().every + 1000
GOAL = 1.2


def once(folder: Path, rate: int, ticks: int) -> tuple[list[float], str, dict[str, Any]]:
    """Seconds of every tick, the log's head, and what the memory says."""
    path = folder / f"{rate}.jsonl"
    copy_shipped(path)
    given = {"streams": "all", "parallel": ROUNDS}
    kept, scaling = SidecarOptions(memory=rate), ScalingOptions(max_execution_history=ticks)
    with Run(path, given, keeping=kept, scaling=scaling) as run:
        run.go(ticks=ticks, interval_ms=0)
        said = (run.aside.remembered() if run.aside else None) or {}
        return list(run.scaler.ticks), run.log.head.hex(), said


def quantile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(seconds)[int(share * len(seconds))] * 1e3


def measure(asked: argparse.Namespace) -> Figures:
    """Turns of both, in changing order."""
    ticks = 1000 if asked.quick else TICKS
    turns = []
    for turn in range(asked.turns):
        row: Figures = {}
        heads = set()
        for rate in (0, RATE) if turn % 2 else (RATE, 0):
            with tempfile.TemporaryDirectory() as folder:
                seconds, head, said = once(Path(folder), rate, ticks)
            heads.add(head)
            name = "with" if rate else "without"
            row[name] = {"p50_ms": quantile(seconds, 0.5), "p99_ms": quantile(seconds, 0.99)}
            taking_part = said.get("indexed") and (asked.quick or said.get("strengthened"))
            must(not rate or taking_part, f"the memory did not take part ({said})")
        must(len(heads) == 1, "a memory changed the log")
        row |= {p: row["with"][p] / row["without"][p] for p in ("p50_ms", "p99_ms")}
        turns.append(row)
        print(f"p99 {row['with']['p99_ms']:.2f} and {row['without']['p99_ms']:.2f} ms, "
              f"ratio {row['p99_ms']:.2f}; of p50 {row['p50_ms']:.2f}", flush=True)  # fmt: skip
    return {
        "ticks": ticks, "rounds": ROUNDS, "terms_per_s": RATE, "goal_p99_ratio": GOAL,
        "p99_ratio": median_of(turns, "p99_ms"), "p50_ratio": median_of(turns, "p50_ms"),
        "each_turn": turns,
    }  # fmt: skip


def show(found: Figures) -> None:
    """The medians."""
    print(f"median ratio of p99 {found['p99_ratio']:.2f}, of p50 {found['p50_ratio']:.2f}")


_WORDS = "log.jsonl --streams all --parallel 64 --interval 0 --ticks {n}"
BENCHMARK = Benchmark(
    measure,
    show,
    {
        "with a memory": Command(f"{_WORDS} --memory-rate 1000", n=3000, quick=100),
        "without": Command(_WORDS, n=3000, quick=100),
    },
)
