"""The scripts that measure: every benchmark is found and complete, two revisions are compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"__main__", "common", "revisions", "invented_terms"}
NAMES = sorted(p.stem for p in (ROOT / "scripts" / "benchmarks").glob("*.py"))
BENCHMARKS = [name for name in NAMES if name not in SHARED]


def script(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    """A script, with this Python."""
    return subprocess.run(
        ["sh", ROOT / "scripts" / name, *map(str, words)],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_benchmark_that_is_not_there_is_answered_by_those_that_are() -> None:
    done = script("bench", "speed")
    assert done.returncode == 2
    assert [line.split()[0] for line in done.stderr.splitlines()[1:]] == BENCHMARKS


def test_every_benchmark_measures_shows_and_has_commands_to_compare() -> None:
    program = """
import importlib, sys
from scripts.benchmarks.common import Benchmark
for name in sys.argv[1:]:
    module = importlib.import_module(f"scripts.benchmarks.{name}")
    assert isinstance(module.BENCHMARK, Benchmark), name
    for command in module.BENCHMARK.commands.values():
        assert command.words.format(n=1), name
    assert module.BENCHMARK.commands and module.__doc__, name
"""
    command = [sys.executable, "-c", program, *BENCHMARKS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_revision_that_git_does_not_know_is_said_in_one_line() -> None:
    done = script("bench", "kernels", "--against", "no-such-revision")
    assert done.returncode == 1
    assert done.stderr.startswith("git knows no revision no-such-revision here")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_two_revisions_are_compared_in_turn(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this copy of the project has no history")
    out = tmp_path / "figures.json"
    done = script("bench", "kernels", "--against", "HEAD", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    assert found["against"] == "HEAD"
    for row in found["commands"].values():
        assert row["logs_equal"]
        for kind in ("seconds", "cpu_seconds", "peak_mb"):
            assert row["here"][kind] > 0
            assert row["there_to_here"][kind] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "said"), [("cpu", "function calls"), ("memory", "MB"), ("kernels", "react ")]
)
def test_a_profile_of_a_run_names_its_parts_and_leaves_the_log_alone(
    tmp_path: Path, kind: str, said: str
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    done = script("profile", kind, log, "--ticks", 2, "--parallel", 64)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert log.read_bytes() == (ROOT / "automaton.jsonl").read_bytes()
    assert list(tmp_path.iterdir()) == [log]
