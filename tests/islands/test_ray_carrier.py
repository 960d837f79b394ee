"""Islands as actors of Ray: the bytes of islands that were run in turn, whatever dies."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from island_cases import digests, run_in_turn, small_archipelago, written_folder

SUPPORT = Path(__file__).resolve().parents[1] / "support"
LONGEST_S = 300.0  # a test that hangs ends

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (extra scale)"),
]


@pytest.mark.parametrize("dies", ["actor", "raylet"])
def test_what_dies_is_carried_on_by_others_and_changes_no_byte(tmp_path: Path, dies: str) -> None:
    one = small_archipelago(3, "complete", options={"streams": "all"})
    turn, carried = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    command = [sys.executable, str(SUPPORT / "ray_scenario.py"), str(carried.path), "6", dies]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)
    assert done.returncode == 0, done.stderr[-2000:]
    assert sum(json.loads(done.stdout.splitlines()[-1])["restarts"])
    run_in_turn(turn, 6)
    assert digests(turn) == digests(carried)


def test_the_command_begins_a_cluster_of_its_own_and_ends_it(tmp_path: Path) -> None:
    one = small_archipelago(2)
    turn, carried = written_folder(tmp_path / "a", one), written_folder(tmp_path / "b", one)
    command = [sys.executable, "-m", "automaton", "islands", "run", str(carried.path)]
    done = subprocess.run(
        [*command, "--on", "ray", "--to", "2", "--min-free-disk", "0", "--json"],
        capture_output=True, text=True, check=False, timeout=LONGEST_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["epochs"] == 2
    run_in_turn(turn, 2)
    assert digests(turn) == digests(carried)


def test_a_cluster_that_does_not_answer_is_an_error_in_one_line(tmp_path: Path) -> None:
    folder = written_folder(tmp_path / "a", small_archipelago(1))
    command = [sys.executable, "-m", "automaton", "islands", "run", str(folder.path)]
    done = subprocess.run(
        [*command, "--on", "ray", "--address", "127.0.0.2:1", "--to", "1"],
        capture_output=True, text=True, check=False, timeout=LONGEST_S,
    )  # fmt: skip
    assert done.returncode == 10, done.stderr[-2000:]
    assert "no cluster answers at 127.0.0.2:1" in done.stderr
