"""A checkpoint makes opening quick and changes nothing; one that does not fit is not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small import encoded, ran, rich, written

from automaton.chemistry import World
from automaton.format.options import Options
from automaton.log import Log
from automaton.log.side_files import checkpoint
from automaton.replay import MalformedLines, world_checkpoint
from automaton.replay.restore import restore_world


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every tick."""
    monkeypatch.setattr(world_checkpoint, "GROWN", 1)
    monkeypatch.setattr(world_checkpoint, "GROWN_AT_END", 1)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with a checkpoint of its last commit, and input taken in."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(rich()).rstrip(b"\n"))
    path.with_name("log.jsonl.inbox").write_bytes(
        b'{"id":"n1","type":"text","text":"`\xce\xbbx.x` and `\xce\xbbx.\xce\xbby.x`"}\n'
        b'{"id":"n2","type":"rule","match":"numeral","operator":"\xce\xbbx.x"}\n'
    )
    ran(path, 14, parallel=20, max_objects=50)
    return path


def side(log: Path) -> Path:
    """Where the checkpoint stands."""
    return log.with_name(f"{log.name}.checkpoint")


def snapshot_of(log: Path) -> tuple[World, int]:
    """The snapshot after the last commit, and how many ticks were folded for it."""
    folded: list[int] = []
    with Log.open(log, write=False) as opened:
        return restore_world(opened, Options(), MalformedLines(), folded.append), len(folded)


def same(a: World, b: World) -> bool:
    """Whether two snapshots say the same of everything that decides a tick."""
    names = ("size", "born_tick", "level", "steps", "hashes", "definition", "normal")
    p, q = a.population, b.population
    rows = [*p.choices().tolist(), *a.rows.values()]
    return (
        np.array_equal(p.choices(), q.choices())
        and all(np.array_equal(p.column[n][rows], q.column[n][rows]) for n in names)
        and [p.id_of(row) for row in rows] == [q.id_of(row) for row in rows]
        and all(np.array_equal(p.words(row), q.words(row)) for row in rows)
        and (p.total, a.state, a.options) == (q.total, b.state, b.options)
        and list(a.program.automata) == list(b.program.automata)
        and list(a.program.rules) == list(b.program.rules)
        and list(a.program.transitions) == list(b.program.transitions)
        and (a.spans, a.rows) == (b.spans, b.rows)
    )


def test_a_checkpoint_is_the_snapshot_that_folding_gives(log: Path) -> None:
    quick, folded = snapshot_of(log)
    assert folded == 0
    side(log).unlink()
    slow, folded = snapshot_of(log)
    assert folded == 14
    assert same(quick, slow)


def test_a_run_from_a_checkpoint_gives_the_bytes_of_one_without(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / log.name
    other.parent.mkdir()
    for path in tmp_path.glob("log.jsonl*"):
        if path != side(log):
            shutil.copy(path, other.with_name(path.name))
    ran(log, 12, seed=3)
    ran(other, 12, seed=3)
    assert log.read_bytes() == other.read_bytes()


def test_ticks_after_a_checkpoint_are_folded_onto_it(log: Path, tmp_path: Path) -> None:
    shutil.copy(side(log), tmp_path / "old")
    ran(log, 5)
    shutil.copy(tmp_path / "old", side(log))
    world, folded = snapshot_of(log)
    assert folded == 5
    side(log).unlink()
    assert same(world, snapshot_of(log)[0])


def test_an_opened_log_says_the_same_with_and_without(log: Path) -> None:
    def facts() -> tuple[object, ...]:
        with Log.open(log, write=False) as opened:
            commits = opened.commits.cells().tolist()
            ids = [opened.find(name) for name in ("0D", "1D", "n1", "m3.2", "run:1", "commit:4")]
            found = opened.lines, opened.size, opened.head, opened.run_count, opened.object_count
            return commits, ids, found, list(opened.named), opened.verify_chain()

    quick = facts()
    side(log).unlink()
    assert facts() == quick


@pytest.mark.parametrize("at", range(0, 1000, 83))
def test_a_damaged_checkpoint_is_not_there(log: Path, at: int) -> None:
    raw = side(log).read_bytes()
    place = len(raw) * at // 1000
    side(log).write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
    assert checkpoint.read(str(log)) is None
    assert snapshot_of(log)[1] == 14


def test_a_checkpoint_that_was_cut_is_not_there(log: Path) -> None:
    raw = side(log).read_bytes()
    for size in (0, 10, len(raw) // 2, len(raw) - 1):
        side(log).write_bytes(raw[:size])
        assert checkpoint.read(str(log)) is None


def test_a_checkpoint_of_another_log_is_not_used(log: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.jsonl", rich())
    ran(other, 14, parallel=20, max_objects=50, seed=9)
    shutil.copy(side(log), side(other))
    assert snapshot_of(other)[1] == 14


def test_a_checkpoint_of_a_future_that_was_lost_is_not_used(log: Path) -> None:
    with Log.open(log, write=False) as opened:
        end = opened.commits.row(9).end
    log.write_bytes(log.read_bytes()[:end])
    log.with_name(f"{log.name}.durable").unlink()
    assert snapshot_of(log)[1] == 9
    ran(log, 2)


def test_a_checkpoint_is_rebuilt_where_it_is_absent(log: Path) -> None:
    side(log).unlink()
    ran(log, 1)
    assert snapshot_of(log)[1] == 0


def test_verify_reads_no_checkpoint(log: Path) -> None:
    from automaton.log import AuditedLog  # noqa: PLC0415
    from automaton.verify import VerifyRequest, verify  # noqa: PLC0415

    facts = checkpoint.read(str(log))
    assert facts is not None
    columns = {**facts.columns, "place.hashes": facts.columns["place.hashes"] + 1}
    checkpoint.write(str(log), facts.facts, columns)
    with AuditedLog.open(log) as opened:
        assert verify(opened, VerifyRequest(workers=1)).ok


def test_its_first_line_is_the_hash_of_the_rest(log: Path) -> None:
    head, _, rest = side(log).read_bytes().partition(b"\n")
    assert set(json.loads(head)) == {"checkpoint", "sha256"}
    assert json.loads(rest.partition(b"\n")[0])["tick"] == 14
