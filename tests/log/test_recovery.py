"""Law 2, rule by rule: what is kept after a crash, what is moved, what is damage."""

from __future__ import annotations

import errno
import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest
from logs import GENESIS, Faulty, Quick, append, ends, fields, side, write

from automaton.errors import DamagedError, StorageError
from automaton.format.records import Genesis, RunRecord, commit_line, run_line
from automaton.log import Log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def restore(path: Path, data: bytes, *, suffixes: tuple[str, ...] = (".genesis",)) -> None:
    """Put `data` in the log's place and leave only these side files beside it."""
    for other in path.parent.glob(f"{path.name}.*"):
        if not other.name.endswith(suffixes):
            other.unlink()
    path.write_bytes(data)


def torn(path: Path) -> list[Path]:
    """The side files of torn tails, in order."""
    return sorted(path.parent.glob(f"{path.name}.torn-*"))


def refused(path: Path) -> DamagedError:
    """The error of opening for reading and for writing, after which nothing was changed."""
    before = {entry: entry.read_bytes() for entry in path.parent.iterdir()}
    errors = []
    for mode in (False, True):
        with pytest.raises(DamagedError) as caught:
            Log.open(path, write=mode, disk=Quick())
        errors.append(caught.value)
    assert {entry: entry.read_bytes() for entry in path.parent.iterdir()} == before
    assert str(errors[0]) == str(errors[1])
    assert "\n" not in str(errors[0])
    assert errors[0].offset is not None
    return errors[0]


def flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


# A crash at any byte.


@pytest.mark.parametrize(("genesis", "ticks"), [(GENESIS, 3), (GENESIS[:-1], 1)])
@pytest.mark.parametrize("hinted", [False, True])
def test_a_cut_at_every_byte_of_the_last_batch_keeps_all_up_to_the_commit_before(
    path: Path, genesis: bytes, ticks: int, hinted: bool
) -> None:
    data = write(path, ticks, genesis)
    kept = ends(path)[-2]
    hint = side(path, ".durable").read_bytes()
    for cut in range(kept, len(data)):
        restore(path, data[:cut])
        if hinted:
            side(path, ".durable").write_bytes(hint)
        with Log.open(path, write=False) as log:
            assert (log.size, len(log.commits), log.tail_bytes) == (kept, ticks - 1, cut - kept)
        assert path.stat().st_size == cut
        with Log.open(path, write=True, disk=Quick()) as log:
            assert (log.size, len(log.commits), log.tail_bytes) == (kept, ticks - 1, 0)
            assert len([text for text in log.notices if "torn" in text]) == (cut > kept)
            assert path.read_bytes() == data[:kept]
            append(log, ticks)
        assert path.read_bytes() == data
        if cut > kept:
            assert [tail.read_bytes() for tail in torn(path)] == [data[kept:cut]]
            assert f"{cut - kept} bytes" in " ".join(log.notices)
            assert str(torn(path)[0]) in " ".join(log.notices)
        else:
            assert torn(path) == []


def test_torn_tails_are_numbered_and_none_is_overwritten(path: Path) -> None:
    data = write(path, 2)
    for number in range(1, 4):
        path.write_bytes(data + b"x" * number)
        with Log.open(path, write=True):
            pass
    assert [tail.read_bytes() for tail in torn(path)] == [b"x", b"xx", b"xxx"]


def test_a_reader_moves_nothing_and_says_that_a_tail_is_there(path: Path) -> None:
    data = write(path, 2)
    restore(path, data + b'{"id":"half')
    with Log.open(path, write=False) as log:
        assert log.tail_bytes == 11
        assert "11 bytes after the last commit" in log.notices[0]
        assert log.lines == data.count(b"\n")
    assert path.read_bytes() == data + b'{"id":"half'
    assert torn(path) == []


def test_a_writer_that_is_killed_after_any_number_of_bytes_loses_only_that_tick(
    tmp_path: Path,
) -> None:
    whole = write(tmp_path / "whole.jsonl", 3)
    path = tmp_path / "log.jsonl"
    before = write(path, 2)

    class Killed(Faulty):
        def ftruncate(self, fd: int, size: int) -> None:  # noqa: ARG002
            raise OSError(errno.EIO, "killed before it could cut back")

    for room in range(0, len(whole) - len(before), 5):
        with Log.open(path, write=True, disk=Quick()) as log:
            log._disk = Killed(room=room)
            with pytest.raises(StorageError):
                append(log, 3)
        assert path.read_bytes() == whole[: len(before) + room]
        with Log.open(path, write=True, disk=Quick()) as log:
            assert len(log.commits) == 2
            append(log, 3)
        assert path.read_bytes() == whole
        restore(path, before, suffixes=(".genesis", ".durable"))


def test_a_tail_that_cannot_be_copied_stays_where_it_is(path: Path) -> None:
    data = write(path, 2)
    restore(path, data[:-1])
    with pytest.raises(StorageError, match="no room"):
        Log.open(path, write=True, disk=Faulty(room=20))
    assert path.read_bytes() == data[:-1]
    assert torn(path) == []
    with Log.open(path, write=True, disk=Quick()) as log:
        assert len(log.commits) == 1


# Changed bytes.


@pytest.mark.parametrize("hinted", [False, True])
def test_a_flip_in_the_last_batch_makes_it_torn(path: Path, hinted: bool) -> None:
    data = write(path, 3)
    kept = ends(path)[-2]
    hint = side(path, ".durable").read_bytes()
    for at in range(kept, len(data)):
        restore(path, flipped(data, at))
        if hinted:
            side(path, ".durable").write_bytes(hint)
        with Log.open(path, write=True, disk=Quick()) as log:
            assert len(log.commits) == 2
            append(log, 3)
        assert path.read_bytes() == data
        assert [tail.read_bytes() for tail in torn(path)] == [flipped(data, at)[kept:]]


def test_a_flip_in_an_earlier_batch_is_damage_when_nothing_says_what_was_durable(
    path: Path,
) -> None:
    data = write(path, 4)
    limits = ends(path)
    for at in range(limits[0], limits[2], 3):
        restore(path, flipped(data, at))
        error = refused(path)
        assert error.offset == max(limit for limit in limits if limit <= at)
        assert f"byte {error.offset}" in str(error)


def test_a_flip_before_what_is_durable_is_found_by_the_check_and_never_repaired(
    path: Path,
) -> None:
    data = write(path, 4)
    start, stop = ends(path)[1:3]
    with Log.open(path, write=False) as log:
        commit = log.commits.row(2).commit_start
    for at in range(start, stop, 3):
        restore(path, flipped(data, at), suffixes=(".genesis", ".durable"))
        if at >= commit:
            assert refused(path).offset == start
            continue
        try:
            with Log.open(path, write=True, disk=Quick()) as log:
                assert len(log.commits) == 4
                bad = log.verify_chain().first_bad
                assert bad is not None
                assert (bad.kind, bad.tick, bad.offset) == ("batch", 2, start)
        except DamagedError as error:  # the line count or the frame itself is wrong
            assert error.offset == start  # noqa: PT017 - either is right
        assert path.read_bytes() == flipped(data, at)


def test_after_what_is_durable_the_first_failing_batch_starts_the_tail(path: Path) -> None:
    data = write(path, 6)
    limits = ends(path)
    with Log.open(path, write=False) as log:
        chain = log.commit(2).chain.hex()
    for tick in (3, 4, 5):
        restore(path, flipped(data, limits[tick - 1] + 10))
        hint = json.dumps({"tick": 2, "offset": limits[2], "chain": chain}, separators=(",", ":"))
        side(path, ".durable").write_text(f"{hint}\n")
        with Log.open(path, write=True, disk=Quick()) as log:
            assert len(log.commits) == tick - 1
            for later in range(tick, 7):
                append(log, later)
        assert path.read_bytes() == data


def test_with_durability_off_a_hole_in_the_middle_starts_the_tail(path: Path) -> None:
    data = write(path, 5, durability="off")
    limits = ends(path)
    path.write_bytes(data[: limits[3]] + bytes(40) + data[limits[3] + 40 :])
    with Log.open(path, write=True, disk=Quick()) as log:
        assert len(log.commits) == 3
    assert torn(path)[0].read_bytes() == bytes(40) + data[limits[3] + 40 :]


@pytest.mark.parametrize(
    "hint",
    [
        b"",
        b"\0" * 160,
        b"{}\n",
        b'{"tick":3,"offset":%d,"chain":"' + b"0" * 64 + b'"}\n',
        b'{"tick":9,"offset":999999,"chain":"' + b"0" * 64 + b'"}\n',
        b'{"tick":0,"offset":1,"chain":"' + b"0" * 64 + b'"}\n',
    ],
)
def test_a_hint_that_does_not_lie_on_a_commit_is_not_believed(path: Path, hint: bytes) -> None:
    data = write(path, 3)
    restore(path, flipped(data, ends(path)[0] + 5))
    side(path, ".durable").write_bytes(hint.replace(b"%d", b"%d" % len(data)))
    refused(path)


def test_whole_batches_that_were_cut_off_cleanly_are_not_there_and_are_missed(path: Path) -> None:
    data = write(path, 4)
    path.write_bytes(data[: ends(path)[2]])
    with Log.open(path, write=True, disk=Quick()) as log:
        assert len(log.commits) == 2
        assert [("durable up to tick 4" in text) for text in log.notices] == [True]
        append(log, 3)
        append(log, 4)
    assert path.read_bytes() == data


@pytest.mark.parametrize("what", ["doubled", "deleted", "swapped"])
def test_lines_doubled_deleted_or_swapped_are_not_believed(path: Path, what: str) -> None:
    data = write(path, 4)
    limits = ends(path)
    lines = data[limits[1] : limits[2]].splitlines(keepends=True)
    changed = {
        "doubled": [lines[0], *lines],
        "deleted": lines[1:],
        "swapped": [lines[1], lines[0], *lines[2:]],
    }[what]
    restore(path, data[: limits[1]] + b"".join(changed) + data[limits[2] :])
    assert refused(path).offset == limits[1]


def test_random_single_changes_are_never_believed_unnoticed(path: Path) -> None:
    data = write(path, 4)
    pin = side(path, ".genesis").read_bytes()
    rng = random.Random(4)
    with Log.open(path, write=False) as log:
        head = log.head
    for _ in range(150):
        at, size = rng.randrange(len(data)), rng.choice([1, 1, 2, 30])
        new = rng.choice([b"", rng.randbytes(size), data[at : at + size] * 2])
        changed = data[:at] + new + data[at + size :]
        if changed == data:
            continue
        restore(path, changed, suffixes=())
        side(path, ".genesis").write_bytes(pin)
        try:
            with Log.open(path, write=False) as log:
                assert log.head != head or log.tail_bytes or not log.verify_chain().ok
        except DamagedError as error:
            pairs = zip(data, changed, strict=False)
            same = next((k for k, (a, b) in enumerate(pairs) if a != b), len(data))
            assert (error.offset or 0) <= same  # noqa: PT017 - either is right
        assert path.read_bytes() == changed


# Pins.


def test_without_a_pin_a_chain_that_verifies_restores_it(path: Path) -> None:
    for genesis in (GENESIS, GENESIS[:-1], b""):
        restore(path, b"", suffixes=())
        data = write(path, 3, genesis)
        pin = side(path, ".genesis").read_bytes()
        restore(path, data, suffixes=())
        with Log.open(path, write=False) as log:
            assert len(log.commits) == 3
            assert not side(path, ".genesis").exists()
        with Log.open(path, write=True, disk=Quick()) as log:
            assert len(log.commits) == 3
            assert "restored" in log.notices[0]
            append(log, 4)
        assert side(path, ".genesis").read_bytes() == pin
        assert path.read_bytes().startswith(data)


@pytest.mark.parametrize(
    "pin", [b"", b"{}", b"\0" * 90, b'{"bytes":1,"sha256":"%s"}\n' % (b"0" * 64)]
)
def test_a_pin_that_is_not_this_files_counts_as_none(path: Path, pin: bytes) -> None:
    data = write(path, 2)
    good = side(path, ".genesis").read_bytes()
    side(path, ".genesis").write_bytes(pin)
    with Log.open(path, write=True, disk=Quick()) as log:
        assert len(log.commits) == 2
    assert side(path, ".genesis").read_bytes() == good
    assert path.read_bytes() == data


def test_without_a_pin_a_torn_tail_is_moved_once_the_chain_has_restored_it(path: Path) -> None:
    data = write(path, 3)
    kept = ends(path)[2]
    for cut in range(kept + 1, len(data), 11):
        restore(path, data[:cut], suffixes=())
        with Log.open(path, write=True, disk=Quick()) as log:
            assert len(log.commits) == 2
            append(log, 3)
        assert path.read_bytes() == data
        assert torn(path)[0].read_bytes() == data[kept:cut]


def test_without_a_pin_a_chain_that_does_not_verify_is_damage(path: Path) -> None:
    data = write(path, 3)
    run = (
        data.index(b"\n", len(GENESIS)) + 1
    )  # the run record's end: without it, it is anybody's file
    commit = data.rindex(b"\n", 0, -1)  # from here on, the last commit is none: a torn tail
    for at in [*range(len(GENESIS) - 1), *range(run, commit, 3)]:
        restore(path, flipped(data, at), suffixes=())
        error = refused(path)
        assert "--as-genesis" in str(error)


def test_without_a_pin_a_run_record_that_is_not_ours_any_more_is_data(path: Path) -> None:
    data = write(path, 1).replace(b'"format":2', b'"format":9')
    restore(path, data, suffixes=())
    with Log.open(path, write=True, disk=Quick()) as log:
        assert log.genesis.bytes == len(data)
        append(log, 1)
        assert log.prefix == "a"
    assert path.read_bytes().startswith(data)


def test_a_damaged_file_runs_as_mere_data_when_asked(path: Path) -> None:
    data = write(path, 3)
    damaged = flipped(data, ends(path)[0] + 9)
    restore(path, damaged, suffixes=())
    with Log.open(path, write=True, as_genesis=True) as log:
        assert (log.genesis.bytes, len(log.commits), log.prefix) == (len(damaged), 0, "a")
        append(log, 1)
        assert json.loads(log.line(log.find("am1.0")[0]))["id"] == "am1.0"
        assert len(log.find("m3.0")) == 1
    for as_genesis in (False, True):
        with Log.open(path, write=True, as_genesis=as_genesis) as log:
            assert (log.genesis.bytes, log.prefix) == (len(damaged), "a")
            append(log, len(log.commits) + 1)
            assert log.notices == []
    assert path.read_bytes().startswith(damaged)


def test_asking_for_mere_data_changes_nothing_for_a_log_that_verifies(path: Path) -> None:
    data = write(path, 2)
    with Log.open(path, write=True, as_genesis=True) as log:
        assert len(log.commits) == 2
    restore(path, data, suffixes=())
    with Log.open(path, write=True, as_genesis=True) as log:
        assert len(log.commits) == 2


def test_a_damaged_log_taken_as_data_that_loses_its_pin_gets_that_pin_back(path: Path) -> None:
    old = write(path, 3)
    restore(path, flipped(old, ends(path)[1] + 9), suffixes=())
    with Log.open(path, write=True, as_genesis=True) as log:
        append(log, 1)
        genesis = log.genesis
    side(path, ".genesis").unlink()
    with Log.open(path, write=True, disk=Quick()) as log:
        assert (log.genesis, len(log.commits)) == (genesis, 1)


def test_a_pin_without_commits_and_a_foreign_tail_is_pinned_anew(path: Path) -> None:
    write(path, 1)
    for tail in (b'{"id":"c"}\n', b"{", b"x", b'{"type":"run"}\n', b"\0\0"):
        edited = GENESIS + tail
        restore(path, edited)
        side(path, ".genesis").write_bytes(pin_of(GENESIS))
        if tail == b"{":
            continue  # how our run record begins: see the test of cuts
        with Log.open(path, write=True, disk=Quick()) as log:
            assert log.genesis.bytes == len(edited)
            assert "edited" in log.notices[0]
            append(log, 1)
        assert side(path, ".genesis").read_bytes() == pin_of(edited)
        assert path.read_bytes().startswith(edited)
        assert torn(path) == []


def test_a_pin_without_commits_over_an_edited_file_is_made_anew(path: Path) -> None:
    for edited in (b'{"id":"other"}\n', GENESIS[:20], b"", GENESIS.replace(b"x", b"y")):
        restore(path, edited, suffixes=())
        side(path, ".genesis").write_bytes(pin_of(GENESIS))
        with Log.open(path, write=True, disk=Quick()) as log:
            append(log, 1)
        assert side(path, ".genesis").read_bytes() == pin_of(edited)


def test_a_pin_without_commits_and_an_untouched_file_stays(path: Path) -> None:
    path.write_bytes(GENESIS)
    side(path, ".genesis").write_bytes(pin_of(GENESIS))
    with Log.open(path, write=True, disk=Quick()) as log:
        assert log.pinned
        assert log.notices == []


def test_a_changed_genesis_under_commits_is_damage_before_anything_is_moved(path: Path) -> None:
    data = write(path, 2)
    restore(path, flipped(data, 3)[:-1])
    assert refused(path).offset == 0
    restore(path, flipped(data, 3))
    with Log.open(path, write=False) as log:
        bad = log.verify_chain().first_bad
    assert bad is not None
    assert (bad.kind, bad.offset, bad.tick) == ("genesis", 0, 0)


def test_a_line_put_before_or_taken_from_the_genesis_is_damage(path: Path) -> None:
    data = write(path, 2)
    for changed in (b'{"id":"new"}\n' + data, data[len(GENESIS) // 2 :]):
        restore(path, changed)
        assert "--as-genesis" in str(refused(path))


# What looks like ours.


def forged(genesis: bytes) -> bytes:
    """Lines of the shape of our records that chain on from nothing."""
    told = Genesis(len(genesis), hashlib.sha256(b"other").digest())
    commit, _ = commit_line("", fields(1), 0, 0, hashlib.sha256(b"").digest(), told.sha256)
    return commit


def test_a_commit_in_somebodys_file_is_data(path: Path) -> None:
    genesis = GENESIS + forged(GENESIS) + b'{"id":"c"}'
    data = write(path, 2, genesis)
    assert data.startswith(genesis)
    with Log.open(path, write=True, disk=Quick()) as log:
        assert (len(log.commits), log.prefix) == (2, "a")
        assert log.find("commit:1") == [3]
    restore(path, data, suffixes=())
    with Log.open(path, write=False) as log:
        assert (len(log.commits), log.genesis.bytes) == (2, len(genesis))


def test_a_whole_log_copied_behind_somebodys_lines_is_damage_or_data(path: Path) -> None:
    other = write(path, 2)
    copied = b'{"id":"mine"}\n' + other
    restore(path, copied, suffixes=())
    assert refused(path).offset == copied.index(b'{"type":"run"')
    with Log.open(path, write=True, as_genesis=True) as log:
        append(log, 1)
    assert path.read_bytes().startswith(copied)


def test_a_run_record_inside_a_string_is_no_run_record(path: Path) -> None:
    line = run_line(RunRecord(1, "", Genesis(0, hashlib.sha256(b"").digest()), {})).strip()
    genesis = b'{"id":"x","text":%s}\n  %s\n' % (json.dumps(line.decode()).encode(), line)
    data = write(path, 1, genesis)
    assert data.startswith(genesis)


def test_a_batch_that_holds_a_line_like_a_commit_fails_and_is_not_believed(path: Path) -> None:
    write(path, 1)
    with Log.open(path, write=True, disk=Quick()) as log:
        commit, _ = commit_line("", fields(9), 0, 0, b"\0" * 32, b"\0" * 32)
        log.append([commit], 1, fields(2))  # what a runner must never accept
    with Log.open(path, write=True, disk=Quick()) as log:
        assert len(log.commits) == 1


def test_a_log_moved_with_its_side_files_or_without_them_is_the_same_log(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write(path, 2)
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(path, moved)
    with Log.open(moved / "log.jsonl", write=True) as log:
        append(log, 3)
    with Log.open(path, write=True, disk=Quick()) as log:
        append(log, 3)
    assert (moved / "log.jsonl").read_bytes() == path.read_bytes()


def test_a_draft_of_a_pin_left_by_a_crash_does_no_harm(path: Path) -> None:
    path.write_bytes(GENESIS)
    side(path, ".genesis.tmp").write_bytes(b'{"bytes"')
    data = write(path, 1)
    assert side(path, ".genesis").read_bytes() == pin_of(GENESIS)
    assert data.startswith(GENESIS)


def pin_of(genesis: bytes) -> bytes:
    digest = hashlib.sha256(genesis).hexdigest()
    return b'{"bytes":%d,"sha256":"%s"}\n' % (len(genesis), digest.encode())


def test_a_run_does_not_go_on_behind_a_genesis_that_was_edited_in_place(path: Path) -> None:
    data = write(path, 3)
    edited = data.replace(b"x", b"y", 1)
    assert edited[: len(GENESIS)] != GENESIS
    path.write_bytes(edited)
    with pytest.raises(DamagedError, match="edited after the first run"):
        Log.open(path, write=True, disk=Quick())
    assert path.read_bytes() == edited
    with Log.open(path, write=False, disk=Quick()) as log:
        assert not log.verify_chain().ok
    path.write_bytes(data)
    with Log.open(path, write=True, disk=Quick()) as log:
        append(log, 4)
