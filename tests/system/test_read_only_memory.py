"""A memory that may only be read is read, and nothing is written into its folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import encoded, rich

pytest.importorskip("qdrant_edge")


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "automaton", *map(str, arguments)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def held(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A log with a memory, and the same through a view that may only be read."""
    kept, view, mount = tmp_path / "kept", tmp_path / "view", shutil.which("mount")
    kept.mkdir()
    view.mkdir()
    path = kept / "log.jsonl"
    path.write_bytes(encoded(rich()))
    ticks = ("--ticks", 2, "--interval", 0, "--parallel", 16)
    done = command("run", path, "--streams", "all", "--memory-rate", 1000, *ticks)
    assert done.returncode == 0, done.stderr
    if mount is None or subprocess.run([mount, "--bind", kept, view], check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        subprocess.run([mount, "-o", "remount,ro,bind", view], check=True)
        yield path, view / path.name
    finally:
        subprocess.run(["umount", "-l", view], check=True)


def test_what_is_remembered_is_recalled_from_a_folder_that_may_only_be_read(
    logs: tuple[Path, Path], tmp_path: Path
) -> None:
    path, view = logs
    before = held(path.parent)
    done = command("recall", view, "λx.x", "-k", 3, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("may only be read") == 1
    facts = command("memory", "stats", view, "--json")
    assert facts.returncode == 0, facts.stderr
    assert json.loads(facts.stdout)["folder"] == f"{view}.memory"
    assert held(path.parent) == before
    same = command("recall", path, "λx.x", "-k", 3, "--json")
    assert [json.loads(line)["id"] for line in same.stdout.splitlines()] == [
        json.loads(line)["id"] for line in done.stdout.splitlines()
    ]
    refused = command("memory", "reindex", view, "--min-free-disk", 0)
    assert (refused.returncode, "Traceback" in refused.stderr) == (4, False)
