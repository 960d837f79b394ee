"""What a run compiles, it compiles before its clock starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from numba.core.event import install_recorder
from automaton.run import Run
given = {"parallel": 256, "streams": sys.argv[2]}
with Run(sys.argv[1], given) as run, install_recorder("numba:compile") as seen:
    run.go(ticks=60, interval_ms=0)
assert run.world.state.actions["self-modify"] > 0
print(len(seen.buffer))
"""


@pytest.mark.parametrize("streams", ["none", "all"])
def test_no_kernel_is_compiled_or_loaded_while_ticks_run(tmp_path: Path, streams: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(log), streams],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "0"), done.stderr
