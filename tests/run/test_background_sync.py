"""Syncs under way while the loop goes on: what is called durable is, and little is read."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from small import commits_in, rich, written

from automaton.errors import StorageError
from automaton.log import Log
from automaton.log.file_io import FileOps
from automaton.run import Run, background_sync


class SlowDisk(FileOps):
    """Syncs that wait until they may end."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end, self.begun = Event(), Event()
        self.may_end.set()
        self.failing = False

    def fdatasync(self, fd: int) -> None:
        self.begun.set()
        assert self.may_end.wait(60)
        if self.failing:
            raise OSError(5, "Input/output error")
        super().fdatasync(fd)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    """The disk of the runs of a test."""
    slow, opened = SlowDisk(), Log.open.__func__  # type: ignore[attr-defined]

    def on_it(cls: type[Log], path: Path, /, **options: Any) -> Log:
        log: Log = opened(cls, path, **{**options, "disk": slow})
        return log

    monkeypatch.setattr(Log, "open", classmethod(on_it))
    return slow


def test_ticks_go_on_while_a_sync_is_under_way_and_are_durable_when_it_has_returned(
    tmp_path: Path, disk: SlowDisk
) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    with Run(log, {"parallel": 8}) as run:
        run.step()
        assert run.syncing is not None
        run.syncing.wait()
        durable = run.log.durable
        assert durable == run.log.size
        disk.may_end.clear()
        disk.begun.clear()
        run.step()
        assert disk.begun.wait(60)
        for _ in range(3):
            run.step()
        assert len(commits_in(log)) == 5
        assert run.log.durable == durable == run.stats().durable_bytes
        disk.may_end.set()
        run.syncing.wait()
        assert run.log.durable == run.log.size == log.stat().st_size


def test_a_sync_that_fails_ends_the_run_and_nothing_more_is_called_durable(
    tmp_path: Path, disk: SlowDisk
) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    run = Run(log, {"parallel": 8})
    run.step()
    assert run.syncing is not None
    run.syncing.wait()
    durable, disk.failing = run.log.durable, True
    disk.may_end.clear()
    run.step()
    disk.may_end.set()
    with pytest.raises(StorageError, match="durable"):
        run.syncing.wait()
    assert run.log.durable == durable
    run.close()


def test_a_run_waits_for_a_disk_that_is_too_far_behind(
    tmp_path: Path, disk: SlowDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_sync, "MOST_BEHIND", 0)
    with Run(written(tmp_path / "log.jsonl", rich()), {"parallel": 8}) as run:
        for _ in range(4):
            run.step()
            assert run.log.durable == run.log.size
    assert disk.begun.is_set()


def test_the_loop_reads_a_small_constant_a_tick_of_the_log_that_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for `validate-self`, whose business it is to read the last batches again."""
    read = 0
    pread = os.pread

    def counted(fd: int, count: int, offset: int) -> bytes:
        nonlocal read
        data = pread(fd, count, offset)
        read += len(data)
        return data

    genesis = [o for o in rich() if o.get("action") != "validate-self"]
    with Run(written(tmp_path / "log.jsonl", genesis), {"parallel": 4000}) as run:
        run.go(ticks=3, interval_ms=0)
        monkeypatch.setattr(os, "pread", counted)
        before = run.log.size
        run.go(ticks=12, interval_ms=0)
        written_bytes = run.log.size - before
    assert written_bytes > 1_000_000
    assert read < 12 * 20_000
