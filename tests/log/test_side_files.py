"""What somebody keeps under the name of a side file is moved aside, whole, and said."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from logs import GENESIS, append, side, write
from small import TERMS, automaton, encoded, rich, transition

from automaton.cli import command_line
from automaton.log import Log
from automaton.log.side_files import watermarks
from automaton.log.side_files.inbox_position import KEPT, SUFFIX
from automaton.log.side_files.provenance import OF_A_RUN, is_ours
from automaton.run import Run
from automaton.run.stats import Stats

THEIRS = b'{"backup":"of mine"}\n' * 9


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GENESIS)
    return path


@pytest.mark.parametrize("suffix", [*OF_A_RUN, ".lock"])
@pytest.mark.parametrize("theirs", [THEIRS, b"x", b'{"bytes":"many"}', b"12 monkeys"])
def test_what_is_not_ours_is_moved_and_said_before_a_run_writes_there(
    path: Path, suffix: str, theirs: bytes
) -> None:
    side(path, suffix).write_bytes(theirs)
    with Log.open(path, write=True) as log:
        append(log, 1)
        said = [text for text in log.notices if f"{suffix}.other-1" in text]
    assert side(path, f"{suffix}.other-1").read_bytes() == theirs
    assert len(said) == 1
    with Log.open(path, write=True) as log:
        assert not log.notices
    assert not side(path, f"{suffix}.other-2").exists()


def test_a_place_that_is_taken_is_never_taken_again(path: Path) -> None:
    side(path, ".genesis").write_bytes(THEIRS)
    side(path, ".genesis.other-1").write_bytes(b"older")
    with Log.open(path, write=True) as log:
        append(log, 1)
    assert side(path, ".genesis.other-1").read_bytes() == b"older"
    assert side(path, ".genesis.other-2").read_bytes() == THEIRS


@pytest.mark.parametrize("suffix", [".genesis", ".durable", ".checkpoint", ".lock"])
def test_folders_and_pipes_under_these_names_are_moved_and_not_waited_for(
    path: Path, suffix: str
) -> None:
    side(path, suffix).mkdir()
    with Log.open(path, write=True) as log:
        append(log, 1)
    assert side(path, f"{suffix}.other-1").is_dir()
    side(path, suffix).unlink(missing_ok=True)
    os.mkfifo(side(path, suffix))
    with Log.open(path, write=True) as log:
        append(log, 2)
    assert side(path, f"{suffix}.other-2").is_fifo()


@pytest.mark.parametrize("suffix", [".genesis", ".durable"])
def test_what_a_crash_can_leave_of_our_own_stays_ours(path: Path, suffix: str) -> None:
    write(path, 2)
    whole = side(path, suffix).read_bytes()
    for size in range(len(whole) + 1):
        side(path, suffix).write_bytes(whole[:size])
        assert is_ours(str(path), suffix)
    side(path, suffix).write_bytes(bytes(len(whole)))
    assert is_ours(str(path), suffix)


def test_a_reader_moves_nothing(path: Path) -> None:
    side(path, ".genesis").write_bytes(THEIRS)
    with Log.open(path, write=False) as log:
        assert not log.notices
    assert sorted(p.name for p in path.parent.iterdir()) == ["log.jsonl", "log.jsonl.genesis"]


def test_the_lock_of_another_writer_of_this_name_is_left_alone(path: Path) -> None:
    with Log.open(path, write=True):
        side(path, ".lock").write_bytes(b"1\n")
    assert side(path, ".lock").read_bytes() == b"1\n"


def test_verify_moves_a_note_that_is_not_its_own(path: Path) -> None:
    path.write_bytes(encoded(rich()))
    run = ["run", str(path), "--ticks", "2", "--interval", "0", "--parallel", "4"]
    assert CliRunner().invoke(command_line, run).exit_code == 0
    side(path, watermarks.VERIFIED).write_bytes(THEIRS)
    result = CliRunner().invoke(command_line, ["verify", str(path), "--resume", "--workers", "1"])
    assert result.exit_code == 0
    assert "log.jsonl.verified.other-1" in result.stderr
    assert side(path, ".verified.other-1").read_bytes() == THEIRS
    assert watermarks.read(str(path)) is not None


def test_decisions_that_are_somebodys_own_are_kept_also_without_a_last_newline(path: Path) -> None:
    path.write_bytes(encoded(rich()))
    theirs = b"[1, 2, 3]\n[4, 5"
    side(path, ".decisions.jsonl").write_bytes(theirs)
    command = ["run", str(path), "--ticks", "1", "--interval", "0", "--parallel", "4"]
    result = CliRunner().invoke(command_line, [*command, "--streams", "all", "--decisions", "all"])
    assert result.exit_code == 0, result.stderr
    moved = sorted(path.parent.glob("*.decisions.jsonl.other-*"))
    assert b"".join(sorted(part.read_bytes() for part in moved)) == theirs
    assert all(part.name in result.stderr for part in moved)


# The inbox.

FIRST = b'{"id":"n1","term":"\\\\x.x"}\n{"id":"n2","term":"\\\\x.x"}\n'
OTHER = b'{"id":"o1","term":"\\\\x.x"}\n{"id":"o22","term":"\\\\x.x"}\n{"id":"o3"}\n'


def overwritten(inbox: Path) -> None:
    """`>` where `>>` was meant: the same file, cut and filled."""
    inbox.write_bytes(OTHER)


def rotated(inbox: Path) -> None:
    inbox.rename(inbox.with_name("old"))
    inbox.write_bytes(OTHER)


def same_length(inbox: Path) -> None:
    inbox.write_bytes(FIRST.replace(b"n", b"o"))


def reading(path: Path) -> Path:
    """A log whose machine reads its inbox in each tick."""
    objects = [automaton("a", 0), transition("io", "a", "a", "self-io"), *TERMS]
    path.write_bytes(encoded(objects))
    return side(path, ".inbox")


def go(path: Path, say: Callable[[str], None] = lambda _text: None) -> Stats:
    with Run(path, {"parallel": 2}, durability="off") as run:
        return run.go(ticks=2, interval_ms=0, say=say)


def counted(stats: Stats) -> tuple[Any, ...]:
    return stats.counters["accepted"], stats.counters["refused"], stats.inbox_begun_anew


@pytest.mark.parametrize(("change", "accepted"), [(overwritten, 5), (rotated, 5), (same_length, 4)])
@pytest.mark.parametrize("known", [True, False])
def test_an_inbox_that_was_replaced_is_read_from_its_start_and_said(
    path: Path, change: Callable[[Path], None], accepted: int, known: bool
) -> None:
    inbox = reading(path)
    said: list[str] = []
    inbox.write_bytes(FIRST)
    assert counted(go(path)) == (2, 0, 0)
    change(inbox)
    if not known:
        side(path, SUFFIX).unlink()
    stats = go(path, said.append)
    if known:
        assert counted(stats) == (accepted, 0, 1)
        assert sum("was replaced or begun anew" in text for text in said) == 1
        assert counted(go(path)) == (accepted, 0, 0)
    elif change is not same_length:  # an offset within a line is another inbox's without it too
        assert counted(stats) == (accepted, 0, 1)


def test_an_inbox_that_only_grew_goes_on_and_so_does_a_copy_of_it(path: Path) -> None:
    inbox = reading(path)
    for number in range(2 * KEPT):
        with inbox.open("ab") as file:
            file.write(b'{"id":"n%d"}\n' % number)
        stats = go(path)
        assert counted(stats) == (number + 1, 0, 0)
        copy = inbox.with_name("copy")
        copy.write_bytes(inbox.read_bytes())
        copy.replace(inbox)
    assert side(path, SUFFIX).read_bytes().count(b"\n") == KEPT


def test_what_a_kill_left_ahead_of_the_log_does_not_mislead(path: Path) -> None:
    inbox = reading(path)
    inbox.write_bytes(FIRST)
    go(path)
    before = path.read_bytes()
    with inbox.open("ab") as file:
        file.write(b'{"id":"n3"}\n')
    go(path)
    path.write_bytes(before)  # as if the ticks after it had not reached the disk
    side(path, ".durable").unlink()
    side(path, ".checkpoint").unlink(missing_ok=True)
    assert counted(go(path)) == (3, 0, 0)


def test_the_bytes_of_a_log_do_not_depend_on_the_position_that_is_kept(path: Path) -> None:
    inbox = reading(path)
    inbox.write_bytes(FIRST)
    go(path)
    go(path)
    with_it = path.read_bytes()
    for name in path.parent.iterdir():
        if name != inbox:
            name.unlink()
    reading(path)
    go(path)
    side(path, SUFFIX).unlink()
    go(path)
    assert path.read_bytes() == with_it
