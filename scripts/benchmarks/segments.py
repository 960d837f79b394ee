"""A log in segments beside the log in one file: what they cost a run, and what they save.

Both run in turn on the shipped log and must hold the same bytes before anything counts.
Rates of single runs vary with what else the machine does; the processor time less so.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import ROOT, Benchmark, Command, Figures
from scripts.benchmarks.real_run import answer

#: By name: rounds a tick, ticks, and a quarter of them for --quick.
WORK = {
    "unlocked, 50,000 rounds": (50_000, 60),
    "unlocked, 16,384 rounds": (16_384, 180),
    "unlocked, 1,024 rounds": (1024, 1200),
}
SEGMENT = 100_000_000  # bytes of the log
QUICK_SEGMENT = 4_000_000

#: Runs a log, then reads lines from all over it; prints what it took.
_PROGRAM = """
import hashlib, json, random, sys, threading, time
from pathlib import Path
from automaton.log import Log
from automaton.run import Run
from automaton.workers.autoscale_policy import ScalingOptions

def sealing():  # processor time of the thread that compresses
    idents = [thread.ident for thread in threading.enumerate() if thread.name == "segments"]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in idents)

log, rounds, ticks, least = Path(sys.argv[1]), *map(int, sys.argv[2:])
scaling = ScalingOptions(engine="thread")
with Run(log, {"parallel": rounds}, scaling=scaling, segment_bytes=least) as run:
    run.go(ticks=5, interval_ms=0)
    spent, aside, start = time.process_time(), sealing(), time.perf_counter()
    last = run.go(ticks=ticks, interval_ms=0)
    seconds, spent = time.perf_counter() - start, time.process_time() - spent
    aside = sealing() - aside
with Log.open(log, write=False) as opened:
    start = time.perf_counter()
    ok = opened.verify_chain().ok
    checked = opened.size / (time.perf_counter() - start)
    draw = random.Random(1)
    ids = [f"m{draw.randrange(6, ticks)}.{draw.randrange(rounds)}" for _ in range(200)]
    start = time.perf_counter()
    found = sum(len(opened.find(each)) for each in ids)
    asked = (time.perf_counter() - start) / len(ids)
    digest = hashlib.sha256()
    for data in opened.blocks(0, opened.size):
        digest.update(data)
    sealed = opened.segments
    told = {"seconds": seconds, "processor_s": spent, "loop_s": spent - aside,
            "candidates": last.candidates,
            "ok": ok, "found": found, "sha256": digest.hexdigest(), "bytes": opened.size,
            "checked_bytes_per_s": checked, "find_s": asked,
            "sealed_bytes": opened.active_start, "packed": sum(s.packed for s in sealed)}
print(json.dumps(told))
"""


def pair(folder: Path, rounds: int, ticks: int, least: int, turn: int) -> dict[str, Any]:
    """One run in one file and one in segments, whichever is first."""
    found = {}
    for name in sorted(("segments", "plain"), reverse=bool(turn % 2)):
        place = Path(tempfile.mkdtemp(dir=folder))
        log = place / "log.jsonl"
        log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
        size = least if name == "segments" else 0
        found[name] = answer(ROOT, _PROGRAM, str(log), *map(str, (rounds, ticks, size)))
        for old in sorted(place.rglob("*"), reverse=True):
            old.rmdir() if old.is_dir() else old.unlink()
    one, many = found["plain"], found["segments"]
    if one["sha256"] != many["sha256"] or not (one["ok"] and many["ok"]):
        raise SystemExit(f"the logs differ: {found}")
    return found


def told(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the pairs of one work."""

    def ratio(of: str) -> float:
        ratios = [float(p["segments"][of] / p["plain"][of]) for p in pairs]
        return round(statistics.median(ratios), 2)

    many = [p["segments"] for p in pairs]
    rates = [p["plain"]["seconds"] / p["segments"]["seconds"] for p in pairs]
    return {
        "pairs": len(pairs),
        "rate_beside_plain": round(statistics.median(rates), 2),
        "rates_of_pairs": [round(rate, 2) for rate in rates],
        "processor_beside_plain": ratio("processor_s"),
        "loop_beside_plain": ratio("loop_s"),
        "plain_bytes_per_s": round(
            statistics.median(p["plain"]["bytes"] / p["plain"]["seconds"] for p in pairs)
        ),
        "times_smaller": round(many[0]["sealed_bytes"] / many[0]["packed"], 2),
        "sealed_bytes": many[0]["sealed_bytes"],
        "check_beside_plain": ratio("checked_bytes_per_s"),
        "find_us": round(statistics.median(each["find_s"] for each in many) * 1e6),
        "find_beside_plain": ratio("find_s"),
    }


def measure(asked: argparse.Namespace) -> Figures:
    """Every work that is asked for, with and without segments in turn."""
    results: Figures = {}
    least = QUICK_SEGMENT if asked.quick else SEGMENT
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.only or WORK:
            rounds, ticks = WORK[name]
            ticks //= 4 if asked.quick else 1
            turns = range(asked.turns)
            pairs = [pair(Path(folder), rounds, ticks, least, turn) for turn in turns]
            results[name] = told(pairs)
    return {"segment_bytes": least, "work": results}


def show(figures: Figures) -> None:
    """A line a work."""
    for name, row in figures["work"].items():
        alone = f"{row['loop_beside_plain']} without the thread that compresses"
        print(
            f"{name}: {row['rate_beside_plain']} of the rate, {row['processor_beside_plain']} "
            f"times the processor time ({alone}), "
            f"sealed bytes {row['times_smaller']} times smaller; "
            f"checked at {row['check_beside_plain']} of the rate, a line found in "
            f"{row['find_us']} us ({row['find_beside_plain']} times as long)"
        )


BENCHMARK = Benchmark(
    measure,
    show,
    {
        "run in segments": Command(
            "log.jsonl --ticks {n} --interval 0 --parallel 16384 --segment-bytes 50MB",
            n=60, quick=5,
        ),
    },
    names=tuple(WORK),
)  # fmt: skip
