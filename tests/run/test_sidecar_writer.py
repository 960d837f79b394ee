"""What stands beside a log where streams compete: the archive, and decisions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.analysis.tick_report import report_tick
from automaton.cli import command_line
from automaton.errors import LockedError, UsageError
from automaton.log import AuditedLog, Log
from automaton.log.side_files import archive, decision_log
from automaton.log.side_files.archive import Archive
from automaton.log.side_files.decision_log import DecisionLog
from automaton.run import Run, SidecarOptions
from automaton.terms.notation import format_term
from kernels import cpu
from kernels.text import archive_codec

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"


def ran(tmp_path: Path, ticks: int = 15, **keeping: Any) -> Path:
    """A copy of the shipped log, run with streams."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(SHIPPED.read_bytes())
    options = {"streams": "all", "max_objects": 400}
    with Run(path, options, keeping=SidecarOptions(**keeping), durability="off") as run:
        run.go(ticks=ticks, interval_ms=0)
    return path


def read(path: Path, found: archive.ReadReport | None = None) -> list[archive.ArchiveFrame]:
    """The frames of a log's archive."""
    with Log.open(path, write=False) as log:
        return list(archive.read(log, found))


def commits(path: Path) -> list[dict[str, Any]]:
    """The commits of a log."""
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [row for row in rows if row.get("type") == "commit"]


def invoke(*arguments: object) -> Any:
    """A command, run here."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


# The archive.


def test_the_archive_holds_every_candidate_that_lost(tmp_path: Path) -> None:
    path = ran(tmp_path)
    frames = read(path)
    assert [frame.tick for frame in frames] == list(range(1, 16))
    for frame, commit in zip(frames, commits(path), strict=True):
        ends, outcomes = commit["state"]["ends"], commit["outcomes"]
        candidates = sum(outcomes.values()) - ends["empty"]
        gone = sum(ends["won"].values()) + sum(ends["vetoed"].values()) + ends["budget"]
        assert len(frame.slots) == candidates - gone == ends["archived"]


def test_what_the_archive_holds_is_what_is_computed_again(tmp_path: Path) -> None:
    path = ran(tmp_path, 6)
    frame = read(path)[-1]
    with AuditedLog.open(path) as log:
        told = {row.slot: row for row in report_tick(log, 6)}
    for k, slot in enumerate(frame.slots.tolist()):
        words = frame.code[frame.starts[k] : frame.starts[k] + frame.sizes[k]]
        row = told[slot]
        found = (format_term(words), int(frame.steps[k]), int(frame.salience[k]))
        assert found == (row.term, row.steps, row.salience)
        assert row.winner is None


@st.composite
def terms(draw: st.DrawFn) -> list[int]:
    """A closed term's words, some with large indices."""
    deep = draw(st.sampled_from([1, 2, 253, 254, 300]))
    index = draw(st.integers(0, deep - 1))
    return [1] * deep + [index << 2]


@settings(max_examples=50, deadline=None)
@given(st.lists(terms(), max_size=5))
def test_a_candidate_that_is_packed_is_read_as_it_was(found: list[list[int]]) -> None:
    n, room = len(found), max((len(words) for words in found), default=1)
    out = np.array([w for words in found for w in words] or [0], dtype=np.int32)
    sizes = np.array([len(words) for words in found], dtype=np.int32)
    results = np.cumsum(sizes, dtype=np.int64) - sizes
    zeros = np.zeros(n, dtype=np.uint8)
    numbers = np.arange(n, dtype=np.int32)
    forms: list[tuple[Any, Any]] = [
        (archive_codec.pack_lost, archive_codec.unpack_lost),
        (cpu.compiled(archive_codec.pack_lost), cpu.compiled(archive_codec.unpack_lost)),
    ]
    for pack, unpack in forms:
        buffer = np.zeros(n * (archive_codec.HEAD + 5 * room), dtype=np.uint8)
        size = pack(
            0, n, zeros, zeros, zeros, numbers + 5, numbers + 7, sizes, results, out, buffer
        )
        columns = [np.empty(n, dtype=np.int64) for _ in range(5)]
        words, stack = np.empty((2, max(1, len(out))), dtype=np.int32)
        count, used = unpack(buffer, size, *columns, words, stack)
        assert (count, used) == (n, int(sizes.sum()))
        assert words[:used].tolist() == out[:used].tolist()
        assert [column.tolist() for column in columns[:4]] == [
            list(range(n)), [k + 5 for k in range(n)], [k + 7 for k in range(n)], sizes.tolist(),
        ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_reading_an_archive_never_leaves_its_bounds(raw: bytes) -> None:
    columns = [np.empty(4, dtype=np.int64) for _ in range(5)]
    words, stack = np.empty((2, 64), dtype=np.int32)
    buffer = np.frombuffer(raw, dtype=np.uint8)
    forms: list[Any] = [archive_codec.unpack_lost, cpu.compiled(archive_codec.unpack_lost)]
    for body in forms:
        count, used = body(buffer, len(raw), *columns, words, stack)
        assert -1 <= count <= 4
        assert -1 <= used <= 64


def test_the_archive_keeps_within_its_bound_and_drops_the_oldest(tmp_path: Path) -> None:
    path = ran(tmp_path, 30, archive=60_000)
    sizes = [file.stat().st_size for file in archive.paths(path)]
    assert sum(sizes) <= 60_000
    ticks = [frame.tick for frame in read(path)]
    assert ticks == list(range(ticks[0], 31))
    assert ticks[0] > 1


@pytest.mark.parametrize("cut", [1, 10, 59, 60, 61])
def test_a_torn_frame_is_cut_off_and_the_next_one_follows(tmp_path: Path, cut: int) -> None:
    body = b"\1\0\0\0\2\0\0\0\3\0\0\0\2\0\0\0\0\2"
    with Log.open(ran(tmp_path, 3, archive=0), write=False) as log:
        writer = Archive(log)
        for tick in (1, 2):
            writer.append(tick, log.chain_at(tick), [body], 1)
        writer.close()
        path, _ = archive.paths(log.path)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2 + cut])
        assert [frame.tick for frame in archive.read(log)] == [1]
        writer = Archive(log)
        writer.append(3, log.chain_at(3), [body], 1)
        writer.close()
        found = [(frame.tick, frame.slots.tolist()) for frame in archive.read(log)]
    assert found == [(1, [1]), (3, [1])]
    assert sorted(file.name for file in tmp_path.glob("*other*")) == []


def test_bytes_of_the_log_do_not_depend_on_what_is_kept_beside_it(tmp_path: Path) -> None:
    found = set()
    for k, keeping in enumerate([{"archive": 0}, {"decisions": 1}, {"archive": 9999}]):
        folder = tmp_path / str(k)
        folder.mkdir()
        found.add(ran(folder, 10, **keeping).read_bytes())
    assert len(found) == 1


# Decisions.


def test_every_winner_has_a_decision_when_all_are_kept(tmp_path: Path) -> None:
    path = ran(tmp_path, decisions=1)
    kept = [json.loads(line) for line in decision_log.paths(path)[0].read_bytes().splitlines()]
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    won = [row for row in rows if row.get("type") == "modification"]
    assert [(row["id"], row["stream"], row["salience"]) for row in kept] == [
        (row["id"], row["stream"], row["salience"]) for row in won
    ]


def test_one_round_in_so_many_is_kept(tmp_path: Path) -> None:
    path = ran(tmp_path, decisions=4)
    kept = [json.loads(line) for line in decision_log.paths(path)[0].read_bytes().splitlines()]
    assert {(row["round"] + row["tick"]) % 4 for row in kept} == {0}


def test_why_says_the_same_from_what_was_kept_and_from_the_log(tmp_path: Path) -> None:
    path = ran(tmp_path, 8, decisions=2)
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    won = [row["id"] for row in rows if row.get("type") == "modification"][-8:]
    first = [json.loads(invoke("why", path, identity, "--json").output) for identity in won]
    for file in decision_log.paths(path):
        file.unlink()
    second = [json.loads(invoke("why", path, identity, "--json").output) for identity in won]
    assert {row.pop("source") for row in first} == {"kept", "computed"}
    assert {row.pop("source") for row in second} == {"computed"}
    assert first == second


def test_salience_is_the_sum_of_what_why_shows(tmp_path: Path) -> None:
    path = ran(tmp_path, 8, decisions=1)
    for line in decision_log.paths(path)[0].read_bytes().splitlines()[-20:]:
        row = json.loads(invoke("why", path, json.loads(line)["id"], "--json").output)
        total = sum(row["mixture"][name] * value for name, value in row["features"].items()) >> 16
        assert row["salience"] == total * row["weight"] >> 16


@pytest.mark.parametrize("identity", ["m99.1", "0-identity", "run:1", "m1.x"])
def test_why_of_what_never_won_is_one_clear_line(tmp_path: Path, identity: str) -> None:
    path = ran(tmp_path, 2)
    done = invoke("why", path, identity)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1


def test_why_of_a_run_without_streams_says_so(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(SHIPPED.read_bytes())
    with Run(path, {}, durability="off") as run:
        run.go(ticks=2, interval_ms=0)
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    won = next(row["id"] for row in rows if row.get("type") == "modification")
    done = invoke("why", path, won)
    assert done.exit_code == 2
    assert "no streams" in done.stderr


def test_many_threads_lose_tear_and_double_no_decision(tmp_path: Path) -> None:
    log, writer = tmp_path / "log", DecisionLog(tmp_path / "log")
    threads, each = 50, 400

    def write(number: int) -> None:
        for k in range(each):
            name = f"{number}-{k}".encode()
            writer.append([b'{"id":"%s","n":%d}\n' % (name, k)], [name])

    running = [Thread(target=write, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    writer.close()
    kept = [json.loads(line)["id"] for line in decision_log.paths(log)[0].read_bytes().splitlines()]
    assert sorted(kept) == sorted(f"{n}-{k}" for n in range(threads) for k in range(each))
    assert [json.loads(line)["n"] for line in decision_log.find(log, b"7-399")] == [399]


def test_only_one_process_writes_decisions(tmp_path: Path) -> None:
    writer = DecisionLog(tmp_path / "log")
    script = (
        "import sys; from pathlib import Path\n"
        "from automaton.log.side_files.decision_log import DecisionLog\n"
        "from automaton.errors import LockedError\n"
        "try: DecisionLog(Path(sys.argv[1]))\n"
        "except LockedError as error: print('locked')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "log")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    with pytest.raises(LockedError, match="another process"):
        DecisionLog(tmp_path / "log")
    writer.close()
    assert done.stdout == "locked\n", done.stderr


@pytest.mark.parametrize("lost_entries", [0, 1, 2, 3])
@pytest.mark.parametrize("torn", [b"", b'{"id":"x'])
def test_what_a_crash_tore_is_cut_off_and_indexed_again(
    tmp_path: Path, lost_entries: int, torn: bytes
) -> None:
    log = tmp_path / "log"
    writer = DecisionLog(log)
    names = [b"a", b"b", b"c"]
    writer.wait(writer.append([b'{"id":"%s"}\n' % name for name in names], names))
    writer.close()
    path, index = decision_log.paths(log)
    with path.open("ab") as file:
        file.write(torn)
    os.truncate(index, index.stat().st_size - 16 * lost_entries)
    again = DecisionLog(log)
    again.append([b'{"id":"d"}\n'], [b"d"])
    again.close()
    for name in [*names, b"d"]:
        assert list(decision_log.find(log, name)) == [b'{"id":"%s"}\n' % name]
    assert path.read_bytes().count(b"\n") == 4


@pytest.mark.parametrize("text", ["some", "sample=0", "sample=x", "sample=", "2"])
def test_decisions_that_cannot_be_meant_are_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="sample=N"):
        SidecarOptions.of(0, text, 0, None)
