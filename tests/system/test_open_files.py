"""Worker processes have the open files that they need, or the error says how many those are."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from small import commits_in, encoded, rich


def run(path: Path, soft: int, hard: int, workers: int) -> subprocess.CompletedProcess[str]:
    """A run with processes, under a limit of open files."""

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    command = [
        sys.executable, "-m", "automaton", "run", str(path), "--ticks", "2", "--interval", "0",
        "--parallel", "64", "--engine", "process", "--workers", str(workers), "--no-auto-scale",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=bounded)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(rich()))
    return path


@pytest.mark.parametrize("workers", [2, 6])
def test_too_few_files_are_said_with_the_number_that_is_needed_which_is_enough(
    log: Path, workers: int
) -> None:
    done = run(log, 40, 40, workers)
    assert done.returncode == 10
    assert "40 are allowed (ulimit -n)" in done.stderr
    found = re.search(rf"{workers} worker processes need (\d+) open files", done.stderr)
    assert found is not None, done.stderr
    assert commits_in(log) == []
    needed = int(found[1])
    assert run(log, needed, needed, workers).returncode == 0
    assert len(commits_in(log)) == 2


def test_a_limit_that_may_be_raised_is_raised(log: Path) -> None:
    done = run(log, 40, 1024, 2)
    assert done.returncode == 0, done.stderr
    assert len(commits_in(log)) == 2
