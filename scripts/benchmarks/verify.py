"""How fast a log is verified: integrity beside SHA-256, truth against generation, opening.

One run is made, then verified in the same process on the same threads; the answers
are checked before the figures are kept, which are medians.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import (
    Benchmark,
    Command,
    Figures,
    copy_shipped,
    must,
    wall_seconds,
    write_run,
)


def generated(path: Path, ticks: int, parallel: int, durability: Any) -> tuple[int, float]:
    """Make a log; modifications and the seconds of the loop alone."""
    from automaton.run import Run

    with Run(path, {"parallel": parallel}, durability=durability) as run:
        run.step()  # pages are touched, arenas are there
        run.background.wait()
        first = run.outcomes["normal"]
        begun = time.perf_counter()
        for _ in range(ticks):
            run.step()
        run.background.wait()
        run.log.sync()
        seconds = time.perf_counter() - begun
        made = run.outcomes["normal"] - first
        run.keeper.keep()
    return made, seconds


def opened(path: Path) -> float:
    """Seconds to open a log for reading and restore its snapshot."""
    from automaton.format.options import Options
    from automaton.log import Log
    from automaton.replay import MalformedLines
    from automaton.replay.restore import restore_world

    folded: list[int] = []
    begun = time.perf_counter()
    with Log.open(path, write=False) as log:
        restore_world(log, Options(), MalformedLines(), folded.append)
    seconds = time.perf_counter() - begun
    must(not folded, "the checkpoint was not used")
    return seconds


def hashed(path: Path) -> float:
    """Seconds that SHA-256 alone takes for the file's bytes, on one core."""
    data = path.read_bytes()
    return wall_seconds(lambda: hashlib.sha256(data).digest())


def judged(path: Path) -> tuple[float, float, Any]:
    """Seconds to open a log to be judged and to check its bytes; then all of it computed again."""
    from automaton.log import AuditedLog
    from automaton.verify import VerifyRequest, verify

    begun = time.perf_counter()
    with AuditedLog.open(path) as log:
        opening = time.perf_counter() - begun
        integrity = verify(log, VerifyRequest(replay="none")).integrity_s
        return opening, integrity, verify(log, VerifyRequest())


def one(ticks: int, parallel: int, durability: str, repeat: int) -> dict[str, object]:
    """Generate and verify one log again and again; medians, of ratios too."""
    rounds = [measured(ticks, parallel, durability) for _ in range(repeat + 1)]
    facts = {"parallel": parallel, "durability": durability, **rounds[0][0]}
    timed = [round_[1] for round_ in rounds[1:]]  # in the first, kernels were compiled
    return facts | {
        name: round(statistics.median(row[name] for row in timed), 4) for name in timed[0]
    }


def measured(ticks: int, parallel: int, durability: str) -> tuple[dict[str, int], dict[str, float]]:
    """One log made and judged, one right after the other: what it holds, and what was timed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        copy_shipped(path)
        made, generation_s = generated(path, ticks, parallel, durability)
        size = path.stat().st_size
        sha_s = hashed(path)
        opening_s, integrity_s, whole = judged(path)
        must(
            whole.ok and whole.replayed == ticks + 1, f"the log does not verify: {whole.first_bad}"
        )
        generation, truth = made / generation_s, whole.modifications / whole.replay_s
        return {
            "modifications": whole.modifications,
            "commits": whole.commits,
            "bytes": size,
            "bytes_a_batch": size // whole.commits,
        }, {
            "sha256_one_core_gb_per_s": size / sha_s / 1e9,
            "integrity_gb_per_s": size / integrity_s / 1e9,
            "integrity_with_opening_gb_per_s": size / (integrity_s + opening_s) / 1e9,
            "generated_per_s": generation,
            "recomputed_per_s": truth,
            "v_over_g": truth / generation,
            "open_with_checkpoint_s": opened(path),
        }


def measure(asked: argparse.Namespace) -> Figures:
    """Every size asked for, under each durability."""
    modifications = 20_000 if asked.quick else asked.modifications
    rows = []
    for parallel in asked.parallel[:2] if asked.quick else asked.parallel:
        ticks = max(2, min(asked.ticks, modifications // parallel))
        rows += [one(ticks, parallel, durability, asked.turns) for durability in asked.durability]
    return {
        "what": "integrity beside SHA-256 alone; truth (V) against generation (G) in one process "
        "on the same cores; opening with a checkpoint; medians, each answer checked",
        "rows": rows,
    }


def show(found: Figures) -> None:
    """As JSON: few figures, each with its name."""
    print(json.dumps(found, indent=1))


def flags(parser: argparse.ArgumentParser) -> None:
    """The sizes of the logs."""
    parser.add_argument(
        "--modifications", type=int, default=1_000_000, help="of each log (a count)"
    )
    parser.add_argument("--parallel", type=int, nargs="*", default=[64, 1024, 65536])
    parser.add_argument("--durability", nargs="*", default=["commit", "off"])
    parser.add_argument("--ticks", type=int, default=12_000, help="of a log at most (a count)")


_MADE = partial(write_run, words="--ticks 100 --parallel 1024 --interval 0")
BENCHMARK = Benchmark(
    measure,
    show,
    {
        "check --chain": Command("check log.jsonl --chain", log=_MADE),
        "verify": Command("verify log.jsonl", log=_MADE),
        "stats": Command("stats log.jsonl", log=_MADE),
    },
    flags,
)
