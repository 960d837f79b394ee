"""A disk that gets full under a memory is named; a run goes on without its memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import commits_in, encoded, rich

pytest.importorskip("qdrant_edge")
PROGRAM = [sys.executable, "-m", "automaton"]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log with candidates that lost, on a file system that has no room for a memory."""
    folder, mount = tmp_path / "disk", shutil.which("mount")
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if mount is None or subprocess.run([mount, *options], check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        path = folder / "log.jsonl"
        path.write_bytes(encoded(rich()))
        assert run(path).returncode == 0
        yield path
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def run(path: Path, *more: object) -> subprocess.CompletedProcess[str]:
    ticks = ("--ticks", 2, "--interval", 0, "--parallel", 16, "--min-free-disk", 0)
    return command("run", path, "--streams", "all", *ticks, *more)


def test_reindexing_without_room_ends_with_8_and_names_the_memory(log: Path) -> None:
    done = command("memory", "reindex", log, "--min-free-disk", 0)
    assert done.returncode == 8, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert f"{log}.memory" in done.stderr


def test_reindexing_leaves_free_what_is_to_stay_so(log: Path) -> None:
    done = command("memory", "reindex", log)
    assert done.returncode == 8
    assert "1000 MB are to stay so (--min-free-disk)" in done.stderr
    assert not log.with_name(f"{log.name}.memory").exists()


def test_a_run_goes_on_without_the_memory_that_has_no_room(log: Path) -> None:
    done = run(log, "--memory-rate", 1000)
    assert done.returncode == 0, done.stderr
    assert f"{log}.memory" in done.stderr + done.stdout
    assert len(commits_in(log)) == 4
