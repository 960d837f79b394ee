"""How fast streams compete: candidates a second, durable, and what choosing costs.

Runs the shipped log with all streams, the archive on and one decision in a
hundred kept, beside the null model with as many candidates a tick; both in
turn. Each log is verified (a sample) before its time counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from automaton.chemistry import tick as chemistry_tick
from automaton.log import AuditedLog
from automaton.run import Run, SidecarOptions
from automaton.verify import VerifyRequest, verify
from scripts.benchmarks.common import Benchmark, Clock, Command, Figures, copy_shipped

GOAL, GOAL_SHARE = 1_000_000, 0.30


def once(folder: Path, streams: str, rounds: int, ticks: int) -> dict[str, Any]:
    """One run: candidates a second, and the parts of its ticks."""
    path = folder / f"{streams}-{time.monotonic_ns()}.jsonl"
    copy_shipped(path)
    given = {"streams": streams, "parallel": rounds}
    clock = Clock()
    with Run(path, given, keeping=SidecarOptions(decisions=100)) as run:
        run.go(ticks=3, interval_ms=0)
        before = sum(run.outcomes.values())
        clock.wrap(run.device, "propose", "propose and react")
        clock.wrap(run.device, "react", "propose and react")
        clock.wrap(run.device, "judge", "judge and write lines")
        clock.wrap(run.device, "write", "judge and write lines")
        clock.wrap(run.device, "archive", "archive")
        clock.wrap(chemistry_tick, "plan_tick", "choice")
        clock.wrap(chemistry_tick, "fold_batch", "fold")
        begun = time.perf_counter()
        run.go(ticks=ticks, interval_ms=0)
        seconds = time.perf_counter() - begun
        candidates = sum(run.outcomes.values()) - before
    with AuditedLog.open(path) as log:
        verdict = verify(log, VerifyRequest(replay="sample", sample=2, seed=1))
    assert verdict.ok, "the log is not what it says: no time counts"
    for file in folder.glob(f"{path.name}*"):
        file.unlink()
    parts = {name: part / seconds for name, part in clock.seconds.items()}
    return {"per_s": candidates / seconds, "parts": parts}


def choosing(shares: dict[str, float], lines: float) -> float:
    """The share of a tick for choice, salience and archive: judging without the lines."""
    judged = shares["judge and write lines"] - lines
    return shares["choice"] + shares.get("archive", 0.0) + max(judged, 0.0)


def measure(asked: argparse.Namespace) -> Figures:
    """Both in turn: medians, and the share of choosing."""
    results: dict[str, list[dict[str, Any]]] = {"all": [], "none": []}
    rounds_all = 1000 if asked.quick else asked.rounds
    ticks = 3 if asked.quick else asked.ticks
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(asked.turns):
            for streams, found in results.items():
                rounds = rounds_all * (5 if streams == "none" else 1)
                found.append(once(Path(folder), streams, rounds, ticks))
    table: Figures = {}
    for streams, found in results.items():
        names = {name for one in found for name in one["parts"]}
        table[streams] = {
            "candidates_per_s": round(statistics.median(one["per_s"] for one in found)),
            "lowest": round(min(one["per_s"] for one in found)),
            "highest": round(max(one["per_s"] for one in found)),
            "share_of_tick": {
                name: round(statistics.median(one["parts"].get(name, 0.0) for one in found), 3)
                for name in sorted(names)
            },
        }
    # A line costs both runs the same; the null model writes more of them.
    none, streams_ = table["none"], table["all"]
    per_line = none["share_of_tick"]["judge and write lines"] / none["candidates_per_s"]
    lines = per_line * streams_["candidates_per_s"] / 5
    share = round(choosing(streams_["share_of_tick"], lines), 3)
    return table | {
        "share_for_choice_salience_archive": share,
        "goal": {"candidates_per_s": GOAL, "share": GOAL_SHARE},
        "settings": {"rounds": rounds_all, "streams": 5, "ticks": ticks},
    }


def show(table: Figures) -> None:
    """As JSON: few figures, each with its name."""
    print(json.dumps(table, indent=2))


def flags(parser: argparse.ArgumentParser) -> None:
    """The sizes of a run."""
    parser.add_argument("--rounds", type=int, default=13_107, help="rounds a tick with streams")
    parser.add_argument("--ticks", type=int, default=40)


_ROUNDS = "--interval 0 --seed 1 --ticks {n}"
BENCHMARK = Benchmark(
    measure,
    show,
    {
        "five streams": Command(
            f"log.jsonl --streams all --parallel 13107 {_ROUNDS}", n=40, quick=3
        ),
        "the null model": Command(f"log.jsonl --parallel 65535 {_ROUNDS}", n=40, quick=3),
    },
    flags,
)
