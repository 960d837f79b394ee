"""A run stops while there is room to stop, and says how fast its log grows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import TERMS, automaton, commits_in, written

from automaton.cli import command_line
from automaton.log import AuditedLog, file_io

SOUP = [automaton("a", 0, term="λx.x"), *TERMS]
RUN = ("--interval", "0", "--parallel", "8", "--durability", "off", "--json")


def test_a_run_stops_cleanly_when_the_disk_gets_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    free = iter([3_000_000, 2_500_000, 2_000_000, 1_999_999])
    monkeypatch.setattr(file_io, "free_bytes", lambda _folder: next(free))
    result = CliRunner().invoke(command_line, [str(path), *RUN, "--min-free-disk", "2"])
    assert result.exit_code != 0
    assert len(commits_in(path)) == 3
    assert json.loads(result.stdout.splitlines()[-1])["final"]
    with AuditedLog.open(path) as log:
        assert not log.tail_bytes


def test_a_run_says_after_ten_ticks_how_fast_its_log_grows(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    result = CliRunner().invoke(command_line, [str(path), *RUN, "--ticks", "12"])
    assert result.stderr.count("the log grows by") == 1
    short = CliRunner().invoke(command_line, [str(path), *RUN, "--ticks", "9"])
    assert "grows" not in short.stderr


def test_no_limit_asks_nothing_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "log.jsonl", SOUP)
    monkeypatch.setattr(file_io, "free_bytes", lambda _folder: 0)
    arguments = [str(path), *RUN, "--ticks", "2", "--min-free-disk", "0"]
    assert CliRunner().invoke(command_line, arguments).exit_code == 0
