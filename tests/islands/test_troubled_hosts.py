"""Hosts in trouble: a disk that is full, clocks that jump; no byte of a log depends on either."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from island_cases import digests, run_in_turn, small_archipelago, written_folder
from redis_servers import NEEDS_SERVER, running_over, running_servers

from automaton.islands import exchange
from automaton.islands.folder import Folder
from automaton.log import Log


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """A disk of its own under a path, with room for little."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk may be mounted here (root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def place(folder: Folder, until: int, url: str) -> subprocess.CompletedProcess[bytes]:
    """Island 0 in a program of its own, until it ends."""
    command = [
        sys.executable,
        "-m",
        "automaton",
        "islands",
        "run",
        str(folder.path),
        "--on",
        "here",
    ]
    more = ["--only", "0", "--to", str(until), "--transport", url, "--min-free-disk", "0"]
    return subprocess.run([*command, *more], capture_output=True, check=False)


@NEEDS_SERVER
@pytest.mark.slow
def test_where_a_disk_is_full_logs_end_whole_and_neighbours_wait_and_say_for_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "SILENCE_S", 0.0)
    one, until, said = small_archipelago(2), 12, list[str]()
    disk, there = tmp_path / "disk", written_folder(tmp_path / "b", one)
    with (
        small_disk(disk), running_servers(tmp_path, 1) as servers,
        running_over(url := servers[0].url, there, [1], until, said) as neighbour,
    ):  # fmt: skip
        here = written_folder(disk / "a", one)
        ended = place(here, until, url)
        assert ended.returncode == 8, ended.stderr
        assert b"no room for" in ended.stderr
        with Log.open(here.log(0), write=False) as log:
            assert log.tail_bytes == 0
            assert 0 < one.epochs_done(len(log.commits)) < until
        while not any("of island 0, which runs elsewhere" in text for text in said):
            assert not neighbour.done()
        subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
        ended = place(here, until, url)
        assert ended.returncode == 0, ended.stderr
        assert neighbour.result()
        found = [digests(here)[0], digests(there)[1]]
    turn = written_folder(tmp_path / "turn", one)
    run_in_turn(turn, until)
    assert found == digests(turn)


def test_clocks_that_disagree_and_jump_change_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = small_archipelago(3, "complete", options={"streams": "all"})
    turn, other = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    run_in_turn(turn, 3)
    draws, steps = random.Random(5), itertools.count(10**6, 7919)
    monkeypatch.setattr(time, "time", lambda: draws.uniform(-1e9, 4e9))
    monkeypatch.setattr(time, "time_ns", lambda: draws.randrange(1 << 62))
    for name in ("monotonic", "perf_counter"):  # hours between two looks
        monkeypatch.setattr(time, name, lambda: float(next(steps)))
    run_in_turn(other, 3)
    monkeypatch.undo()
    assert digests(other) == digests(turn)
