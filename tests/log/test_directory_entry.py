"""A log that is replaced, renamed or removed under a run, and what becomes of its bytes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from logs import GENESIS, append, side
from small import encoded, rich

from automaton.errors import StorageError
from automaton.log import Log


def edited(path: Path) -> None:
    """`sed -i`, which writes another file and renames it over the first."""
    subprocess.run(["sed", "-i", "s/x/y/", str(path)], check=True)


def moved(path: Path) -> None:
    path.rename(path.with_name("rotated"))


def removed(path: Path) -> None:
    path.unlink()


def copied_back(path: Path) -> None:
    """The same bytes in another file of this name."""
    shutil.copy(path, side(path, ".copy"))
    side(path, ".copy").replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GENESIS)
    return path


@pytest.mark.parametrize(
    ("change", "word", "kept"),
    [
        (edited, "replaced by another file", "log.jsonl.replaced-1"),
        (copied_back, "replaced by another file", "log.jsonl.replaced-1"),
        (removed, "removed", "log.jsonl.replaced-1"),
        (moved, "renamed", "rotated"),
    ],
)
@pytest.mark.parametrize("ticks", [0, 2])
def test_the_next_commit_is_refused_and_says_where_the_bytes_are(
    path: Path, change: Callable[[Path], None], word: str, kept: str, ticks: int
) -> None:
    with Log.open(path, write=True) as log:
        for tick in range(1, ticks + 1):
            append(log, tick)
        before = path.read_bytes()
        change(path)
        after = path.read_bytes() if path.exists() else None
        with pytest.raises(StorageError, match=rf"was {word} while .* is in .*{kept}: "):
            append(log, ticks + 1)
        with pytest.raises(StorageError, match="open it anew"):
            append(log, ticks + 1)
    assert path.with_name(kept).read_bytes() == before
    assert (path.read_bytes() if path.exists() else None) == after


def test_what_is_lost_after_the_last_commit_is_found_when_it_is_made_durable(path: Path) -> None:
    with Log.open(path, write=True, durability="off") as log:
        append(log, 1)
        before = path.read_bytes()
        path.unlink()
        with pytest.raises(StorageError, match="removed"):
            log.sync()
    assert side(path, ".replaced-1").read_bytes() == before


def test_a_folder_may_be_renamed_under_a_run(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    inside = path.rename(folder / path.name)
    with Log.open(inside, write=True) as log:
        append(log, 1)
        elsewhere = folder.rename(tmp_path / "elsewhere") / path.name
        append(log, 2)
        elsewhere.with_name("log.jsonl.inbox").write_bytes(b'{"id":"x"}\n')
        assert log.inbox_lines(0) == ([b'{"id":"x"}'], 11)
        assert [f"it goes on as {elsewhere}" in text for text in log.news()] == [True]
        assert log.path == str(elsewhere)
    assert not side(elsewhere, ".lock").exists()
    with Log.open(elsewhere, write=False) as log:
        assert len(log.commits) == 2


@pytest.mark.parametrize(
    ("options", "member"),
    [(["--verify", "inline"], "verify"), (["--streams", "all", "--decisions", "all"], None)],
)
def test_a_run_whose_folder_is_renamed_goes_on_and_ends_well(
    tmp_path: Path, options: list[str], member: str | None
) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "folder" / "log.jsonl"
    path.write_bytes(encoded(rich()))
    command = [
        sys.executable, "-m", "automaton", "run", str(path), "--parallel", "4", "--interval", "20",
        "--json", "--stats-interval", "0.01", *options,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        before = next(tick for line in process.stdout if (tick := json.loads(line)["tick"]) >= 2)
        inside = path.parent.rename(tmp_path / "elsewhere") / path.name
        lines = (json.loads(line) for line in process.stdout)
        next(line for line in lines if (line[member] if member else line)["tick"] > before + 12)
        process.send_signal(signal.SIGTERM)
        last = json.loads(process.stdout.readlines()[-1])
        said = process.stderr.read().decode()
    assert process.returncode == 0, said
    assert f"it goes on as {inside}" in said
    assert last["final"]
    assert not side(inside, ".lock").exists()


@pytest.mark.parametrize("verify", ["off", "inline"])
def test_a_run_whose_log_is_removed_ends_with_8_and_never_says_that_all_is_verified(
    tmp_path: Path, verify: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(rich()))
    command = [
        sys.executable, "-m", "automaton", "run", str(path), "--parallel", "4", "--interval", "20",
        "--durability", "off", "--json", "--stats-interval", "0.01", "--verify", verify,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        next(line for line in process.stdout if json.loads(line)["tick"] >= 2)
        path.unlink()
        rest = process.stdout.readlines()
        said = process.stderr.read().decode()
    assert process.returncode == 8, said
    assert f"error: {path} was removed while this run wrote it" in said
    assert side(path, ".replaced-1").exists()
    assert not any(json.loads(line)["final"] for line in rest)
    copy = side(path, ".replaced-1").rename(path)
    with Log.open(copy, write=False) as log:
        assert len(log.commits) >= 2
