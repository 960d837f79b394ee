"""What `verify` says, as a reader takes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small import TERMS, automaton, ran, written


def verify(log: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """What `verify` says, as a user starts it."""
    command = [sys.executable, "-m", "automaton", "verify", str(log), "--workers", "1", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of ten ticks."""
    path = written(tmp_path / "log.jsonl", [automaton("0D"), *TERMS])
    ran(path, 10, parallel=4)
    return path


def test_a_complete_check_says_that_all_is_true(log: Path) -> None:
    done = verify(log)
    assert done.returncode == 0
    assert "TRUE: all 10 commits computed again, every byte checked" in done.stdout


def test_a_part_says_how_much_it_was_and_how_many_would_leave_no_doubt(log: Path) -> None:
    done = verify(log, "--replay", "sample=4", "--seed", "1")
    assert "true as far as it was checked: every byte, and 4 of 10 commits" in done.stdout
    assert "at most 75.00% of all commits are false" in done.stdout
    assert "--replay all leaves no doubt" in done.stdout


def test_a_changed_genesis_is_called_so_and_no_rate_is_shown(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b"0D", b"9D", 1))
    done = verify(log)
    assert done.returncode == 1
    assert "NOT TRUE: the genesis was changed" in done.stdout
    assert "/s" not in done.stdout


def test_where_there_is_nothing_to_check_nothing_was(tmp_path: Path) -> None:
    done = verify(written(tmp_path / "log.jsonl", TERMS))
    assert done.returncode == 14
    assert "nothing was checked" in done.stdout
