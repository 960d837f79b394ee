"""In a folder that was removed, errors name the file and say why it is not found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "command",
    [["run", "x.jsonl"], ["stats", "x.jsonl"], ["check", "x.jsonl"], ["verify", "x.jsonl"],
     ["why", "x.jsonl", "m1.1"], ["show", "x.jsonl", "a"], ["match", "x.jsonl", "a"],
     ["observe", "x.jsonl"]],
)  # fmt: skip
def test_a_removed_working_folder_is_said(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    words = [sys.executable, "-m", "automaton", *command]
    done = subprocess.run(
        ["sh", "-c", f'rmdir {folder}; exec "$@"', "sh", *words], cwd=folder, check=False,
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 4
    assert "has been removed" in done.stderr
    assert "x.jsonl" in done.stderr
    assert done.stderr.count("\n") == 1
