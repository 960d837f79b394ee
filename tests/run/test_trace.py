"""A trace of the stages of each tick: it is JSON, it is complete, and it decides no byte."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from automaton.run import Run
from automaton.run.trace import NO_TRACE, TickTrace

ROOT = Path(__file__).resolve().parents[2]
STAGES = (
    "react and write lines", "conditions and actions", "fold", "wait for the log",
    "hash and append",
)  # fmt: skip


def run(log: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Five ticks of the shipped log."""
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    command = [sys.executable, "-m", "automaton", log, "--ticks", 5, "--interval", 0, *words]
    return subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], bytes]:
    """The events of a run, and its log."""
    folder = tmp_path_factory.mktemp("traced")
    done = run(folder / "log.jsonl", "--trace", folder / "trace.json", "--streams", "all")
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "trace.json").read_text())
    return found["traceEvents"], (folder / "log.jsonl").read_bytes()


def test_every_tick_has_every_stage_once(traced: tuple[list[dict[str, Any]], bytes]) -> None:
    stages = [event for event in traced[0] if event["ph"] == "X"]
    found = sorted((event["args"]["tick"], event["name"]) for event in stages)
    assert found == sorted((tick, name) for tick in range(1, 6) for name in STAGES)


def test_stages_of_a_thread_follow_each_other_in_the_order_of_a_tick(
    traced: tuple[list[dict[str, Any]], bytes],
) -> None:
    stages = [event for event in traced[0] if event["ph"] == "X"]
    threads = {event["tid"] for event in stages}
    assert len(threads) == 2
    for thread in threads:
        own = sorted((e for e in stages if e["tid"] == thread), key=lambda event: event["ts"])
        for one, other in pairwise(own):
            assert one["ts"] + one["dur"] <= other["ts"] + 0.2  # both are rounded
            assert one["args"]["tick"] <= other["args"]["tick"]
    loop = [event["name"] for event in stages if event["tid"] == 1 and event["args"]["tick"] == 3]
    assert loop == list(STAGES[:4])


def test_threads_and_the_process_are_named(traced: tuple[list[dict[str, Any]], bytes]) -> None:
    names = {(e["name"], e["tid"]): e["args"]["name"] for e in traced[0] if e["ph"] == "M"}
    assert names.pop(("process_name", 0)) == "automaton-scalable"
    assert {name for name, _ in names} == {"thread_name"}
    assert names["thread_name", 1] == "MainThread"


def test_a_trace_decides_no_byte(
    traced: tuple[list[dict[str, Any]], bytes], tmp_path: Path
) -> None:
    assert run(tmp_path / "log.jsonl", "--streams", "all").returncode == 0
    assert (tmp_path / "log.jsonl").read_bytes() == traced[1]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    done = run(log, "--trace", log)
    assert done.returncode == 4
    assert "the file exists; name another, or remove it" in done.stderr
    assert log.read_bytes() == (ROOT / "automaton.jsonl").read_bytes()


def test_a_trace_that_cannot_be_written_ends_and_the_run_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes((ROOT / "automaton.jsonl").read_bytes())
    taken: list[str] = []

    def write(text: str) -> None:
        if len(taken) == 6:
            raise OSError(28, "No space left on device")
        taken.append(text)

    with Run(log, {"parallel": 16}, durability="off") as under_way:
        under_way.trace = trace = TickTrace(write)
        under_way.go(ticks=3, interval_ms=0)
        assert under_way.tick == 3
    assert trace.failure == "No space left on device"
    assert len(taken) == 6


def test_without_a_trace_a_stage_is_nothing_at_all() -> None:
    assert NO_TRACE.stage("fold", 1) is NO_TRACE.stage("react and write lines", 2)


def test_the_settings_of_a_run_with_a_trace_can_be_printed(tmp_path: Path) -> None:
    given = [sys.executable, "-m", "automaton", "config", "--trace", str(tmp_path / "t.json")]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f'\ntrace = "{tmp_path}/t.json"  # command line: ' in done.stdout
    assert not list(tmp_path.iterdir())
