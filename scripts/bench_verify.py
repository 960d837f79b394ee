"""How fast a log is verified: truth against generation on the same cores, integrity, opening.

One run is made, then verified in the same process on the same threads; the answers
are checked before the figures are kept. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def generated(path: Path, ticks: int, parallel: int, durability: str) -> tuple[int, float]:
    """Make a log; modifications and the seconds of the loop alone."""
    from automaton.runner import Run

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
    from automaton.log import Log
    from automaton.options import Options
    from automaton.restore import Malformed, restored

    folded: list[int] = []
    begun = time.perf_counter()
    with Log.open(path, write=False) as log:
        restored(log, Options(), Malformed(), folded.append)
    seconds = time.perf_counter() - begun
    if folded:
        raise SystemExit("the checkpoint was not used")
    return seconds


def one(ticks: int, parallel: int, durability: str) -> dict[str, object]:
    """Generate and verify one log."""
    from automaton.audit import Audit
    from automaton.truth import Asked
    from automaton.verify import verify

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        shutil.copyfile(ROOT / "automaton.jsonl", path)
        made, generation_s = generated(path, ticks, parallel, durability)
        with Audit.open(path) as log:
            whole = verify(log, Asked())
            integrity = [verify(log, Asked(replay="none")).integrity_s for _ in range(3)]
        if not whole.ok or whole.replayed != ticks + 1:
            raise SystemExit(f"the log does not verify: {whole.first_bad}")
        size = path.stat().st_size
        opening = [opened(path) for _ in range(3)]
    truth = whole.modifications / whole.replay_s
    return {
        "parallel": parallel,
        "durability": durability,
        "modifications": whole.modifications,
        "commits": whole.commits,
        "bytes": size,
        "generated_per_s": round(made / generation_s),
        "recomputed_per_s": round(truth),
        "v_over_g": round(truth / (made / generation_s), 2),
        "integrity_gb_per_s": round(size / statistics.median(integrity) / 1e9, 3),
        "open_with_checkpoint_s": round(statistics.median(opening), 4),
    }


def main() -> None:
    """Every size asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--modifications", type=int, default=1_000_000, help="of each log (a count)"
    )
    parser.add_argument("--parallel", type=int, nargs="*", default=[64, 4096, 65536])
    parser.add_argument("--durability", nargs="*", default=["commit", "off"])
    parser.add_argument("--out", help="a path; standard output without")
    asked = parser.parse_args()
    rows = []
    for parallel in asked.parallel:
        ticks = max(2, min(3000, asked.modifications // parallel))
        rows += [one(ticks, parallel, durability) for durability in asked.durability]
    result = {
        "what": "truth against generation in one process on the same cores; integrity; opening",
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "rows": rows,
    }
    text = json.dumps(result, indent=1) + "\n"
    print(text, end="")
    if asked.out:
        Path(asked.out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
