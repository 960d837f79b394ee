"""Which version of the program wrote a log: noted beside it, and of no weight in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import rich, written

from automaton.cli import command_line
from automaton.compute import capability
from automaton.log import Log
from automaton.run import Run


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "log.jsonl", rich())


def run_as(version: str, path: Path, ticks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run some ticks as that version of the program."""
    monkeypatch.setattr(capability, "installed", lambda *_: version)
    with Run(path, {"parallel": 4}, durability="off") as run:
        run.go(ticks=ticks, interval_ms=0)


def told(path: Path) -> list[tuple[int, str]]:
    """What `stats` says of who wrote it."""
    result = CliRunner().invoke(command_line, ["stats", str(path), "--json"])
    assert result.exit_code == 0, result.output
    return [(row["tick"], row["version"]) for row in json.loads(result.stdout)["written_by"]]


def test_each_version_is_noted_once_with_its_first_tick(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as("1.0.0", log, 2, monkeypatch)
    run_as("1.0.0", log, 1, monkeypatch)
    run_as("1.1.0rc1+x", log, 2, monkeypatch)
    run_as("1.0.0", log, 1, monkeypatch)
    assert told(log) == [(1, "1.0.0"), (4, "1.1.0rc1+x"), (6, "1.0.0")]
    shown = CliRunner().invoke(command_line, ["stats", str(log)]).stdout
    assert "tick 1, version 1.0.0; tick 4, version 1.1.0rc1+x; tick 6, version 1.0.0\n" in shown


def test_two_versions_append_the_bytes_of_one(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = written(tmp_path / "other.jsonl", rich())
    run_as("1.0.0", log, 2, monkeypatch)
    run_as("2.0.0", log, 2, monkeypatch)
    run_as("3.0.0", other, 4, monkeypatch)
    assert log.read_bytes() == other.read_bytes()


def test_the_note_of_another_log_says_nothing_of_this_one(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = written(tmp_path / "other.jsonl", [*rich(), {"id": "more", "type": "note"}])
    run_as("1.0.0", log, 2, monkeypatch)
    other.with_name("other.jsonl.versions").write_bytes(
        log.with_name("log.jsonl.versions").read_bytes()
    )
    run_as("2.0.0", other, 1, monkeypatch)
    assert told(other) == [(1, "2.0.0")]


def test_a_log_that_was_cut_back_forgets_the_versions_of_the_ticks_it_lost(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as("1.0.0", log, 2, monkeypatch)
    before = log.read_bytes()
    run_as("2.0.0", log, 2, monkeypatch)
    log.write_bytes(before)
    assert told(log) == [(1, "1.0.0")]
    run_as("1.0.0", log, 1, monkeypatch)
    assert told(log) == [(1, "1.0.0")]


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"tick":1}\n', b"\xff\n" * 9])
def test_a_note_that_cannot_be_read_is_none(
    log: Path, rubbish: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_as("1.0.0", log, 1, monkeypatch)
    log.with_name("log.jsonl.versions").write_bytes(rubbish)
    assert told(log) == []
    run_as("1.0.0", log, 1, monkeypatch)
    assert told(log) == [(2, "1.0.0")]


def test_somebody_elses_file_of_that_name_is_moved_and_said(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = log.with_name("log.jsonl.versions")
    theirs.write_bytes(b"my own notes\n")
    with Log.open(log, write=True) as opened:
        assert any("log.jsonl.versions.other-1" in notice for notice in opened.notices)
    run_as("1.0.0", log, 1, monkeypatch)
    assert log.with_name("log.jsonl.versions.other-1").read_bytes() == b"my own notes\n"
    assert told(log) == [(1, "1.0.0")]


def test_a_name_that_cannot_be_written_costs_no_tick(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capability, "installed", lambda *_: "1.0.0")
    with Run(log, {"parallel": 4}, durability="off") as run:
        log.with_name("log.jsonl.versions.tmp").mkdir()
        run.go(ticks=2, interval_ms=0)
    assert told(log) == []
