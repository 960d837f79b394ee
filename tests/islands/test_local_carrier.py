"""Islands in processes: kills at any moment leave the bytes of a run that nothing happened to."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from island_cases import QUICK, digests, run_in_turn, small_archipelago, written_folder

from automaton.errors import AutomatonError, FileError, LockedError
from automaton.islands.driver import Driver
from automaton.islands.folder import Folder
from automaton.islands.local_carrier import LocalCarrier
from automaton.islands.schedule import Schedule
from automaton.log import Log


def carried(folder: Folder, until: int, kills: int = 0, seed: int = 1) -> LocalCarrier:
    """Take all islands to so many epochs in two processes, of which some are killed."""
    rng, left = random.Random(seed), kills
    carrier = LocalCarrier(folder, 2, QUICK)
    wait = carrier.wait

    def wait_and_kill(seconds: float) -> object:
        nonlocal left
        found = wait(seconds)
        if left and found and rng.random() < 0.5:
            left -= 1
            pid = carrier.place(rng.randrange(folder.archipelago.count)).name
            os.kill(int(pid.removeprefix("pid ")), signal.SIGKILL)
        return found

    carrier.wait = wait_and_kill  # type: ignore[method-assign,assignment]
    try:
        assert Driver(Schedule(folder.archipelago, None, until), carrier).go()
    finally:
        carrier.close()
    assert not left
    return carrier


def test_processes_give_the_bytes_of_islands_run_in_turn(tmp_path: Path) -> None:
    one = small_archipelago(3, "complete", options={"streams": "all"})
    turn, local = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    run_in_turn(turn, 3)
    carried(local, 2)
    carried(local, 3)
    assert digests(turn) == digests(local)


EXHAUSTIVE = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.mark.parametrize("kills", [3, pytest.param(40, marks=EXHAUSTIVE)])
def test_killed_processes_are_started_again_and_change_no_byte(tmp_path: Path, kills: int) -> None:
    one, until = small_archipelago(3, delay=1), 4 + kills
    turn, local = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    run_in_turn(turn, until)
    carrier = carried(local, until, kills)
    assert sum(carrier.place(k).restarts for k in (0, 1)) == kills
    assert digests(turn) == digests(local)


def started(folder: Folder, *arguments: str) -> subprocess.Popen[bytes]:
    """`islands run` as a program of its own."""
    command = [sys.executable, "-m", "automaton", "islands", "run", str(folder.path)]
    return subprocess.Popen(
        [*command, "--min-free-disk", "0", "--processes", "2", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_ticks(folder: Folder, island: int, ticks: int) -> None:
    """Return once an island's log has so many ticks more than now."""
    path, before = folder.log(island), 0
    with Log.open(path, write=False) as log:
        before = len(log.commits)
    while True:
        with Log.open(path, write=False) as log:
            if len(log.commits) >= before + ticks:
                return


@pytest.mark.parametrize("rounds", [2, pytest.param(12, marks=EXHAUSTIVE)])
def test_a_killed_parent_takes_its_processes_along_and_the_next_one_goes_on(
    tmp_path: Path, rounds: int
) -> None:
    one = small_archipelago(2)
    turn, local = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    rng = random.Random(2)
    for _ in range(rounds):
        with started(local) as parent:  # without an end
            wait_for_ticks(local, rng.randrange(2), rng.randrange(1, 8))
            parent.send_signal(signal.SIGKILL)
            parent.wait()
    with Log.open(local.log(0), write=False) as log:
        until = one.epochs_done(len(log.commits)) + 4  # more than the other can be ahead
    with started(local, "--to", str(until)) as parent:
        _, said = parent.communicate()
    assert parent.returncode == 0, said
    run_in_turn(turn, until)
    assert digests(turn) == digests(local)


def test_ctrl_c_ends_islands_with_whole_ticks(tmp_path: Path) -> None:
    local = written_folder(tmp_path / "a", small_archipelago(2))
    with started(local) as parent:
        wait_for_ticks(local, 0, 3)
        parent.send_signal(signal.SIGINT)
        said, errors = parent.communicate()
    assert parent.returncode == 0, errors
    assert b"stopped before its end" in said
    for path in local.logs:
        with Log.open(path, write=False) as log:
            assert not log.tail_bytes


def test_an_error_of_an_island_ends_the_run_as_an_error_of_its_kind(tmp_path: Path) -> None:
    local = written_folder(tmp_path / "a", small_archipelago(2))
    local.log(1).unlink()
    with pytest.raises(FileError, match=r"island-1\.jsonl"):
        carried(local, 1)


def test_an_island_that_somebody_else_runs_is_not_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automaton.islands.island.PATIENCE_S", 0.0)
    local = written_folder(tmp_path / "a", small_archipelago(1))
    with Log.open(local.log(0), write=True), pytest.raises(LockedError, match="island-0"):
        run_in_turn(local, 1)


def test_processes_that_find_another_archipelago_in_the_folder_say_so(tmp_path: Path) -> None:
    local = written_folder(tmp_path / "a", small_archipelago(1))
    other = Folder(local.path, small_archipelago(1, seed=8))
    with pytest.raises(AutomatonError, match="another archipelago"):
        carried(other, 1)
