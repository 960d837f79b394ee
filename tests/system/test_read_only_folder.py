"""A log in a folder that may only be read is verified like any other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small import encoded, ran, rich


def test_a_verdict_is_given_where_its_note_cannot_be_written(tmp_path: Path) -> None:
    kept, view, mount = tmp_path / "kept", tmp_path / "view", shutil.which("mount")
    kept.mkdir()
    view.mkdir()
    (kept / "log.jsonl").write_bytes(encoded(rich()))
    ran(kept / "log.jsonl", 3)
    if mount is None or subprocess.run([mount, "--bind", kept, view], check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        subprocess.run([mount, "-o", "remount,ro,bind", view], check=True)
        words = ["verify", str(view / "log.jsonl"), "--resume", "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "automaton", *words], capture_output=True, text=True, check=False
        )
    finally:
        subprocess.run(["umount", "-l", view], check=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["replayed"] == 3
    assert "log.jsonl.verified cannot be written" in done.stderr
    assert not (kept / "log.jsonl.verified").exists()
