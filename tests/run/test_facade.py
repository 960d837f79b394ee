"""The program as classes, and what `tune` measures."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import commits_in, ran, rich, written

from automaton.cli import command_line
from automaton.errors import UsageError
from automaton.run import MemoryOptimizedAutomaton, ScalableAutomaton

PATIENCE_OF_TUNE = "0.01"  # seconds


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that never ran."""
    return written(tmp_path / "log.jsonl", rich())


def test_the_classes_run_a_log_to_the_bytes_of_the_command_line(log: Path, tmp_path: Path) -> None:
    with ScalableAutomaton(
        log, max_workers=2, parallel_modifications=12, execution_batch_size=5, auto_scale=False,
        scale_up_threshold=0.3, scale_down_threshold=0.1, min_workers=1, max_workers_limit=4,
        gpu_batch_size=64, seed=7, engine="process", durability="off",
    ) as automaton:  # fmt: skip
        final = automaton.run(ticks=3)
        assert automaton.stats().tick == 3
    assert (final.ticks, final.engine, final.workers_total) == (3, "process", 2)
    plain = written(tmp_path / "plain.jsonl", rich())
    ran(plain, 3, parallel=12, seed=7)
    assert log.read_bytes() == plain.read_bytes()


def test_the_memory_optimised_class_has_its_options_and_stops(log: Path) -> None:
    with MemoryOptimizedAutomaton(
        log, max_objects=100, gc_interval=1, trim_interval=1, memory_pressure_threshold=0.5,
        max_execution_history=2,
    ) as automaton:  # fmt: skip
        final = automaton.run(show=lambda _stats: None, ticks=3)
        automaton.stop()
        assert automaton.run().ticks == 3
    assert final.tick_ms_p50 is not None
    assert len(commits_in(log)) == 3


def test_an_unknown_option_of_a_class_is_named(log: Path) -> None:
    with pytest.raises(UsageError, match="no option 'max_wrokers'"):
        ScalableAutomaton(log, max_wrokers=2)


def test_the_package_offers_nothing_else_and_loads_no_kernels_unasked() -> None:
    code = "import sys, automaton; print('numba' in sys.modules, hasattr(automaton, 'other'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"False False\n"


def test_tune_prints_the_fastest_settings_and_appends_nothing(log: Path) -> None:
    before = log.read_bytes()
    result = CliRunner().invoke(
        command_line, ["tune", str(log), "--seconds", PATIENCE_OF_TUNE, "--parallel", "64"]
    )
    assert result.exit_code == 0, result.output
    found = tomllib.loads(result.stdout)
    assert found["engine"] in {"serial", "thread", "process"}
    assert found["workers"] >= 1
    assert result.stdout.count("<- fastest") == 1
    assert log.read_bytes() == before
