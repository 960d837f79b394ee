"""Opening, appending, finding: what a log is while nothing goes wrong, and when a disk does."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import GENESIS, Faulty, append, batch, fields, side, write

from automaton.errors import FileError, LockedError, StorageError
from automaton.format.objects import MAX_LINE_BYTES
from automaton.format.records import Genesis, RunRecord, parse_commit, parse_run, run_line
from automaton.log import Log, file_io, reader
from automaton.log.side_files.inbox import MAX_LINES, TOO_LONG


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


# What stands in the file.


def test_a_log_is_its_genesis_then_batches_each_closed_by_its_commit(path: Path) -> None:
    data = write(path, 2)
    assert data.startswith(GENESIS)
    lines = data[len(GENESIS) :].splitlines(keepends=True)
    assert len(lines) == 8 + 1 + 7 + 1
    run, first, second = parse_run(lines[0]), parse_commit(lines[8]), parse_commit(lines[16])
    assert run is not None
    assert first is not None
    assert second is not None
    assert run.genesis == Genesis(len(GENESIS), hashlib.sha256(GENESIS).digest())
    assert first.batch == hashlib.sha256(b"\0" + b"".join(lines[:8])).digest()  # of one page
    assert (second.lines, second.bytes) == (7, sum(map(len, lines[9:16])))
    body = lines[8][: lines[8].index(b',"chain"')]
    assert first.chain == hashlib.sha256(run.genesis.sha256 + body).digest()


def test_the_same_ticks_in_one_opening_and_in_several_are_the_same_bytes(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jsonl", 5)
    path = tmp_path / "b.jsonl"
    path.write_bytes(GENESIS)
    for tick in range(1, 6):
        with Log.open(path, write=True, durability="off") as log:
            append(log, tick)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "genesis",
    [
        b'{"id":"a"}',
        b'{"id":"a"}\r\n{"id":"b"}\r\n',
        b'{"id":"a"}\r\n{"id":"b"}\r',
        b'\xef\xbb\xbf{"id":"a"}\n\n@x: y\n{broken\n\xff\xfe\n{"id":"a","n":2}',
        b"",
        b"\n",
        b"\n\n",
    ],
)
def test_the_genesis_stays_as_it_is_and_the_first_batch_ends_its_last_line(
    path: Path, genesis: bytes
) -> None:
    data = write(path, 2, genesis)
    bare = bool(genesis) and not genesis.endswith(b"\n")
    assert data.startswith(genesis + b"\n" * bare + b'{"type":"run"')
    with Log.open(path, write=True) as log:
        assert log.notices == []
        assert log.genesis.bytes == len(genesis)
        assert log.genesis_line_count == genesis.count(b"\n") + bare
        assert log.verify_chain().ok
        assert bytes(log.batch(1)).startswith(b"\n" * bare + b'{"type":"run"')
        split = data.split(b"\n")
        assert [log.line(n) for n in range(1, log.lines + 1)] == split[:-1]
        starts = [0, *(m.end() for m in re.finditer(b"\n", data))]
        assert [log.offset(n) for n in range(1, log.lines + 1)] == starts[:-1]
        assert list(log.genesis_lines()) == list(enumerate(split[: log.genesis_line_count], 1))
        assert list(log.batch_lines(2)) == [
            (n, split[n - 1]) for n in range(log.lines - 7, log.lines)
        ]


def test_every_way_of_opening_gives_the_tables_that_appending_left(path: Path) -> None:
    write(path, 0)
    with Log.open(path, write=True) as log:
        for tick in range(1, 200):
            append(log, tick)
        with Log.open(path, write=False) as other:
            for name in ("size", "lines", "head", "last_commit", "run", "prefix", "genesis"):
                assert getattr(other, name) == getattr(log, name)
            for name in ("tick", "batch_start", "commit_start", "end", "first_line", "lines"):
                assert getattr(other.commits, name).tolist() == getattr(log.commits, name).tolist()
            assert (other.named, other.run_lines) == (log.named, log.run_lines)
            assert other.index.lines_of("a") == log.index.lines_of("a")
            assert other.object_count == log.object_count == 2 + 199 + 199
            assert other.commit(7) == log.commit(7)


def test_lines_that_the_caller_names_are_those_that_looking_finds(tmp_path: Path) -> None:
    tables = []
    for name, told in (("a", False), ("b", True)):
        path = tmp_path / name
        path.write_bytes(b'{"id":"a"}')
        with Log.open(path, write=True) as log:
            for tick in (1, 2):
                lines = batch(log, tick)
                at = int(tick == 1)
                named = [(None, at + 6), (f"input-{tick}", at), ("a", at + 4)]
                parts: list[file_io.Buffer] = [
                    b"".join(lines[:3]),
                    memoryview(b""),
                    b"".join(lines[3:]),
                ]
                log.append(parts, len(lines), fields(tick), named if told else None)
            tables.append((log.find("a"), log.find("input-2"), log.named, path.read_bytes()))
            assert [json.loads(log.line(n)).get("tick") for n in log.find("a")] == [None, 1, 2]
            assert log.current("a") == b'{"id":"a","type":"automaton","tick":2}'
    assert tables[0] == tables[1]


# Finding.


def test_an_id_is_found_on_every_line_that_holds_a_version(path: Path) -> None:
    write(path, 3)
    with Log.open(path, write=False) as log:
        assert log.find("a") == [1, 8, 16, 24]
        assert log.find("b") == [2]
        assert log.find("none") == []
        assert log.current("none") is None
        assert json.loads(log.current("a") or b"")["tick"] == 3


def test_our_ids_are_found_through_the_table_of_commits(path: Path) -> None:
    write(path, 12)
    with Log.open(path, write=False) as log:
        for identity in (
            "m1.0",
            "m1.10",
            "m1.11",
            "m2.0",
            "m12.2",
            "commit:1",
            "commit:12",
            "run:1",
        ):
            (number,) = log.find(identity)
            assert json.loads(log.line(number))["id"] == identity
        for absent in ("m1.1", "m1.", "m0.0", "m13.0", "m1.00", "commit:0", "commit:13", "run:2"):
            assert log.find(absent) == []


def test_a_batch_that_begins_with_a_winner_has_it_found(path: Path) -> None:
    path.write_bytes(GENESIS)
    with Log.open(path, write=True) as log:
        append(log, 1)
        log.append([b'{"id":"m2.0"}\n', b'{"id":"m2.1"}\n'], 2, fields(2))
        assert log.line(log.find("m2.0")[0]) == b'{"id":"m2.0"}'
        assert log.line(log.find("m2.1")[0]) == b'{"id":"m2.1"}'


def test_ids_that_only_resemble_ours_are_objects_like_others(path: Path) -> None:
    lines = [
        b'{"id":"m2","n":1}\n',
        b'{"id":"m2.3x","n":1}\n',
        b'{"id":"m.3","n":1}\n',
        b'{"id":"monad","n":1}\n',
        b'{"id": "run","n":1}\n',
    ]
    write(path, 0)
    with Log.open(path, write=True) as log:
        append(log, 1)
        log.append(lines, 5, fields(2))
    with Log.open(path, write=False) as log:
        for line in lines:
            assert log.current(json.loads(line)["id"]) == line[:-1]


def test_a_winner_with_a_very_long_number_is_still_no_object(path: Path) -> None:
    write(path, 0)
    with Log.open(path, write=True) as log:
        append(log, 1)
        log.append([b'{"id":"m2.%s"}\n' % (b"1" * 50)], 1, fields(2))
        named = list(log.named)
    with Log.open(path, write=False) as log:
        assert list(log.named) == named


def test_the_last_version_that_parses_is_the_current_one(path: Path) -> None:
    write(path, 1, b'{"id":"x","n":1}\n{"id":"x","n":2}\n{"id":"x","n":3,}\n')
    with Log.open(path, write=False) as log:
        assert log.find("x") == [1, 2, 3]
        assert log.current("x") == b'{"id":"x","n":2}'


def test_a_genesis_with_ids_of_our_kind_gets_another_prefix(path: Path) -> None:
    genesis = b'{"id":"m1.0"}\n{"id":"a\\u006dun:1"}\n{"\\u0069d":"arun\\u003a7"}\n{"x":"bm1.1"}\n'
    write(path, 2, genesis)
    with Log.open(path, write=False) as log:
        assert log.prefix == "b"
        assert log.find("m1.0") == [1]
        assert json.loads(log.line(log.find("bm1.0")[0]))["id"] == "bm1.0"
        assert log.find("bcommit:2") == [log.lines]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    genesis=st.binary(max_size=60)
    | st.lists(st.sampled_from(GENESIS.split(b"\n"))).map(b"\n".join),
    split=st.lists(st.integers(1, 3), max_size=4),
)
def test_any_bytes_are_a_genesis_that_no_run_changes(
    tmp_path: Path, genesis: bytes, split: list[int]
) -> None:
    path = tmp_path / "log.jsonl"
    for old in tmp_path.iterdir():
        old.unlink()
    write(path, 0, genesis)
    tick = 0
    for count in split:
        with Log.open(path, write=True, durability="off") as log:
            assert len(log.commits) == tick
            for _ in range(count):
                tick += 1
                append(log, tick)
    data = path.read_bytes()
    assert data.startswith(genesis)
    assert data == genesis or tick > 0
    with Log.open(path, write=False) as log:
        assert log.verify_chain().ok
        unended = bool(data) and not data.endswith(b"\n")
        assert log.lines == data.count(b"\n") + unended


# Reading without loading.


def test_lines_longer_than_a_block_are_read_whole(path: Path) -> None:
    long = b'{"id":"long","x":"%s"}' % (b"x" * (3 * file_io.BLOCK))
    write(path, 1, b'{"id":"a"}\n' + long + b'\n{"id":"c"}')
    with Log.open(path, write=True) as log:
        wide = b'{"id":"wide","x":"%s"}\n' % (b"y" * (2 * file_io.BLOCK + 7))
        log.append([b'{"id":"m2.0"}\n', wide], 2, fields(2))
        assert log.current("long") == long
        assert [line for _, line in log.genesis_lines()] == [b'{"id":"a"}', long, b'{"id":"c"}']
    with Log.open(path, write=False) as log:
        assert log.current("wide") == wide[:-1]
        assert log.current("c") == b'{"id":"c"}'


def test_the_genesis_is_read_in_blocks_and_never_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = b'{"id":"a","x":"%s"}\n' % (b"x" * 1000)
    path.write_bytes(line * 3000)
    sizes: list[int] = []
    pread, preadv = os.pread, os.preadv

    def watched(fd: int, size: int, offset: int) -> bytes:
        sizes.append(size)
        return pread(fd, size, offset)

    def watchedv(fd: int, buffers: list[memoryview], offset: int) -> int:
        sizes.append(sum(len(buffer) for buffer in buffers))
        return preadv(fd, buffers, offset)

    monkeypatch.setattr(os, "pread", watched)
    monkeypatch.setattr(os, "preadv", watchedv)
    with Log.open(path, write=True) as log:
        append(log, 1)
        assert sum(1 for _ in log.genesis_lines()) == 3000
        assert log.verify_chain().ok
    assert max(sizes) <= file_io.BLOCK


def test_a_batch_is_a_view_of_the_mapped_file(path: Path) -> None:
    data = write(path, 2)
    with Log.open(path, write=False) as log:
        row = log.commits.row(2)
        with log.batch(2) as view:
            assert isinstance(view, memoryview)
            assert view.readonly
            assert view == data[row.batch_start : row.commit_start]


def test_numbers_that_are_not_there_are_refused(path: Path) -> None:
    write(path, 1)
    with Log.open(path, write=False) as log:
        for number in (0, -1, log.lines + 1):
            with pytest.raises(IndexError, match=f"no line {number}"):
                log.line(number)
        with pytest.raises(IndexError, match="no commit of tick 2"):
            log.batch(2)


# The writer.


def test_a_log_opened_for_reading_is_not_written(path: Path) -> None:
    path.write_bytes(GENESIS)
    with Log.open(path, write=False) as log:
        with pytest.raises(ValueError, match="for reading"):
            append(log, 1)
        assert log.head == hashlib.sha256(GENESIS).digest()
        log.sync()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_what_is_no_batch_is_refused_before_a_byte_is_written(path: Path) -> None:
    path.write_bytes(GENESIS)
    with Log.open(path, write=True) as log:
        lines = batch(log, 1)
        wrong = [
            (lines, len(lines) - 1, 1, "lines, not"),
            (lines, len(lines), 2, "tick 2 where 1 is due"),
            ([*lines[:-1], lines[-1][:-1]], len(lines), 1, "whole line"),
            (lines[1:], len(lines) - 1, 1, "begins with a run record"),
        ]
        for parts, count, tick, message in wrong:
            with pytest.raises(ValueError, match=message):
                log.append(parts, count, fields(tick))
        with pytest.raises(ValueError, match="line 99 is not among"):
            log.append(lines, len(lines), fields(1), [("x", 99)])
        append(log, 1)
    assert path.read_bytes() == write(path.with_name("other"), 1)


def test_a_second_run_record_is_part_of_its_batch_and_counted(path: Path) -> None:
    write(path, 1)
    with Log.open(path, write=True) as log:
        log.append([log.run_record({"seed": 1})], 1, fields(2))
        assert log.run is not None
        assert (log.run.number, log.run.options, log.run_count) == (2, {"seed": 1}, 2)
    with Log.open(path, write=False) as log:
        assert log.run is not None
        assert (log.run.options, log.run_count) == ({"seed": 1}, 2)
        assert log.find("run:2") == [12]


def test_the_pin_is_there_before_the_first_batch_and_only_then(path: Path) -> None:
    path.write_bytes(GENESIS)
    with Log.open(path, write=True) as log:
        assert not side(path, ".genesis").exists()
        assert not log.genesis_in_place()
        append(log, 1)
        assert log.genesis_in_place()
        digest = hashlib.sha256(GENESIS).hexdigest()
        assert json.loads(side(path, ".genesis").read_bytes()) == {
            "bytes": len(GENESIS), "sha256": digest,
        }  # fmt: skip
        side(path, ".genesis").unlink()
        assert not log.genesis_in_place()


def test_a_second_writer_is_told_the_first_ones_process(path: Path) -> None:
    write(path, 1)
    with Log.open(path, write=True):
        with pytest.raises(LockedError, match=f"process {os.getpid()}") as caught:
            Log.open(path, write=True)
        assert caught.value.pid == os.getpid()
        with Log.open(path, write=False) as reader:
            assert len(reader.commits) == 1
    with Log.open(path, write=True) as log:
        append(log, 2)
    assert not side(path, ".lock").exists()


def test_the_lock_of_another_process_names_it_and_dies_with_it(path: Path) -> None:
    write(path, 1)
    code = (
        "import sys; from automaton.log import Log\n"
        "log = Log.open(sys.argv[1], write=True); print('held', flush=True); sys.stdin.read()"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LockedError, match=f"process {other.pid}") as caught:
            Log.open(path, write=True)
        assert caught.value.pid == other.pid
        other.send_signal(signal.SIGKILL)
    with Log.open(path, write=True) as log:
        append(log, 2)


def test_a_name_that_links_to_a_log_is_that_log(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, 1)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.jsonl"
    link.symlink_to(path)
    with Log.open(link, write=True) as log:
        append(log, 2)
        with pytest.raises(LockedError):
            Log.open(path, write=True)
    assert list((tmp_path / "elsewhere").iterdir()) == [link]


@pytest.mark.parametrize("write_", [False, True])
def test_what_is_no_regular_file_is_said_in_one_line(tmp_path: Path, write_: bool) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, message in (
        ("none", "does not exist"),
        (".", "not a regular"),
        ("fifo", "not a reg"),
    ):
        with pytest.raises(FileError, match=message) as caught:
            Log.open(tmp_path / name, write=write_)
        assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_said_and_the_log_stays_readable(path: Path) -> None:
    write(path, 1)

    class ReadOnly(file_io.FileOps):
        def open(self, path: str, flags: int, mode: int = 0o644) -> int:
            if flags & os.O_CREAT:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return super().open(path, flags, mode)

    with pytest.raises(FileError, match="nothing can be written beside"):
        Log.open(path, write=True, disk=ReadOnly())
    with Log.open(path, write=False, disk=ReadOnly()) as log:
        assert len(log.commits) == 1


def test_a_log_that_may_not_be_written_is_said(path: Path) -> None:
    write(path, 1)

    class Denied(file_io.FileOps):
        def open(self, path: str, flags: int, mode: int = 0o644) -> int:  # noqa: ARG002
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with pytest.raises(FileError, match="cannot be opened for writing: Permission denied"):
        Log.open(path, write=True, disk=Denied())


def test_bytes_that_another_program_appends_stop_the_writer_and_stay(path: Path) -> None:
    write(path, 1)
    with Log.open(path, write=True) as log:
        with path.open("ab") as other:
            other.write(b'{"id":"foreign"}\n')
        with pytest.raises(StorageError, match="another program wrote"):
            append(log, 2)
    assert path.read_bytes().endswith(b'{"id":"foreign"}\n')


# Durability.


class Counting(file_io.FileOps):
    """Counts what is made durable."""

    syncs = 0

    def fdatasync(self, fd: int) -> None:
        self.syncs += 1
        super().fdatasync(fd)


def test_every_commit_is_durable_by_default(path: Path) -> None:
    write(path, 0)
    counting = Counting()
    with Log.open(path, write=True, disk=counting) as log:
        for tick in range(1, 5):
            before = counting.syncs
            append(log, tick)
            assert counting.syncs == before + 1 + 2 * (tick == 1)  # the pin and the first hint
            assert log.durable == log.size
    assert json.loads(side(path, ".durable").read_bytes()) == {
        "tick": 4, "offset": log.size, "chain": log.head.hex(),
    }  # fmt: skip


def test_with_an_interval_commits_are_durable_when_it_has_passed(path: Path) -> None:
    write(path, 0)
    now, durable = 0.0, []
    with Log.open(
        path, write=True, durability="interval", interval_s=2.0, clock=lambda: now
    ) as log:
        for tick in range(1, 7):
            now += 0.75
            append(log, tick)
            durable.append(log.durable == log.size)
    assert durable == [False, False, True, False, False, True]
    assert log.durable == log.size


def test_closing_makes_durable_what_an_interval_left(path: Path) -> None:
    write(path, 0)
    with Log.open(path, write=True, durability="interval", clock=lambda: 0.0) as log:
        append(log, 1)
        assert log.durable < log.size
    assert log.durable == log.size
    log.close()


def test_without_durability_nothing_is_synced_after_the_pin(path: Path) -> None:
    write(path, 0)
    counting = Counting()
    with Log.open(path, write=True, durability="off", disk=counting) as log:
        for tick in range(1, 5):
            append(log, tick)
    assert counting.syncs == 2  # the pin and the first hint
    with Log.open(path, write=True) as log:
        assert log.durable == log.size


# A disk that refuses.


def rolled_back(path: Path, faulty: Faulty, before: bytes) -> StorageError:
    """Append tick 3 on a disk that refuses; the error, after the file was looked at."""
    with Log.open(path, write=True) as log:
        log._disk = faulty
        with pytest.raises(StorageError) as caught:
            append(log, 3)
        assert path.read_bytes() == before
        assert len(log.commits) == 2
        assert log.verify_chain().tail_bytes == 0
        log._disk = file_io.FileOps()
        if not log._broken:
            append(log, 3)
    return caught.value


def test_a_full_disk_takes_the_tick_back_and_says_how_much_was_needed(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    before, after = write(path, 2), write(tmp_path / "whole.jsonl", 3)
    for room in {0, 1, 100, len(after) - len(before) - 1}:
        path.write_bytes(before)
        error = rolled_back(path, Faulty(room=room), before)
        assert error.needed == len(after) - len(before)
        assert f"{error.needed} bytes were needed" in str(error)
        assert path.read_bytes() == after


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.EFBIG])
def test_a_failing_disk_takes_the_tick_back(path: Path, number: int) -> None:
    before = write(path, 2)
    error = rolled_back(path, Faulty(room=150, number=number), before)
    assert error.needed
    assert "\n" not in str(error)


def test_after_a_failed_sync_the_log_is_not_believed_until_opened_anew(path: Path) -> None:
    before = write(path, 2)
    faulty = Faulty()
    with Log.open(path, write=True, disk=faulty) as log:
        faulty.sync_error = errno.EIO
        with pytest.raises(StorageError, match="check the disk"):
            append(log, 3)
        assert path.read_bytes() == before
        faulty.sync_error = 0
        with pytest.raises(StorageError, match="open it anew"):
            append(log, 3)
    with Log.open(path, write=True) as log:
        append(log, 3)


def test_a_sync_that_fails_later_names_what_is_known_to_be_durable(path: Path) -> None:
    write(path, 2)
    faulty = Faulty()
    with Log.open(path, write=True, durability="interval", clock=lambda: 0.0, disk=faulty) as log:
        durable = log.durable
        append(log, 3)
        faulty.sync_error = errno.EIO
        with pytest.raises(StorageError, match=f"durable: byte {durable}"):
            log.sync()


@pytest.mark.parametrize("short", [1, 7, 1000])
def test_short_and_interrupted_writes_are_carried_on(tmp_path: Path, short: int) -> None:
    whole = write(tmp_path / "whole.jsonl", 3, GENESIS[:-1])
    path = tmp_path / "log.jsonl"
    path.write_bytes(GENESIS[:-1])
    with Log.open(path, write=True, disk=Faulty(short=short, interrupts=True)) as log:
        for tick in range(1, 4):
            append(log, tick)
    assert path.read_bytes() == whole


def test_a_write_that_takes_nothing_is_an_error_and_not_a_loop(path: Path) -> None:
    before = write(path, 2)
    assert "could not be written" in str(rolled_back(path, Faulty(short=0), before))


def test_more_parts_than_one_call_takes_are_written_in_order(path: Path) -> None:
    write(path, 1)
    parts = [b'{"id":"m2.%d"}\n' % slot for slot in range(3 * file_io.IOV_MAX + 5)]
    with Log.open(path, write=True) as log:
        log.append(parts, len(parts), fields(2))
        assert bytes(log.batch(2)) == b"".join(parts)


def test_an_interruption_of_the_write_leaves_no_half_batch(path: Path) -> None:
    before = write(path, 2)

    class Interrupted(Faulty):
        def fdatasync(self, fd: int) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    with Log.open(path, write=True) as log:
        log._disk = Interrupted(short=10)
        with pytest.raises(KeyboardInterrupt):
            append(log, 3)
        assert path.read_bytes() == before
        log._disk = file_io.FileOps()
        append(log, 3)


def test_a_file_that_cannot_be_cut_back_ends_the_writing(path: Path) -> None:
    before = write(path, 2)

    class Stuck(Faulty):
        def ftruncate(self, fd: int, size: int) -> None:  # noqa: ARG002
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Log.open(path, write=True) as log:
        log._disk = Stuck(room=150)
        with pytest.raises(StorageError):
            append(log, 3)
        with pytest.raises(StorageError, match="could not be cut back"):
            append(log, 3)
    with Log.open(path, write=True) as log:
        assert path.read_bytes() == before
        assert "were torn" in log.notices[0]


def test_a_pin_that_cannot_be_made_leaves_the_genesis_alone(path: Path) -> None:
    path.write_bytes(GENESIS)
    with Log.open(path, write=True) as log:
        log._disk = Faulty(room=10)
        with pytest.raises(StorageError, match="bytes were needed"):
            append(log, 1)
    assert path.read_bytes() == GENESIS
    assert not side(path, ".genesis").exists()


# The chain, over all bytes.


def test_every_changed_byte_is_found_by_the_check_and_its_place_is_named(path: Path) -> None:
    data = write(path, 3)
    with Log.open(path, write=False) as log:
        ends = log.commits.end.tolist()
        for at in range(0, len(data), 7):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            report = log.verify_chain()
            assert not report.ok
            assert report.first_bad is not None
            tick = 0 if at < len(GENESIS) else 1 + sum(at >= end for end in ends)
            assert report.first_bad.tick == tick
            assert report.first_bad.offset <= at
            if at < log.commits.row(1).commit_start or tick > 1:
                assert log.verify_chain(2).ok == (tick < 2)
        path.write_bytes(data)
        assert log.verify_chain().ok


def test_a_check_counts_what_it_read_and_the_tail(path: Path) -> None:
    data = write(path, 3)
    path.write_bytes(data + b"tail")
    done: list[int] = []
    with Log.open(path, write=False) as log:
        report = log.verify_chain(progress=done.append)
    assert (report.commits, report.bytes, report.tail_bytes, report.ok) == (3, len(data), 4, True)
    assert done[-1] == len(data)
    assert done == sorted(done)


def test_a_check_tells_a_commit_that_was_chained_anew(path: Path) -> None:
    write(path, 2)
    other = path.with_name("other.jsonl")
    write(other, 2, GENESIS.replace(b"x", b"y"))
    with Log.open(path, write=False) as log:
        path.write_bytes(GENESIS + other.read_bytes()[len(GENESIS) :])
        report = log.verify_chain(2)
        assert report.ok  # from the second on it is a chain of its own
        report = log.verify_chain()
    assert report.first_bad is not None
    assert report.first_bad.kind in {"batch", "chain"}
    assert "tick 1" in str(report.first_bad)


# The inbox.


def test_the_inbox_gives_complete_lines_from_where_it_was_left(path: Path) -> None:
    write(path, 0)
    with Log.open(path, write=False) as log:
        assert log.inbox_lines(0) == ([], 0)
        side(path, ".inbox").write_bytes(b'{"id":"x"}\r\n\n{"id":')
        lines, offset = log.inbox_lines(0)
        assert (lines, offset) == ([b'{"id":"x"}\r', b""], 13)
        assert log.inbox_lines(offset) == ([], offset)
        with side(path, ".inbox").open("ab") as inbox:
            inbox.write(b'"y"}\n')
        assert log.inbox_lines(offset) == ([b'{"id":"y"}'], 24)


def test_the_inbox_gives_a_bounded_number_of_lines(path: Path) -> None:
    write(path, 0)
    count = MAX_LINES + 3
    side(path, ".inbox").write_bytes(b"{}\n" * count)
    with Log.open(path, write=False) as log:
        lines, offset = log.inbox_lines(0)
        assert (len(lines), offset) == (MAX_LINES, 3 * MAX_LINES)
        assert log.inbox_lines(offset) == ([b"{}"] * 3, 3 * count)


def test_an_inbox_begun_anew_is_read_from_its_start(path: Path) -> None:
    write(path, 0)
    side(path, ".inbox").write_bytes(b"{}\n")
    with Log.open(path, write=False) as log:
        assert log.inbox_lines(100) == ([b"{}"], 3)


def test_a_line_over_the_limit_in_the_inbox_is_passed_over_when_it_ends(path: Path) -> None:
    write(path, 0)
    inbox = side(path, ".inbox")
    inbox.write_bytes(b"x" * (MAX_LINE_BYTES + 5))
    with Log.open(path, write=False) as log:
        assert log.inbox_lines(0) == ([], 0)
        with inbox.open("ab") as more:
            more.write(b"\n{}\n")
        lines, offset = log.inbox_lines(0)
        assert (lines, offset) == ([TOO_LONG], MAX_LINE_BYTES + 6)
        assert log.inbox_lines(offset) == ([b"{}"], MAX_LINE_BYTES + 9)


def test_an_inbox_that_is_no_file_is_said_and_not_waited_for(path: Path) -> None:
    write(path, 0)
    os.mkfifo(side(path, ".inbox"))
    with Log.open(path, write=False) as log, pytest.raises(FileError, match="not a regular"):
        log.inbox_lines(0)


def test_a_reader_knows_nothing_of_writing() -> None:
    assert not hasattr(reader.LogReader, "append")
    assert run_line(RunRecord(1, "", Genesis(0, b"\0" * 32), {})).endswith(b"\n")


@pytest.mark.shared_data
def test_real_logs_stay_as_they_are_under_what_is_appended(
    shared_data: Path, tmp_path: Path
) -> None:
    for source in sorted(shared_data.glob("*.jsonl")) + sorted(shared_data.glob("*.canvasl")):
        path = tmp_path / source.name
        genesis = source.read_bytes()
        assert write(path, 2, genesis).startswith(genesis)
        with Log.open(path, write=False) as log:
            assert log.verify_chain().ok
            assert log.prefix == ""
            assert [line for _, line in log.genesis_lines()] == genesis.split(b"\n")[
                : log.genesis_line_count
            ]
