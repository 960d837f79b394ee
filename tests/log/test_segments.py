"""A log of many files is the log that it would be in one: byte for byte, whatever happens to it."""

from __future__ import annotations

import errno
import os
import random
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from logs import GENESIS, Quick, append, fields, side, write

from automaton.errors import AutomatonError, DamagedError, FileError, LockedError, StorageError
from automaton.log import AuditedLog, Log, LogFollower
from automaton.log.file_io import Buffer, FileOps
from automaton.log.segments import frames, manifest
from automaton.log.segments.compaction import rebuild_manifest, seal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TICKS = 12
LEAST = 2500  # bytes of a segment: three ticks


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.fixture
def plain(tmp_path: Path) -> bytes:
    """The bytes of the log in one file."""
    other = tmp_path / "plain"
    other.mkdir()
    return write(other / "log.jsonl", TICKS, disk=Quick())


def segmented(path: Path, disk: FileOps | None = None, genesis: bytes = GENESIS) -> None:
    """A log of so many ticks, sealed after eight of them, and after ten."""
    path.write_bytes(genesis)
    with Log.open(path, write=True, disk=disk or Quick()) as log:
        for tick in range(1, TICKS + 1):
            append(log, tick)
            if tick in {8, 10}:
                seal(log, LEAST)


def contents(path: Path) -> bytes:
    with Log.open(path, write=False) as log:
        return b"".join(log.blocks(0, log.size))


def files(path: Path) -> list[Path]:
    """The sealed segments, in order."""
    return sorted(side(path, ".segments").glob("*.jsonl.zst"))


def answers(log: Log) -> list[Any]:
    """What a log says of itself, in many ways."""
    lines = [log.line(number) for number in range(1, log.lines + 1)]
    offsets = [log.offset(number) for number in range(1, log.lines + 1)]
    batches = [bytes(log.batch(tick)) for tick in range(1, TICKS + 1)]
    ids = ["a", "b", "input-3", "m2.10", "m11.0", "run:1", "commit:7", "none"]
    found = [log.find(identity) for identity in ids]
    commits = [log.commit_line(tick) for tick in range(1, TICKS + 1)]
    return [lines, offsets, batches, found, commits, log.head, log.verify_chain(), log.size]


# One log, however it stands.


@pytest.mark.parametrize("genesis", [GENESIS, GENESIS[:-1]])
def test_a_segmented_log_answers_as_the_log_in_one_file(tmp_path: Path, genesis: bytes) -> None:
    one, many = tmp_path / "one.jsonl", tmp_path / "many.jsonl"
    data = write(one, TICKS, genesis, disk=Quick())
    segmented(many, genesis=genesis)
    assert len(files(many)) == 3
    assert many.stat().st_size < len(data) // 3
    assert contents(many) == data
    with Log.open(one, write=False) as a, Log.open(many, write=False) as b:
        assert answers(a) == answers(b)
        assert list(a.genesis_lines()) == list(b.genesis_lines())
    with AuditedLog.open(many) as log:
        assert log.fault is None
        assert log.check(1, TICKS) is None


def test_a_segment_is_a_file_that_others_decompress(path: Path, plain: bytes) -> None:
    segmented(path)
    text = b"".join(zstd.open(file).read() for file in files(path))
    header, _, rest = path.read_bytes().partition(b"\n")
    assert header == b'{"type":"segment","number":4,"start":%d}' % len(text)
    assert text + rest == plain


def test_a_line_is_found_by_decompressing_one_page(path: Path) -> None:
    with Log.open(_long(path), write=False) as log:
        segment = log.segments[0]
        raw = files(path)[0].read_bytes()
        sizes = frames.walk(raw[: -frames.table_bytes(raw[-frames.FOOT_BYTES :])])
        assert len(sizes) == segment.pages > 1
        assert (sizes[:, 1] <= frames.PAGE).all()
        data = b"".join(log.blocks(0, segment.bytes))
        at = 0
        for size in sizes[:, 1].tolist():
            assert data[at + size - 1 : at + size] == b"\n"
            at += size


def _long(path: Path) -> Path:
    path.write_bytes(GENESIS)
    with Log.open(path, write=True, disk=Quick()) as log:
        for tick in range(1, 301):
            append(log, tick)
        seal(log, 1 << 30)
    return path


def test_a_run_goes_on_behind_segments_and_seals_again(path: Path, plain: bytes) -> None:
    segmented(path)
    with Log.open(path, write=True, disk=Quick()) as log:
        seal(log, 1)
        assert not seal(log, 1)
        append(log, TICKS + 1)
    assert contents(path).startswith(plain)
    assert len(files(path)) == 5
    with AuditedLog.open(path) as log:
        assert log.check(1, TICKS + 1) is None


def test_a_torn_tail_behind_segments_is_moved_aside(path: Path, plain: bytes) -> None:
    segmented(path)
    whole = path.read_bytes()
    for cut in range(1, 700, 41):
        path.write_bytes(whole[:-cut])
        with Log.open(path, write=True, disk=Quick()) as log:
            kept = len(log.commits)
        assert plain.startswith(contents(path))
        assert kept == TICKS - 1
        for torn in path.parent.glob("*.torn-*"):
            torn.unlink()


def test_segments_on_another_disk_are_read_through_links(path: Path, plain: bytes) -> None:
    segmented(path)
    away = path.parent / "elsewhere"
    side(path, ".segments").rename(away)
    side(path, ".segments").symlink_to(away)
    assert contents(path) == plain
    moved = path.parent / "cold.zst"
    first = files(path)[0]
    shutil.move(first, moved)
    first.symlink_to(moved)
    assert contents(path) == plain
    with Log.open(path, write=True, disk=Quick()) as log:
        seal(log, 1)
    assert contents(path) == plain


def test_the_list_of_segments_is_derived(path: Path, plain: bytes) -> None:
    segmented(path)
    place = Path(manifest.path(str(path)))
    made = place.read_bytes()
    for wrong in (None, b"", b"[]\n", made[:-20], made.replace(b"1", b"2"), made * 2):
        place.unlink()
        if wrong is not None:
            place.write_bytes(wrong)
        assert contents(path) == plain
        with Log.open(path, write=True, disk=Quick()) as log:
            rebuild_manifest(log)
        assert place.read_bytes() == made


def test_a_reader_follows_a_log_from_file_to_file(path: Path) -> None:
    path.write_bytes(GENESIS)
    with Log.open(path, write=True, disk=Quick()) as log:
        append(log, 1)
        with LogFollower.open(path) as reader:
            for tick in range(2, TICKS + 1):
                append(log, tick)
                if tick % 3 == 0:
                    seal(log, 1)
                if tick % 2 == 0:
                    assert reader.grow(log.size) is None
                    assert reader.head == log.head
                    assert reader.line(reader.lines) == log.line(log.lines)
            path.rename(side(path, ".gone"))
            path.write_bytes(GENESIS)
            with pytest.raises(StorageError, match="replaced"):
                reader.grow(log.size + 1)
        side(path, ".gone").replace(path)


def test_threads_read_while_the_log_goes_from_file_to_file(path: Path) -> None:
    path.write_bytes(GENESIS)
    wrong: list[str] = []
    done = threading.Event()
    with Log.open(path, write=True, disk=Quick()) as log:
        append(log, 1)
        first = [log.line(number) for number in range(1, log.lines + 1)]

        def read() -> None:
            while not done.is_set():
                again = [log.line(number) for number in range(1, len(first) + 1)]
                with Log.open(path, write=False) as other:
                    again += [other.line(number) for number in range(1, len(first) + 1)]
                if again != first + first:
                    wrong.append("other lines")

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for tick in range(2, 40):
            append(log, tick)
            seal(log, 1)
        done.set()
        for thread in threads:
            thread.join()
    assert not wrong


class Slow(Quick):
    """A disk that gives back memory slowly: a switch of files may be tried meanwhile."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.forgotten = 0

    def forget(self, fd: int, start: int, length: int) -> None:
        self.begun.set()
        self.go_on.wait(0.5)
        os.fstat(fd)
        assert start >= 0
        assert length > 0
        self.forgotten += length


def test_a_file_is_not_exchanged_while_another_thread_makes_it_durable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automaton.log.writer.KEEP_CACHED", 100)
    path.write_bytes(GENESIS)
    disk = Slow()
    with Log.open(path, write=True, disk=disk) as log:
        log.defer_syncs()
        failures: list[BaseException] = []

        def sync() -> None:
            try:
                log.sync()
            except BaseException as error:  # noqa: BLE001 - looked at below
                failures.append(error)

        for tick in range(1, 6):
            append(log, tick)
            disk.begun.clear()
            thread = threading.Thread(target=sync)
            thread.start()
            disk.begun.wait(5)
            disk.go_on.clear()
            seal(log, 1)
            disk.go_on.set()
            thread.join()
        assert not failures
        assert disk.forgotten


def test_a_second_writer_is_refused_after_a_switch(path: Path) -> None:
    path.write_bytes(GENESIS)
    with Log.open(path, write=True, disk=Quick()) as log:
        append(log, 1)
        seal(log, 1)
        with pytest.raises(LockedError):
            Log.open(path, write=True)
        append(log, 2)


def test_what_others_put_under_our_names_is_moved_aside(path: Path, plain: bytes) -> None:
    path.write_bytes(GENESIS)
    side(path, ".next").write_bytes(b"notes\n")
    side(path, ".segments").mkdir()
    (side(path, ".segments") / "000001.jsonl.zst").write_bytes(b"mine\n")
    with Log.open(path, write=True, disk=Quick()) as log:
        for tick in range(1, TICKS + 1):
            append(log, tick)
        seal(log, 1 << 30)
        said = [*log.notices, *log.news()]
    assert side(path, ".next.other-1").read_bytes() == b"notes\n"
    assert (side(path, ".segments") / "000001.jsonl.zst.other-1").read_bytes() == b"mine\n"
    assert sum("other-1" in text for text in said) == 2
    assert contents(path) == plain


def test_a_run_without_segments_leaves_other_files_alone(path: Path) -> None:
    path.write_bytes(GENESIS)
    for content in (b"notes\n", b""):
        side(path, ".next").write_bytes(content)
        with Log.open(path, write=True, disk=Quick()) as log:
            append(log, len(log.commits) + 1)
        assert side(path, ".next").read_bytes() == content
    assert not list(path.parent.glob("*.other-*"))


def test_a_segment_of_a_later_history_is_kept_when_an_older_copy_goes_on(path: Path) -> None:
    segmented(path)
    later = files(path)[-1].read_bytes()
    old = path.read_bytes()
    with Log.open(path, write=True, disk=Quick()) as log:
        append(log, TICKS + 1)
        seal(log, 1)
    kept = files(path)[-1].read_bytes()
    path.write_bytes(old)
    with Log.open(path, write=True, disk=Quick()) as log:
        lines = [log.run_record({"seed": 1}), b'{"id":"other"}\n']
        log.append(lines, 2, fields(TICKS + 1))
        seal(log, 1)
        assert any("other-1" in text for text in log.news())
    assert Path(f"{files(path)[-1]}.other-1").read_bytes() == kept != later


# Damage.


def refused(path: Path) -> AutomatonError | None:
    """The error of reading a log whole, None if it reads as it was."""
    try:
        contents(path)
        with Log.open(path, write=False) as log:
            list(answers(log))
            if (bad := log.verify_chain().first_bad) is not None:
                return DamagedError(f"{log.place(bad.offset)}: {bad}")
    except (DamagedError, FileError) as error:
        return error
    return None


def test_a_flipped_bit_in_a_segment_is_named_by_file_and_page(path: Path, plain: bytes) -> None:
    segmented(path)
    draw = random.Random(1)
    named = 0
    for file in files(path):
        data = file.read_bytes()
        end = len(data) - frames.table_bytes(data[-frames.FOOT_BYTES :])
        for at in sorted(draw.sample(range(len(data)), 40)):
            flipped = bytes([data[at] ^ 1 << draw.randrange(8)])
            file.write_bytes(data[:at] + flipped + data[at + 1 :])
            error = refused(path)
            if error is None:  # a bit that decompression does not look at
                assert contents(path) == plain
                continue
            named += 1
            assert str(file) in str(error)
            assert at >= end or "page 1 of 1 " in str(error)
        file.write_bytes(data)
    assert named > 100
    assert refused(path) is None


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_segment_cut_at_any_byte_is_named(path: Path, number: int) -> None:
    segmented(path)
    file = files(path)[number - 1]
    data = file.read_bytes()
    for length in range(0, len(data), 1 + len(data) // 60):
        file.write_bytes(data[:length])
        error = refused(path)
        assert isinstance(error, DamagedError)
        assert str(file) in str(error)


def test_a_segment_that_is_missing_is_named(path: Path) -> None:
    segmented(path)
    for file in files(path):
        data = file.read_bytes()
        file.unlink()
        error = refused(path)
        assert isinstance(error, FileError)
        assert str(file) in str(error)
        file.write_bytes(data)
    shutil.rmtree(side(path, ".segments"))
    assert isinstance(refused(path), FileError)


def test_exchanged_doubled_and_foreign_segments_are_damage(path: Path, tmp_path: Path) -> None:
    segmented(path)
    one, two, *_ = files(path)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    assert str(one.parent) in str(refused(path))
    one.write_bytes(first)
    assert str(two) in str(refused(path))
    two.write_bytes(_other_content(second))
    for mode in (False, True):
        side(path, ".durable").unlink(missing_ok=True)
        with pytest.raises(DamagedError) as caught:
            Log.open(path, write=mode, disk=Quick())
        assert str(two) in str(caught.value)
    assert not list(tmp_path.glob("*.torn-*"))


def _other_content(file: bytes) -> bytes:
    """A whole segment, one of whose winners has another term."""
    text = zstd.decompress(file).replace("λ0".encode(), "λλ".encode(), 1)
    frame = frames.Compressor(frames.QUICK).frame(text)
    return frame + frames.table(frames.walk(frame))


# A switch that is cut off, at every step.


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class Killing(Quick):
    """A disk of a process that ends after so many calls, the last write after so many bytes."""

    def __init__(self, calls: int, nbytes: int = 0) -> None:
        self.calls, self.nbytes = calls, nbytes
        self.writes: dict[int, int] = {}  # bytes of each write, by call
        self.done = 0

    def _step(self) -> None:
        self.done += 1
        if self.done > self.calls:
            raise Killed

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        self._step()
        return super().open(path, flags, mode)

    def write(self, fd: int, parts: Sequence[Buffer]) -> int:
        data = b"".join(parts)
        if self.done == self.calls:
            self.done += 1
            os.write(fd, data[: self.nbytes])
            raise Killed
        self._step()
        self.writes[self.done] = len(data)
        return super().write(fd, parts)

    def fdatasync(self, fd: int) -> None:  # noqa: ARG002 - as the disk has it
        self._step()

    def sync_folder(self, path: str) -> None:  # noqa: ARG002 - as the disk has it
        self._step()

    def rename(self, path: str, target: str) -> None:
        self._step()
        super().rename(path, target)

    def remove(self, path: str) -> None:
        self._step()
        super().remove(path)

    def ftruncate(self, fd: int, size: int) -> None:
        self._step()
        super().ftruncate(fd, size)


def killed(path: Path, begun: Path, disk: Killing) -> bool:
    """Copy a log and seal what it holds until the process ends; whether it did."""
    for old in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    for file in begun.parent.glob(f"{begun.name}*"):
        copy: Callable[..., Any] = shutil.copytree if file.is_dir() else shutil.copy
        copy(file, path.parent / file.name.replace(begun.name, path.name))
    log = None
    try:
        log = Log.open(path, write=True, disk=disk)
        seal(log, LEAST)
    except Killed:
        return True
    finally:
        if log is not None:
            log._file.close()
            if log._entry is not None:
                log._entry.close()
    return False


@pytest.mark.parametrize(
    "every",
    [97, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.exhaustive])],
    ids=["some bytes", "every byte"],
)
def test_a_switch_killed_at_any_step_and_byte_loses_nothing(
    tmp_path: Path, path: Path, plain: bytes, every: int
) -> None:
    begun = tmp_path / "begun.jsonl"
    segmented(begun)
    counting = Killing(1 << 30)
    assert not killed(path, begun, counting)
    assert contents(path) == plain
    seen = set()
    for call in range(counting.done):
        size = counting.writes.get(call + 1, 1)
        for nbytes in range(0, size, every):
            assert killed(path, begun, Killing(call, nbytes))
            assert contents(path) == plain
            seen.add(path.stat().st_ino)
            with Log.open(path, write=True, disk=Quick()) as log:
                append(log, TICKS + 1)
                seal(log, 1)
                assert not log.news()
            assert contents(path).startswith(plain)
            left = {file.name for file in side(path, ".segments").iterdir()}
            assert not [name for name in left if "tmp" in name or "other" in name]
            assert not side(path, ".next").exists()
    assert counting.done > 15


class Full(Quick):
    """A disk that refuses one call, as one that is full does."""

    def __init__(self, call: int, number: int) -> None:
        self.call, self.number, self.done = call, number, 0

    def _step(self) -> None:
        self.done += 1
        if self.done == self.call:
            raise OSError(self.number, os.strerror(self.number))

    def open(self, path: str, flags: int, mode: int = 0o644) -> int:
        self._step()
        return super().open(path, flags, mode)

    def write(self, fd: int, parts: Sequence[Buffer]) -> int:
        self._step()
        return super().write(fd, parts)

    def fdatasync(self, fd: int) -> None:  # noqa: ARG002 - as the disk has it
        self._step()

    def rename(self, path: str, target: str) -> None:
        self._step()
        super().rename(path, target)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_within_a_switch_loses_nothing(
    path: Path, plain: bytes, number: int
) -> None:
    call, refusals = 1, 0
    while True:
        for old in path.parent.glob(f"{path.name}*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        segmented(path)
        disk = Full(0, number)
        with Log.open(path, write=True, disk=disk) as log:
            disk.call = disk.done + call
            try:
                seal(log, LEAST)
            except StorageError:
                refusals += 1
                disk.call = 0
                assert not side(path, ".next").exists()
                append(log, TICKS + 1)
                seal(log, 1)
            else:
                break
        assert contents(path).startswith(plain)
        with AuditedLog.open(path) as audited:
            assert audited.check(1, TICKS + 1) is None
        call += 1
    assert refusals > 10
