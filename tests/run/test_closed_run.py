"""A run that is over gives back its memory and its open files at once, not at some collection."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small import rich, written

from automaton.cli import command_line
from automaton.run import Run
from automaton.workers.autoscale_policy import ScalingOptions


def shared_blocks() -> int:
    """Open files of shared memory in this process."""
    found = [os.path.realpath(file) for file in Path("/proc/self/fd").iterdir()]
    return sum(name.startswith("/memfd:automaton") for name in found)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing is collected but what nothing refers to any more."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("given", [{}, {"streams": "all"}], ids=str)
def test_a_run_with_processes_leaves_no_shared_memory(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    before = shared_blocks()
    with Run(
        path, {"parallel": 32, **given}, scaling=ScalingOptions(engine="process", workers=2)
    ) as run:
        run.go(ticks=6, interval_ms=0)
        assert shared_blocks() > before
    del run
    assert shared_blocks() == before


@pytest.mark.usefixtures("uncollected")
def test_the_command_leaves_no_shared_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    before = shared_blocks()
    words = ["run", str(path), "--ticks", "6", "--interval", "0", "--engine", "process"]
    for _ in range(2):
        assert CliRunner().invoke(command_line, words).exit_code == 0
    assert shared_blocks() == before
