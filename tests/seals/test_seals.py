"""Seals of files that other programs write: what is sealed survives, what is changed is found."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealing import LOG_KEY

from automaton.digests.batch_digest import PAGE
from automaton.errors import DamagedError, FileError, LockedError, UsageError
from automaton.proofs import inclusion
from automaton.proofs.checking import CheckedLine, Trust, check_file
from automaton.proofs.commit_tree import commit_tree
from automaton.proofs.keys import write_key
from automaton.proofs.notes import Note
from automaton.proofs.prover import head_of, prove_line
from automaton.seals import seal_writer
from automaton.seals.seal_check import MATCH, MISMATCH, TAIL, SealVerdict, check_seal
from automaton.seals.seal_follower import Follower, SealSchedule
from automaton.seals.seal_reader import SealReader, is_sealed, read_any_commit
from automaton.seals.seal_records import (
    SealCommit,
    chain_of,
    chained,
    commit_line,
    header,
    is_header,
    parse_commit,
)
from automaton.seals.seal_writer import SealWriter


def lines(first: int, count: int) -> bytes:
    """Lines of different lengths, each another."""
    rows = range(first, first + count)
    return b"".join(b'{"n":%d,"x":"%s"}\n' % (k, b"y" * (k * 37 % 200)) for k in rows)


def sealed(file: Path) -> list[str]:
    """Seal what stands in a file; what was said."""
    writer, said = SealWriter(file), []
    try:
        said += writer.notices
        Follower(file, writer, SealSchedule(say=said.append), Event()).follow(once=True)
    finally:
        writer.close()
    return said


def verdict(file: Path) -> SealVerdict:
    """What checking a seal finds."""
    with SealReader.open(file) as reader:
        return check_seal(reader)


@contextmanager
def following(file: Path) -> Iterator[tuple[Callable[[int], None], list[str]]]:
    """A follower in a thread; a function waits until so many lines are sealed."""
    told, stopping, said = Event(), Event(), list[str]()
    counts = [0]

    def seen(writer: SealWriter) -> None:
        counts[0] = writer.lines
        told.set()

    writer = SealWriter(file)
    follower = Follower(file, writer, SealSchedule(0.01, seen, said.append), stopping)
    thread = Thread(target=follower.follow)
    thread.start()

    def wait(count: int) -> None:
        while counts[0] < count:
            assert told.wait(60), f"{counts[0]} lines are sealed, and {count} are due"
            told.clear()

    try:
        yield wait, said
    finally:
        stopping.set()
        thread.join()
        writer.close()


# -- what is sealed, and what is found -----------------------------------------------------


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sealed file of several commits of several pages."""
    monkeypatch.setattr(seal_writer, "BATCH", 3 * PAGE)
    monkeypatch.setattr("automaton.seals.seal_follower.BATCH", 3 * PAGE)
    monkeypatch.setattr("automaton.seals.seal_follower.BLOCK", 5000)
    path = tmp_path / "app.jsonl"
    path.write_bytes(lines(0, 1500))
    sealed(path)
    return path


def test_a_file_is_left_as_it_is_and_is_as_it_was_sealed(file: Path) -> None:
    assert file.read_bytes() == lines(0, 1500)
    found = verdict(file)
    assert (found.exit_code, found.lines, found.bytes) == (MATCH, 1500, len(lines(0, 1500)))
    assert found.commits > 5
    assert is_sealed(file)


def test_lines_that_come_later_are_sealed_where_it_ended(file: Path) -> None:
    with file.open("ab") as more:
        more.write(lines(1500, 10))
        more.write(b'{"torn":')
    assert verdict(file).exit_code == TAIL
    assert sealed(file) == []
    found = verdict(file)
    assert (found.exit_code, found.lines, found.tail_bytes) == (TAIL, 1510, 8)
    with file.open("ab") as more:
        more.write(b"1}\n")
    sealed(file)
    assert (verdict(file).exit_code, verdict(file).lines) == (MATCH, 1511)


def _numbers(text: str) -> tuple[int, int]:
    """First and last of the lines that a fault names."""
    words = text.replace(",", "").split("in lines ")[1].split()
    return int(words[0]), int(words[2])


def test_a_line_that_was_changed_left_out_or_put_in_is_named(file: Path) -> None:
    rows = lines(0, 1500).splitlines(keepends=True)
    draw = random.Random(3)
    for _ in range(8):
        k = draw.randrange(1500)
        other = rows[k].replace(b'"n"', b'"q"')
        for changed in ([*rows[:k], other, *rows[k + 1 :]], [*rows[:k], *rows[k + 1 :]]):
            file.write_bytes(b"".join(changed))
            found = verdict(file)
            assert found.exit_code == MISMATCH
            if "in lines" in found.fault:
                low, high = _numbers(found.fault)
                assert low <= k + 2
                assert k - 300 < high  # the page, or the next one where a line moved to it
            else:
                assert "was cut" in found.fault
                assert k > 1400


def test_lines_that_were_put_in_are_named_exactly(file: Path) -> None:
    rows = lines(0, 1500).splitlines(keepends=True)
    draw = random.Random(4)
    for k in [0, 1499, *(draw.randrange(1500) for _ in range(30))]:
        for more in ([b"{}\n"], [b"{}\n", b"\n", b"{}\n"]):
            file.write_bytes(b"".join([*rows[:k], *more, *rows[k:]]))
            fault = verdict(file).fault.replace(",", "")
            last = f" to {k + 3} were" if len(more) > 1 else " was"
            assert fault.endswith(f" {k + 1}{last} put in"), (k, fault)


def test_two_lines_of_a_page_that_changed_places_are_named(file: Path) -> None:
    rows = lines(0, 1500).splitlines(keepends=True)
    for low, high in ((3, 4), (700, 701), (3, 9)):
        changed = list(rows)
        changed[low], changed[high] = changed[high], changed[low]
        file.write_bytes(b"".join(changed))
        assert verdict(file).fault.endswith(f"lines {low + 1} and {high + 1} changed places")


def test_a_bit_that_is_not_what_it_was_is_named_with_its_line(file: Path) -> None:
    whole, draw = file.read_bytes(), random.Random(5)
    for at in (0, *(draw.randrange(len(whole) - 1) for _ in range(8))):
        changed = bytearray(whole)
        changed[at] ^= 1 << draw.randrange(8)
        if 10 in {changed[at], whole[at]}:  # which makes two lines of one, or one of two
            continue
        file.write_bytes(changed)
        line = whole.count(b"\n", 0, at) + 1
        fault = verdict(file).fault.replace(",", "")
        assert fault.endswith(f"line {line} was changed by one bit of byte {at}"), fault


def test_short_lines_are_looked_through_within_bounds(tmp_path: Path) -> None:
    file = tmp_path / "app.jsonl"
    rows = [b"%04d\n" % k for k in range(9000)]
    file.write_bytes(b"".join(rows))
    sealed(file)
    file.write_bytes(b"".join([*rows[:100], b"zzzz\n", *rows[101:]]))
    assert "in lines 1 to 1,639" in verdict(file).fault


def test_where_a_file_was_cut_the_first_line_that_lacks_is_named(file: Path) -> None:
    rows = lines(0, 1500).splitlines(keepends=True)
    for kept in (1499, 1400, 777, 1):
        for torn in (b"", rows[kept][:5]):
            file.write_bytes(b"".join(rows[:kept]) + torn)
            fault = verdict(file).fault.replace(",", "")
            assert f"what is missing begins in line {kept + 1} " in f"{fault} ", fault


def test_hashes_of_pages_that_were_altered_name_no_page(file: Path) -> None:
    seal = Path(f"{file}.seal")
    good = seal.read_bytes()
    at = good.index(b'"hashes":"') + 10
    seal.write_bytes(good[:at] + (b"0" if good[at : at + 1] != b"0" else b"1") + good[at + 1 :])
    assert verdict(file).exit_code == MATCH  # they are in no digest
    file.write_bytes(file.read_bytes().replace(b'"n":60,', b'"n":61,'))
    fault = verdict(file).fault
    assert "one of the lines 1 to " in fault
    assert "not as they were sealed either" in fault


def test_a_file_that_was_cut_at_any_byte_is_found(file: Path) -> None:
    whole = file.read_bytes()
    for size in range(len(whole) - 1, 0, -997):
        file.write_bytes(whole[:size])
        assert verdict(file).exit_code == MISMATCH
    file.unlink()
    assert verdict(file).exit_code == MISMATCH


def test_two_lines_that_changed_places_are_found(file: Path) -> None:
    rows = lines(0, 1500).splitlines(keepends=True)
    rows[700], rows[701] = rows[701], rows[700]
    file.write_bytes(b"".join(rows))
    assert verdict(file).exit_code == MISMATCH


def test_a_seal_of_which_any_byte_was_changed_is_no_seal_of_the_file(file: Path) -> None:
    path = Path(f"{file}.seal")
    whole = path.read_bytes()
    with SealReader.open(file) as reader:
        commits = len(reader.commits)
    for at in range(0, len(whole), 61):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            found = verdict(file)
        except DamagedError:
            continue
        pages = b'"pages"' in whole[whole.rfind(b"\n", 0, at) + 1 : whole.find(b"\n", at)]
        assert pages or found.exit_code != MATCH or found.commits < commits, at
    path.write_bytes(whole)


def test_a_seal_that_was_cut_goes_on_at_its_last_commit(file: Path) -> None:
    path = Path(f"{file}.seal")
    whole = path.read_bytes()
    last = whole[:-1].rfind(b"\n") + 1
    for size in range(last, len(whole), 29):
        path.write_bytes(whole[:size])
        said = sealed(file)
        assert any("were torn" in text for text in said)
        assert (verdict(file).exit_code, verdict(file).lines) == (MATCH, 1500)


def test_a_seal_with_a_hole_before_good_commits_is_damaged_and_left_alone(file: Path) -> None:
    path = Path(f"{file}.seal")
    rows = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*rows[:5], *rows[7:]]))
    before = path.read_bytes()
    with pytest.raises(DamagedError, match="nothing was changed"):
        SealWriter(file)
    assert path.read_bytes() == before
    assert verdict(file).exit_code == MISMATCH


def test_a_last_commit_that_was_altered_is_damage_and_not_the_end_of_a_write(file: Path) -> None:
    path = Path(f"{file}.seal")
    *rows, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*rows, last.replace(b'"lines":', b'"lines":1')]))
    before = path.read_bytes()
    with pytest.raises(DamagedError, match="nothing was changed"):
        SealWriter(file)
    assert path.read_bytes() == before


def test_a_file_has_one_sealer_at_a_time(file: Path) -> None:
    writer = SealWriter(file)
    with pytest.raises(LockedError):
        SealWriter(file)
    writer.close()


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="is not there"):
        sealed(tmp_path / "none.jsonl")
    with pytest.raises(FileError, match="no seal"):
        verdict(tmp_path / "other.jsonl")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_commit_that_is_written_alike_or_none(raw: bytes) -> None:
    commit = parse_commit(raw)
    assert commit is None or commit_line(commit, b"")[0].startswith(raw.rstrip(b"\n")[:40])


def test_records_come_back_as_they_were_written() -> None:
    line = header('a "b"\\\n', bytes(16))
    assert is_header(line[:-1])
    commit = SealCommit(3, 2, "rotated", 0, 7, 99, bytes(32), bytes(32))
    raw, chain = commit_line(commit, chain_of(line))
    found = parse_commit(raw)
    assert found is not None
    assert found.chain == chain
    assert commit_line(found, chain_of(line)) == (raw, chain)
    assert chained(raw, found, chain_of(line))
    assert not chained(raw, found, chain)


# -- proofs --------------------------------------------------------------------------------


def test_every_line_of_a_sealed_file_is_proved(file: Path) -> None:
    rows = lines(0, 1500).splitlines()
    with SealReader.open(file) as reader, commit_tree(reader) as tree:
        head = head_of(reader, tree)
        for number in range(1, 1501, 7):
            proof, tick = prove_line(reader, tree, f"line:{number}", Note(str(head)))
            raw = inclusion.to_text(proof, tick).encode()
            found = check_file(raw, Trust(head=head), read_any_commit)
            assert isinstance(found, CheckedLine)
            assert found.proof.line == rows[number - 1]
        for name in ("line:0", "line:1501", "commit:0", "line:x", "what"):
            with pytest.raises(UsageError):
                prove_line(reader, tree, name, Note(str(head)))


# -- as it grows ---------------------------------------------------------------------------


def test_a_file_is_followed_through_rotation_and_truncation(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    path.write_bytes(lines(0, 10))
    with following(path) as (wait, said):
        wait(10)
        with path.open("ab") as more:
            more.write(lines(10, 5))
        wait(15)
        with path.open("ab") as old:
            path.rename(tmp_path / "app.jsonl.1")
            old.write(lines(15, 5) + b"torn")
        path.write_bytes(lines(20, 10))
        wait(31)
        path.write_bytes(lines(40, 2))
        wait(33)
    assert any("rotated" in text for text in said)
    assert any("truncated" in text for text in said)
    with SealReader.open(path) as reader:
        assert [c.begun for c in reader.commits if c.begun != "appended"] == [
            "begun", "rotated", "truncated",
        ]  # fmt: skip
        found = check_seal(reader)
    assert found.missing == 1  # what was truncated is nowhere
    assert found.exit_code == MISMATCH
    (tmp_path / "app.jsonl.2").write_bytes(lines(20, 10))
    found = verdict(path)
    assert (found.exit_code, found.missing) == (MATCH, 0)
    names = ("app.jsonl.1", "app.jsonl.2", "app.jsonl")
    assert found.parts == [str(tmp_path / name) for name in names]


def test_a_file_that_was_replaced_while_nobody_sealed_is_a_new_part(file: Path) -> None:
    old = file.read_bytes()
    file.write_bytes(lines(9000, 1600))
    assert any("no longer holds" in text for text in sealed(file))
    assert verdict(file).missing == 1
    file.with_name("app.jsonl.1").write_bytes(old)
    assert verdict(file).exit_code == MATCH


def test_what_a_file_still_got_before_it_was_rotated_while_nobody_sealed_is_sealed(
    file: Path,
) -> None:
    with file.open("ab") as more:
        more.write(lines(1500, 3) + b"torn")
    file.rename(file.with_name("app.jsonl.1"))
    assert verdict(file).exit_code == TAIL
    file.write_bytes(lines(9000, 2))
    assert any("was rotated" in text for text in sealed(file))
    found = verdict(file)
    assert (found.exit_code, found.lines, found.missing) == (MATCH, 1506, 0)
    with SealReader.open(file) as reader:
        assert [c.begun for c in reader.commits if c.begun != "appended"] == ["begun", "rotated"]


def test_lines_behind_a_part_that_was_rotated_are_found(file: Path) -> None:
    old = file.with_name("app.jsonl.1")
    file.rename(old)
    file.write_bytes(lines(9000, 2))
    sealed(file)
    with old.open("ab") as more:
        more.write(b"{}\n")
    found = verdict(file)
    assert (found.exit_code, found.tails) == (TAIL, {str(old): 3})


def test_a_change_in_a_part_that_was_rotated_is_named(tmp_path: Path) -> None:
    file, old = tmp_path / "app.jsonl", tmp_path / "app.jsonl.1"
    file.write_bytes(lines(0, 1500))
    sealed(file)
    file.rename(old)
    file.write_bytes(lines(9000, 2))
    sealed(file)
    rows = lines(0, 1500).splitlines(keepends=True)
    old.write_bytes(b"".join([*rows[:700], *rows[701:]]))
    found = verdict(file)
    assert found.missing == 0
    low, high = _numbers(found.fault)
    assert found.fault.startswith(str(old))
    assert low <= 701 <= high


def test_a_file_that_appears_later_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "app.jsonl"
    with following(path) as (wait, _):
        path.write_bytes(lines(0, 3))
        wait(3)
    assert verdict(path).exit_code == MATCH


# -- the command, and its end by force ----------------------------------------------------


def command(*words: object) -> list[str]:
    """The command as a user starts it."""
    return [sys.executable, "-m", "automaton", *map(str, words)]


def test_lines_of_standard_input_are_kept_and_sealed(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    write_key(tmp_path / "key", LOG_KEY)
    words = command("seal", "-", "--out", out, "--key", tmp_path / "key", "--json")
    for count in (1, 2):
        done = subprocess.run(words, input=lines(0, 1000), capture_output=True, check=True)
        last = json.loads(done.stdout.splitlines()[-1])
        assert last["lines"] == 1000 * count
    assert out.read_bytes() == lines(0, 1000) * 2
    assert verdict(out).exit_code == MATCH
    note = Path(f"{out}.seal.note")
    done = subprocess.run(
        command("verify", out, "--note", note, "--key", LOG_KEY.public),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == MATCH, done.stderr
    seal = Path(f"{out}.seal")
    rows = seal.read_bytes().splitlines(keepends=True)
    seal.write_bytes(b"".join(rows[:-2]))  # a seal without its last commit is a seal
    done = subprocess.run(
        command("verify", out, "--note", note, "--key", LOG_KEY.public),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == MISMATCH
    assert b"was cut" in done.stderr


def test_a_waiting_line_of_standard_input_is_sealed_though_no_other_comes(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    words = command("seal", "-", "--out", out, "--interval", "0.01")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        os.write(process.stdin.fileno(), b"{}\n")
        assert process.stdout.readline() == b"sealed 1 line, byte 3, commit 1\n"
        process.send_signal(signal.SIGTERM)  # while it waits for more
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(1, marks=pytest.mark.slow),
        pytest.param(10, marks=[pytest.mark.slow, pytest.mark.exhaustive]),
    ],
)
def test_what_was_said_to_be_sealed_survives_kills(tmp_path: Path, files: int) -> None:
    draw, said = random.Random(11), 0
    for number in range(files):
        out = tmp_path / f"out-{number}.jsonl"
        said += sum(_said_until_killed(out, draw.randrange(1, 8)) for _ in range(25))
        done = subprocess.run(command("seal", "-", "--out", out), input=b"", check=True)
        assert done.returncode == 0
        assert (verdict(out).exit_code, verdict(out).fault) == (MATCH, "")
    assert said


def _said_until_killed(out: Path, times: int) -> int:
    """Lines that a sealer of standard input said it had sealed until it was killed; they are."""
    written = out.read_bytes().count(b"\n") if out.exists() else 0
    words = command("seal", "-", "--out", out, "--interval", "0.01", "--json")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        feeding = Thread(target=_feed, args=(process, written))
        feeding.start()
        said = 0
        for _ in range(times):
            text = process.stdout.readline()
            said = json.loads(text)["lines"] if text else said
        process.send_signal(signal.SIGKILL)
        feeding.join()
    with SealReader.open(out) as reader:
        assert reader.lines >= said
        assert check_seal(reader).exit_code in {MATCH, TAIL}
    return int(said)


def _feed(process: subprocess.Popen[bytes], first: int) -> None:
    """Give lines until nobody takes them."""
    assert process.stdin is not None
    try:
        while True:
            os.write(process.stdin.fileno(), lines(first, 50))
            first += 50
    except OSError:
        return
