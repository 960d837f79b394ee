"""What a user starts, beside another version of the code: the shipped log, run and verified.

Both versions run in turn, each in a process of its own, and must write the same bytes
before anything of them counts. Both compute on threads. Rates of single runs vary with what else the machine
does; the ratio within a pair does so less, and its median is what is told.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: By name: options of the run, how durable, its ticks, and a quarter of them for --quick.
WORK: dict[str, dict[str, Any]] = {
    "unlocked, 50,000 rounds": {"options": {"parallel": 50_000}, "ticks": 40},
    "unlocked, 16,384 rounds": {"options": {"parallel": 16_384}, "ticks": 100},
    "unlocked, 1,024 rounds": {"options": {"parallel": 1024}, "ticks": 300},
    "unlocked, 64 rounds, durable": {"options": {"parallel": 64}, "ticks": 400},
    "unlocked, 64 rounds, not durable": {
        "options": {"parallel": 64}, "ticks": 400, "durability": "off",
    },
    "streams, 13,107 rounds": {
        "options": {"parallel": 13_107, "streams": "all"}, "ticks": 20, "decisions": 100,
    },
    "locked to dimension 4, 65,536 rounds": {
        "options": {"parallel": 65_536, "lock_dimension": 4}, "ticks": 24,
    },
}  # fmt: skip

#: Runs a log in a process of its own; it knows the names of both layouts of the code.
_PROGRAM = """
import hashlib, json, resource, sys, time
from pathlib import Path
try:
    from automaton.run import Run, SidecarOptions as Keeping
except ImportError:
    try:
        from automaton.run import Run
        from automaton.run.sidecar_writer import SidecarOptions as Keeping
    except ImportError:
        from automaton.runner import Run
        from automaton.aside import Keeping
try:
    from automaton.workers.autoscale_policy import ScalingOptions as Scaling
except ImportError:
    from automaton.budget import Scaling

def processor():
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in of)

log, work = Path(sys.argv[1]), json.loads(sys.argv[2])
keeping = Keeping(decisions=work.get("decisions", 0))
durability = work.get("durability", "commit")
threads = Scaling(engine="thread")
with Run(
    log, work["options"], durability=durability, keeping=keeping, scaling=threads
) as run:
    run.go(ticks=5, interval_ms=0)
    before, start = processor(), time.perf_counter()
    last = run.go(ticks=work["ticks"], interval_ms=0)
    seconds = time.perf_counter() - start
spent = processor() - before
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
told = {"seconds": seconds, "processor_s": spent, "candidates": last.candidates,
        "modifications": last.modifications, "memory_mb": memory / 1e3,
        "sha256": hashlib.sha256(log.read_bytes()).hexdigest()}
print(json.dumps(told))
"""

_VERIFIER = """
import json, sys, time
from automaton.log import AuditedLog
from automaton.verify import VerifyRequest, verify
with AuditedLog.open(sys.argv[1]) as log:
    start = time.perf_counter()
    found = verify(log, VerifyRequest())
    print(json.dumps({"ok": found.ok, "seconds": time.perf_counter() - start,
                      "modifications": found.modifications}))
"""


def answer(root: Path, program: str, *arguments: str) -> dict[str, Any]:
    """What a program prints that imports the code of a checkout."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=root, capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def pair(folder: Path, roots: dict[str, Path], work: dict[str, Any], turn: int) -> dict[str, Any]:
    """One run of each version, whichever is first; their logs have the same bytes."""
    found = {}
    for name in sorted(roots, reverse=bool(turn % 2)):
        log = folder / name / "log.jsonl"
        log.parent.mkdir(exist_ok=True)
        for old in log.parent.glob("log.jsonl*"):
            old.unlink()
        log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
        found[name] = answer(roots[name], _PROGRAM, str(log), json.dumps(work))
    if len({each["sha256"] for each in found.values()}) > 1:
        raise SystemExit(f"the versions write different logs: {found}")
    check = answer(ROOT, _VERIFIER, str(folder / "new" / "log.jsonl"))
    if not check["ok"]:
        raise SystemExit("the log does not verify")
    return {**found, "verify": check}


def told(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the pairs of one work."""

    def ratio(of: str) -> float:
        return round(statistics.median(p["old"][of] / p["new"][of] for p in pairs), 2)

    def rate(name: str) -> int:
        return round(statistics.median(p[name]["candidates"] / p[name]["seconds"] for p in pairs))

    made = [p["new"]["modifications"] / p["new"]["seconds"] for p in pairs]
    checked = [p["verify"]["modifications"] / p["verify"]["seconds"] for p in pairs]
    shares = [v / g for v, g in zip(checked, made, strict=True)]
    return {
        "pairs": len(pairs),
        "candidates_per_s": {name: rate(name) for name in ("old", "new")},
        "times_the_rate": ratio("seconds"),
        "times_less_processor": ratio("processor_s"),
        "memory": round(1 / ratio("memory_mb"), 2),
        "verify_per_run": round(statistics.median(shares), 2),
        "rates_of_pairs": [round(p["old"]["seconds"] / p["new"]["seconds"], 2) for p in pairs],
    }


def main() -> None:
    """Measure, print, and write the results where they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, required=True, help="another checkout")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="", help="words of the names of what is measured")
    parser.add_argument("--quick", action="store_true", help="a quarter of the ticks")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    roots = {"new": ROOT, "old": asked.against.resolve()}
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, work in WORK.items():
            if asked.only in name:
                some = {**work, "ticks": max(1, work["ticks"] // (4 if asked.quick else 1))}
                pairs = [pair(Path(folder), roots, some, turn) for turn in range(asked.pairs)]
                results[name] = told(pairs)
                print(name, json.dumps(results[name]), flush=True)
    machine = {"cores": os.cpu_count(), "machine": platform.machine(),
               "load": round(os.getloadavg()[0], 1)}  # fmt: skip
    if asked.out:
        asked.out.write_text(json.dumps({"machine": machine, "work": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
