"""What a memory costs the loop that feeds it: tick times with and without one, in turn.

    scripts/bench vector_feed [--json docs/benchmarks/memory-loop.json]

The shipped log with all streams, flat out, past the tick at which its memory is
consolidated. Checked before it counts: logs of a turn are equal, the memory has
taken in and strengthened items. Goal: p99 of the ticks at most 1.2 times that without.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

from automaton.run import Run, SidecarOptions  # noqa: E402
from automaton.vector_store import DecayRule  # noqa: E402
from automaton.workers.autoscale_policy import ScalingOptions  # noqa: E402

ROUNDS, TURNS, RATE = 64, 5, 1000
TICKS = DecayRule().every + 1000
GOAL = 1.2


def once(folder: Path, rate: int) -> tuple[list[float], str, dict[str, Any]]:
    """Seconds of every tick, the log's head, and what the memory says."""
    path = folder / f"{rate}.jsonl"
    path.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    given = {"streams": "all", "parallel": ROUNDS}
    kept, scaling = SidecarOptions(memory=rate), ScalingOptions(max_execution_history=TICKS)
    with Run(path, given, keeping=kept, scaling=scaling) as run:
        run.go(ticks=TICKS, interval_ms=0)
        said = (run.aside.remembered() if run.aside else None) or {}
        return list(run.scaler.ticks), run.log.head.hex(), said


def quantile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(seconds)[int(share * len(seconds))] * 1e3


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--turns", type=int, default=TURNS)
    asked = parser.parse_args()
    turns = []
    for turn in range(asked.turns):
        row: dict[str, Any] = {}
        heads = set()
        for rate in (0, RATE) if turn % 2 else (RATE, 0):
            with tempfile.TemporaryDirectory() as folder:
                seconds, head, said = once(Path(folder), rate)
            heads.add(head)
            name = "with" if rate else "without"
            row[name] = {"p50_ms": quantile(seconds, 0.5), "p99_ms": quantile(seconds, 0.99)}
            if rate and not (said["indexed"] and said["strengthened"]):
                raise SystemExit(f"wrong: the memory did not take part ({said})")
        if len(heads) > 1:
            raise SystemExit("wrong: a memory changed the log")
        row |= {p: row["with"][p] / row["without"][p] for p in ("p50_ms", "p99_ms")}
        turns.append(row)
        print(f"p99 {row['with']['p99_ms']:.2f} and {row['without']['p99_ms']:.2f} ms, "
              f"ratio {row['p99_ms']:.2f}; of p50 {row['p50_ms']:.2f}", flush=True)  # fmt: skip
    found = {
        "machine": {"cores": os.cpu_count(), "machine": platform.machine()},
        "ticks": TICKS, "rounds": ROUNDS, "terms_per_s": RATE, "goal_p99_ratio": GOAL,
        "p99_ratio": statistics.median(row["p99_ms"] for row in turns),
        "p50_ratio": statistics.median(row["p50_ms"] for row in turns), "turns": turns,
    }  # fmt: skip
    print(f"median ratio of p99 {found['p99_ratio']:.2f}, of p50 {found['p50_ratio']:.2f}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
