"""A process that holds more open files than select() knows listens to its children all the same."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from small import TERMS, rich, written

HELD = 1100  # open files; select() knows none beyond number 1,023
PROGRAM = f"""
import os, sys
held = [os.open("/dev/null", os.O_RDONLY) for _ in range({HELD})]
from automaton.cli import main
main()
"""
NEEDED = 2 * HELD
SWEEP = """
log = "log.jsonl"
ticks = 2
seeds = 2
[settings]
operator = 'λx.λy.x y'
updating = "sequential"
parallel = 20
[grid]
max_objects = [8]
"""


def crowded(*words: object, said: bytes = b"") -> bytes:
    """What a command prints that runs in a process with so many open files."""

    def allowed() -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (NEEDED, hard))

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        input=said, capture_output=True, check=False, preexec_fn=allowed,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


pytestmark = pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < NEEDED,
    reason=f"fewer than {NEEDED} open files are allowed (ulimit -Hn)",
)


def test_a_sweep_hears_its_processes(tmp_path: Path) -> None:
    written(tmp_path / "log.jsonl", TERMS)
    (tmp_path / "grid.toml").write_text(SWEEP, "utf-8")
    crowded("sweep", tmp_path / "grid.toml", "--workers", 2)
    assert (tmp_path / "grid" / "manifest.jsonl").read_bytes().count(b"\n") == 1 + 2


def test_islands_and_their_verification_hear_their_processes(tmp_path: Path) -> None:
    log, folder = written(tmp_path / "log.jsonl", rich()), tmp_path / "islands"
    crowded("islands", "init", folder, "--from", log, "--count", 2, "--epoch", 4, "--parallel", 4)
    done = json.loads(crowded("islands", "run", folder, "--epochs", 1, "--json"))
    assert done["finished"]
    judged = json.loads(crowded("islands", "verify", folder, "--processes", 2, "--json"))
    assert judged["ok"]


def test_lines_of_standard_input_are_sealed(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    crowded("seal", "-", "--out", out, said=b'{"a":1}\n')
    assert out.read_bytes() == b'{"a":1}\n'
    crowded("verify", out)
