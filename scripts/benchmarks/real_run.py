"""What a user starts, beside another version of the code: the shipped log, run and verified.

Both versions run in turn, each in a process of its own. Before anything of them counts, a
log that the other version began goes on under both, and must have the same bytes: of a log
of its own each has its newest format, whose lines a condition may count. Both compute on
threads. Rates of single runs vary with
what else the machine does; the ratio within a pair does so less: its median is told.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.benchmarks import plain_soup, revisions
from scripts.benchmarks.common import ROOT, Benchmark, Command, Figures

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

#: Ticks in which both versions must agree.
AGREEING = 8

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
    run.go(ticks=work.get("warm", 5), interval_ms=0)
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
import json, resource, sys, time
from automaton.log import AuditedLog
from automaton.verify import VerifyRequest, verify
with AuditedLog.open(sys.argv[1]) as log:
    verify(log, VerifyRequest(last=3))  # kernels are loaded, as they are in the run
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    before = sum(usage.ru_utime + usage.ru_stime for usage in of)
    start = time.perf_counter()
    found = verify(log, VerifyRequest())
    took = time.perf_counter() - start
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    spent = sum(usage.ru_utime + usage.ru_stime for usage in of) - before
    print(json.dumps({"ok": found.ok, "seconds": took, "processor_s": spent,
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


def fresh(folder: Path, name: str) -> Path:
    """The shipped log in a folder of its own."""
    log = folder / name / "log.jsonl"
    log.parent.mkdir(exist_ok=True)
    for old in log.parent.glob("log.jsonl*"):
        old.unlink()
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    return log


def agree(folder: Path, roots: dict[str, Path], work: dict[str, Any]) -> None:
    """A log that the other version began goes on for some ticks, with the same bytes."""
    log = fresh(folder, "begun")
    answer(roots["old"], _PROGRAM, str(log), json.dumps({**work, "warm": 1, "ticks": 1}))
    found = {}
    for name, root in roots.items():
        copy = fresh(folder, name)
        for part in log.parent.iterdir():
            shutil.copyfile(part, copy.parent / part.name)
        on = {**work, "options": {}, "warm": 1, "ticks": AGREEING}
        found[name] = answer(root, _PROGRAM, str(copy), json.dumps(on))["sha256"]
    if len(set(found.values())) > 1:
        raise SystemExit(f"the versions write different logs: {found}")


def pair(folder: Path, roots: dict[str, Path], work: dict[str, Any], turn: int) -> dict[str, Any]:
    """One run of each version, whichever is first; that of the new one verifies."""
    found = {}
    for name in sorted(roots, reverse=bool(turn % 2)):
        log = fresh(folder, name)
        found[name] = answer(roots[name], _PROGRAM, str(log), json.dumps(work))
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
        "verify_per_run_of_a_core": round(
            statistics.median(
                p["new"]["processor_s"]
                * p["verify"]["modifications"]
                / p["verify"]["processor_s"]
                / p["new"]["modifications"]
                for p in pairs
            ),
            2,
        ),
        "rates_of_pairs": [round(p["old"]["seconds"] / p["new"]["seconds"], 2) for p in pairs],
    }


def flags(parser: argparse.ArgumentParser) -> None:
    """The other version."""
    parser.add_argument(
        "--than", default="HEAD~1", metavar="REV", help="the other version (HEAD~1)"
    )


def measure(asked: argparse.Namespace) -> Figures:
    """Every work that is asked for, in turn with the other version."""
    results: Figures = {}
    with revisions.unpacked(asked.than) as other, tempfile.TemporaryDirectory() as folder:
        roots = {"new": ROOT, "old": other}
        for name in asked.only or WORK:
            work = {**WORK[name], "ticks": WORK[name]["ticks"] // (4 if asked.quick else 1)}
            agree(Path(folder), roots, work)
            pairs = [pair(Path(folder), roots, work, turn) for turn in range(asked.turns)]
            results[name] = told(pairs)
    return {"than": asked.than, "work": results, "rivals": plain_soup.rates(asked.turns)}


def show(figures: Figures) -> None:
    """A line a work."""
    for name, row in figures["work"].items():
        rates = "{new:,} candidates/s, {old:,} before".format(**row["candidates_per_s"])
        print(
            f"{name}: {row['times_the_rate']} times the rate ({rates}), "
            f"{row['times_less_processor']} times less processor time, {row['memory']} of the "
            f"memory; verifying at {row['verify_per_run']} times the rate of the run"
        )
    for name, rate in figures["rivals"].items():
        print(f"{name}: {rate:,} candidates/s")


BENCHMARK = Benchmark(
    measure,
    show,
    {
        "run, 64 rounds": Command("log.jsonl --ticks {n} --interval 0", n=400, quick=40),
        "run, 16,384 rounds": Command(
            "log.jsonl --ticks {n} --interval 0 --parallel 16384", n=60, quick=5
        ),
    },
    flags=flags,
    names=tuple(WORK),
)
