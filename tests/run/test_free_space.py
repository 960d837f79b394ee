"""A run stops while there is room to stop, and says how fast its log grows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import logs
import pytest
from click.testing import CliRunner
from small import TERMS, automaton, commits_in, written

from automaton.cli import command_line
from automaton.log import AuditedLog, Log
from automaton.run import Run, free_space
from automaton.run.free_space import MEASURED_TICKS, FreeSpaceGuard

SOUP = [automaton("a", 0, term="λx.x"), *TERMS]
RUN = ("--interval", "0", "--parallel", "8", "--durability", "off", "--json")


def test_a_run_stops_cleanly_when_the_disk_gets_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    free = iter([3_000_000, 2_500_000, 2_000_000, 1_999_999])
    monkeypatch.setattr(free_space, "free_bytes", lambda _folder: next(free))
    result = CliRunner().invoke(command_line, [str(path), *RUN, "--min-free-disk", "2"])
    assert result.exit_code != 0
    assert len(commits_in(path)) == 3
    assert json.loads(result.stdout.splitlines()[-1])["final"]
    with AuditedLog.open(path) as log:
        assert not log.tail_bytes


def test_an_endless_run_says_once_how_fast_its_log_grows(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    command = [sys.executable, "-m", "automaton", str(path), *RUN]
    with subprocess.Popen(
        [*command, "--stats-interval", "0.01"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        for line in run.stdout:
            if json.loads(line)["ticks"] > 2 * MEASURED_TICKS:
                break
        run.send_signal(signal.SIGTERM)
        said = run.communicate()[1]
    assert run.returncode == 0
    assert said.count("the log grows by") == 1
    assert "full in" in said
    assert "--record commits" in said


def test_growth_is_measured_when_the_last_of_the_measured_ticks_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Run(written(tmp_path / "log.jsonl", SOUP), durability="interval") as run:
        begun, waited_for = 0, Event()
        start, wait, append = run.background.start, run.background.wait, run.log.append

        def counted(*work: Any) -> None:
            nonlocal begun
            start(*work)
            begun += 1

        def waited() -> None:
            if begun == MEASURED_TICKS:
                waited_for.set()
            wait()

        def late(parts: Any, lines: int, fields: Any, *more: Any, **given: Any) -> Any:
            if fields.tick == MEASURED_TICKS:
                assert waited_for.wait(60)
            return append(parts, lines, fields, *more, **given)

        monkeypatch.setattr(run.background, "start", counted)
        monkeypatch.setattr(run.background, "wait", waited)
        monkeypatch.setattr(run.log, "append", late)
        run.go(interval_ms=0, say=lambda _text: run.stop())
        assert len(run.log.commits) == MEASURED_TICKS


def test_a_run_that_ends_before_the_disk_is_full_says_nothing_of_it(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    result = CliRunner().invoke(command_line, [str(path), *RUN, "--ticks", "12"])
    assert "grows" not in result.stderr


def test_a_bounded_run_that_would_fill_the_disk_is_told_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    with Run(path, {"parallel": 8}, durability="off") as run:
        guard = FreeSpaceGuard(run.log, 0)
        run.go(ticks=10, interval_ms=0)
        monkeypatch.setattr(free_space, "free_bytes", lambda _folder: 10 * run.log.size)
        assert not guard.said(10, 10.0, 0, ends_in=20.0)
        said = guard.said(10, 10.0, 0, ends_in=2000.0)
    assert "full in " in said
    assert "seconds" in said


def test_no_limit_asks_nothing_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    monkeypatch.setattr(free_space, "free_bytes", lambda _folder: 0)
    arguments = [str(path), *RUN, "--ticks", "2", "--min-free-disk", "0"]
    assert CliRunner().invoke(command_line, arguments).exit_code == 0


def test_growth_is_told_while_the_last_batch_is_still_being_written(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    with Log.open(path, write=True) as log:
        guard = FreeSpaceGuard(log, 0)
        for tick in range(1, MEASURED_TICKS):
            logs.append(log, tick)
        assert "an hour at this pace" in guard.said(MEASURED_TICKS, 1.0, 0)
