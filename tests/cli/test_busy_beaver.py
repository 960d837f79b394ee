"""`busy-beaver` as a person calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def called(*words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "automaton", "busy-beaver", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_row_a_size_says_counts_and_the_term(tmp_path: Path) -> None:
    path = tmp_path / "proofs.jsonl"
    done = called("--bits", "18-22", "--certificates", str(path))
    assert done.returncode == 0, done.stderr
    rows = [line.split(maxsplit=6) for line in done.stdout.splitlines()[1:]]
    assert [row[:6] for row in rows] == [
        ["18", "298", "297", "1", "0", "18"],
        ["19", "431", "431", "0", "0", "19"],
        ["20", "883", "882", "1", "0", "20"],
        ["21", "1,361", "1,361", "0", "0", "22"],
        ["22", "2,736", "2,729", "7", "0", "24"],
    ]
    assert rows[4][6] == "λ(λ0 0) (0 (λλ0))"
    assert len(path.read_text("utf-8").splitlines()) == 9
    again = called("--bits", "18", "--certificates", str(path))
    assert again.returncode == 4
    assert "--force" in again.stderr


def test_json_has_an_object_a_size() -> None:
    done = called("--bits", "21", "--json")
    [found] = [json.loads(line) for line in done.stdout.splitlines()]
    assert found["closed"] == found["normal"] == 1361
    assert found["largest"] == "22"
    assert found["open_terms"] == []


@pytest.mark.parametrize("bits", ["61", "9-4", "4-"])
def test_sizes_that_cannot_be_meant_are_refused_in_one_line(bits: str) -> None:
    done = called(f"--bits={bits}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: --bits")
    assert done.stderr.count("\n") == 1
