"""Cycles as tasks of Ray: the results of one process, whatever dies."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from automaton.cycles import ParallelEngine
from automaton.cycles.results import to_text
from automaton.run import Run

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "tests" / "support" / "ray_cycles.py"
LONGEST_S = 240.0  # a test that hangs ends
CYCLES = 3000  # more than are over before all that dies has died

there = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (extra scale)")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The shipped log after some ticks."""
    path = tmp_path / "log.jsonl"
    path.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    with Run(path, durability="off") as run:
        run.go(ticks=8, interval_ms=0)
    return path


def ran(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)


@pytest.mark.slow
@there
def test_what_dies_on_ray_costs_no_result_but_that_of_the_cycle_that_killed_it(log: Path) -> None:
    done = ran(SCENARIO, log, CYCLES)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])  # Ray tells of deaths before
    assert found["killed from outside"] == ["process", "raylet", "own"]
    alone = ParallelEngine(log, engine="serial", sequential=0.0).run(CYCLES)
    assert found["whole"] == [to_text(result) for result in alone.results]
    for name, said in [("killed", "2 times on Ray"), ("hangs", "0.3 s passed (--deadline)")]:
        errors = {seed: error for seed, *_, error in map(json.loads, found[name]) if error}
        assert list(errors) == [3]
        assert said in errors[3]
    assert "by which this command is in the cluster, is gone" in found["trouble"]
    assert set(found["lost"]) <= {
        to_text(result)
        for result in ParallelEngine(log, engine="serial", sequential=0.0)
        .run(len(found["lost"]) + CYCLES)
        .results
    }


@pytest.mark.slow
@there
def test_the_command_writes_the_results_of_one_process(log: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("ray", "serial")]
    for file, where in zip(files, [("--on", "ray"), ("--engine", "serial")], strict=True):
        command = ["-m", "automaton", "cycles", log, "--count", 60, *where, "--results", file]
        done = ran(*command, "--json", "--sequential", 0)
        assert done.returncode == 0, done.stderr[-2000:]
        assert json.loads(done.stdout)["report"]["completed"] == 60
    assert files[0].read_bytes() == files[1].read_bytes()


@there
def test_a_cluster_that_does_not_answer_is_an_error_in_one_line(log: Path) -> None:
    done = ran("-m", "automaton", "cycles", log, "--on", "ray", "--address", "127.0.0.2:1")
    assert done.returncode == 10, done.stderr[-2000:]
    assert "no cluster answers at 127.0.0.2:1" in done.stderr


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_command_says_what_to_install(log: Path) -> None:
    done = ran("-m", "automaton", "cycles", log, "--on", "ray")
    assert done.returncode == 2, done.stderr[-2000:]
    assert "pip install '.[scale]'" in done.stderr


@pytest.mark.parametrize(
    "options", [("--on", "ray", "--engine", "process"), ("--address", "127.0.0.2:1")]
)
def test_options_that_do_not_go_together_are_refused(log: Path, options: tuple[str, ...]) -> None:
    done = ran("-m", "automaton", "cycles", log, *options)
    assert done.returncode == 2, done.stderr[-2000:]
