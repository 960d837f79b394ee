"""What stands beside a log is of this log: of another of its name, or of lost ticks, it is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.analysis.explanation import explain
from automaton.cli import command_line
from automaton.cycles import ParallelEngine, load_population
from automaton.cycles.graph import Stage, StageOutput
from automaton.cycles.stages import STANDARD
from automaton.log import Log
from automaton.log.side_files import archive, decision_log, watermarks
from automaton.log.side_files.archive import Archive
from automaton.log.side_files.decision_log import DecisionLog
from automaton.run import Run, SidecarOptions, sidecar_writer
from automaton.vector_store import folder, ownership

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
OPTIONS = {"streams": "all", "max_objects": 400, "parallel": 16}


def begun(path: Path) -> Path:
    """The shipped log, that never ran; what was beside it under this name stays."""
    path.write_bytes(SHIPPED.read_bytes())
    return path


def ran(path: Path, ticks: int, seed: int = 0, **keeping: Any) -> list[str]:
    """Run a log; what was said of the files beside it."""
    said: list[str] = []
    given = {**OPTIONS, "seed": seed}
    with Run(path, given, durability="off", keeping=SidecarOptions(**keeping)) as run:
        run.go(ticks=ticks, interval_ms=0, say=said.append)
    return [note for note in said if "bytes a tick" not in note]


def begun_anew(path: Path, ticks: int, seed: int = 0, **keeping: Any) -> None:
    """Run a log, then remove it, but not what streams and memory kept, and make it anew."""
    ran(begun(path), ticks, seed, **keeping)
    for suffix in ("", ".genesis", ".durable", ".checkpoint"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    begun(path)


def cut_back(path: Path, tick: int) -> None:
    """The log as after a tick: an older copy, or what a power failure left."""
    with Log.open(path, write=False) as log:
        end = log.commits.row(tick).end
    os.truncate(path, end)
    for suffix in (".durable", ".checkpoint"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def due(path: Path) -> dict[int, int]:
    """How many candidates of each tick lost, by the commits."""
    with Log.open(path, write=False) as log:
        commits = [log.commit(tick + 1) for tick in range(len(log.commits))]
    found = {}
    for commit in commits:
        ends: Any = commit.state["ends"]
        gone = sum(ends["won"].values()) + sum(ends["vetoed"].values())
        found[commit.tick] = sum(commit.outcomes.values()) - gone - ends["budget"] - ends["empty"]
    return found


def archived(path: Path, found: archive.ReadReport | None = None) -> list[tuple[int, int]]:
    """Ticks of the archive, and how many candidates each holds."""
    with Log.open(path, write=False) as log:
        return [(frame.tick, len(frame.slots)) for frame in archive.read(log, found)]


def others(path: Path) -> list[str]:
    """The endings of files that were moved aside."""
    return sorted(
        p.name.removeprefix(path.name) for p in path.parent.iterdir() if "other" in p.name
    )


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


# The archive.


def test_a_log_made_anew_begins_its_own_archive_and_loses_none_of_the_other(path: Path) -> None:
    begun_anew(path, 5)
    before = Path(f"{path}.archive").read_bytes()
    (note,) = ran(path, 4, seed=7)
    assert "another log of this name" in note
    assert f"moved to {path}.archive.other-1" in note
    assert Path(f"{path}.archive.other-1").read_bytes() == before
    assert archived(path) == list(due(path).items())


def test_the_same_log_made_anew_is_the_same_log(path: Path) -> None:
    """Its chain is: what differs in nothing cannot be told apart, and need not be."""
    begun_anew(path, 5)
    ran(path, 5, archive=0)
    assert archived(path) == list(due(path).items())
    assert ran(path, 1) == []
    assert archived(path) == list(due(path).items())


def test_the_rotated_part_of_another_log_is_moved_aside_too(path: Path) -> None:
    begun_anew(path, 30, archive=20_000)
    before = [file.read_bytes() for file in archive.paths(path)]
    assert all(before)
    (note,) = ran(path, 3, seed=7)
    assert others(path) == [".archive.1.other-1", ".archive.other-1"]
    assert all(name in note for name in others(path))
    assert [Path(f"{file}.other-1").read_bytes() for file in archive.paths(path)] == before
    assert archived(path) == list(due(path).items())


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize("bound", [1 << 20, 20_000])
def test_ticks_that_a_log_lost_are_archived_once(path: Path, seed: int, bound: int) -> None:
    ran(begun(path), 24, archive=bound)
    first = archived(path)[0][0]
    cut_back(path, 20)
    found = archive.ReadReport()
    assert [tick for tick, _ in archived(path, found)] == list(range(first, 21))
    assert found.foreign == 4
    (note,) = ran(path, 4, seed, archive=bound)
    assert "ticks that this one lost" in note
    rows = archived(path)
    assert rows == list(due(path).items())[-len(rows) :]


def test_readers_leave_out_what_is_of_another_log_and_say_so(path: Path) -> None:
    begun_anew(path, 6)
    ran(path, 3, seed=7, archive=0)
    with Log.open(path, write=False) as log:
        assert not list(archive.read(log))
    branch = load_population(path)
    assert branch.note.startswith(f"6 ticks of {path}.archive left out")
    own = path.with_name("own.jsonl")
    ran(begun(own), 3, seed=7, archive=0)
    assert (branch.known == load_population(own).known).all()
    said = invoke("cycle", path)
    assert said.exit_code == 0
    assert "note: 6 ticks" in said.stderr
    said = invoke("memory", "reindex", path, "--json")
    assert json.loads(said.stdout)["archive_ticks"] == 0
    assert "note: 6 ticks" in said.stderr


def test_a_run_that_kept_no_archive_leaves_a_gap_that_the_next_one_names(path: Path) -> None:
    ran(begun(path), 3)
    assert ran(path, 2, archive=0) == []
    (note,) = ran(path, 2)
    assert "ends at tick 3: what lost in ticks 4 to 5" in note
    assert ran(path, 1) == []
    assert dict(archived(path)) == {t: n for t, n in due(path).items() if t not in {4, 5}}


@settings(max_examples=25, deadline=None)
@given(raw=st.binary(min_size=1, max_size=200), magic=st.sampled_from([b"", b"ARC1", b"ARC2"]))
def test_whatever_stands_under_the_archives_name_is_kept(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, magic: bytes
) -> None:
    path = begun(tmp_path_factory.mktemp("any") / "log.jsonl")
    file = Path(f"{path}.archive")
    file.write_bytes(magic + raw)
    with Log.open(path, write=False) as log:
        Archive(log).close()
        assert not list(archive.read(log))
    assert file.read_bytes() == b""
    assert Path(f"{file}.other-1").read_bytes() == magic + raw


def test_a_log_is_the_same_through_a_link(path: Path) -> None:
    ran(begun(path), 3)
    link = path.with_name("link.jsonl")
    link.symlink_to(path)
    assert archived(link) == archived(path)
    assert load_population(link).memory_tick.tolist() == load_population(path).memory_tick.tolist()


# A process that is killed.

_KILLED = """
import os, signal, sys
from pathlib import Path
from automaton.log import file_io
from automaton.log.side_files import archive
from automaton.run import SidecarOptions
from automaton.log.side_files.decision_log import DecisionLog
from automaton.log import Log
from automaton.run import Run

path, where = sys.argv[1], sys.argv[2]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
store, write_all, put = Log._store, archive.write_all, DecisionLog._put

def slow(writer, batch):
    if len(run.log.commits) == 3:  # gives way to the thread that commits, which must wait
        for _ in range(300_000):
            os.sched_yield()
    put(writer, batch)

def stored(log, parts, count):
    if len(log.commits) == 3 and where == "before":
        die()
    done = store(log, parts, count)
    if len(log.commits) == 3 and where == "behind":
        die()
    return done

def written(to, fd, parts):
    if run.log.commits is not None and len(run.log.commits) == 3 and where == "within":
        raw = b"".join(bytes(part) for part in parts)
        write_all(to, fd, [raw[: len(raw) // 2]])
        die()
    return write_all(to, fd, parts)

Log._store, archive.write_all, DecisionLog._put = stored, written, slow
given = {"streams": "all", "max_objects": 400, "parallel": 16}
with Run(path, given, durability="off", keeping=SidecarOptions(decisions=1)) as run:
    run.go(ticks=6, interval_ms=0)
"""


@pytest.mark.parametrize("where", ["before", "within", "behind"])
def test_a_run_that_was_killed_goes_on_with_an_archive_that_lacks_and_doubles_nothing(
    path: Path, where: str
) -> None:
    whole = path.with_name("whole.jsonl")
    ran(begun(whole), 7, decisions=1)
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(begun(path)), where], capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Log.open(path, write=False) as log:
        head = len(log.commits)
    assert head == (4 if where == "behind" else 3)
    with_decisions = Counter(row["tick"] for row in lines_of(path) if row["tick"] <= head)
    assert with_decisions == Counter(row["tick"] for row in lines_of(whole) if row["tick"] <= head)
    assert ran(path, 7 - head, decisions=1) == []
    assert kept(path) == kept(whole) == winners(path)
    assert path.read_bytes() == whole.read_bytes()
    assert Path(f"{path}.archive").read_bytes() == Path(f"{whole}.archive").read_bytes()
    assert archived(path) == list(due(path).items())
    assert others(path) == []


def cut_within(path: Path, tick: int) -> bytes:
    """The log as a crash leaves it before the commit of a tick; the tick's frame."""
    with Log.open(path, write=False) as log:
        end = log.commits.row(tick - 1).end if tick > 1 else len(SHIPPED.read_bytes())
    os.truncate(path, end)
    for suffix in (".durable", ".checkpoint"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    return Path(f"{path}.archive").read_bytes()


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_crash_in_tick_1_leaves_nothing_of_another_log(path: Path, cut: int) -> None:
    ran(begun(path), 1)
    frame = cut_within(path, 1)
    os.truncate(f"{path}.archive", len(frame) - cut)
    assert ran(path, 1) == []
    assert others(path) == []
    assert Path(f"{path}.archive").read_bytes() == frame


@pytest.mark.parametrize("cut", [0, 1, 100])
def test_a_crash_right_after_a_rotation_leaves_nothing_of_another_log(path: Path, cut: int) -> None:
    ran(begun(path), 1, archive=20_000)
    tick = 1
    while tick < 2 or frames_in(path) != 1:
        ran(path, 1, archive=20_000)
        tick += 1
    rows, frame = archived(path), cut_within(path, tick)
    os.truncate(f"{path}.archive", len(frame) - cut)
    assert ran(path, 1, archive=20_000) == []
    assert others(path) == []
    assert archived(path) == rows
    assert Path(f"{path}.archive").read_bytes() == frame


def frames_in(path: Path) -> int:
    """How many frames the file that grows holds."""
    before = Path(f"{path}.archive.1")
    if not before.exists():
        return 0
    hidden = before.rename(f"{path}.hidden")
    count = len(archived(path))
    hidden.rename(before)
    return count


def test_one_frame_alone_of_a_tick_that_is_not_due_is_kept(path: Path) -> None:
    ran(begun(path), 1)
    before = Path(f"{path}.archive").read_bytes()
    path.write_bytes(SHIPPED.read_bytes())
    for suffix in (".genesis", ".durable", ".checkpoint"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    ran(path, 1, seed=7, archive=0)
    (note,) = ran(path, 1, seed=7)
    assert "another log of this name" in note
    assert Path(f"{path}.archive.other-1").read_bytes() == before


# Decisions.


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The decisions beside a log."""
    return [json.loads(line) for line in decision_log.paths(path)[0].read_bytes().splitlines()]


def kept(path: Path) -> list[str]:
    """The ids in the decisions beside a log."""
    return [row["id"] for row in lines_of(path)]


def winners(path: Path) -> list[str]:
    """The ids of modifications that won."""
    rows = map(json.loads, path.read_bytes().splitlines())
    return [row["id"] for row in rows if row.get("type") == "modification"]


def test_decisions_of_another_log_are_moved_aside_and_lose_nothing(path: Path) -> None:
    begun_anew(path, 4, archive=0, decisions=1)
    before = decision_log.paths(path)[0].read_bytes()
    (note,) = ran(path, 3, seed=7, archive=0, decisions=1)
    assert f"moved to {path}.decisions.jsonl.other-1" in note
    assert Path(f"{path}.decisions.jsonl.other-1").read_bytes() == before
    assert kept(path) == winners(path)
    assert {explain(path, identity)["source"] for identity in kept(path)[-3:]} == {"kept"}


def test_decisions_of_ticks_that_a_log_lost_are_not_doubled(path: Path) -> None:
    ran(begun(path), 6, archive=0, decisions=1)
    cut_back(path, 3)
    ran(path, 3, archive=0, decisions=1)
    assert kept(path) == winners(path)
    assert len(set(kept(path))) == len(kept(path))
    assert others(path) == [".decisions.jsonl.other-1"]


def test_a_decision_of_another_log_with_the_same_id_is_computed_again(path: Path) -> None:
    begun_anew(path, 3, archive=0, decisions=1)
    ran(path, 3, seed=7, archive=0)
    for identity in [name for name in winners(path) if name in set(kept(path))][-4:]:
        assert explain(path, identity)["source"] == "computed"


def cycled(path: Path, seed: int = 0) -> list[str]:
    """Run two cycles that keep their decisions; what was said of the file."""
    engine = ParallelEngine(path, engine="serial", seed=seed, decisions=True, sequential=0.0)
    assert engine.run(2).trouble is None
    return engine.notices


def decided(path: Path) -> set[str]:
    """The ids of cycles among the decisions beside a log."""
    return {name for name in kept(path) if name.startswith("cycle:")}


def test_every_tick_that_is_committed_has_its_decisions_in_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the thread takes that writes them: what a kill would leave is whole."""
    put, store, seen = DecisionLog._put, Log._store, []

    def slow(writer: DecisionLog, batch: Any) -> None:
        for _ in range(20_000):  # gives way to the thread that commits, which must wait
            os.sched_yield()
        put(writer, batch)

    def storing(log: Log, *given: Any) -> Any:
        seen.append(max(row["tick"] for row in lines_of(path)) == len(log.commits) + 1)
        return store(log, *given)

    monkeypatch.setattr(DecisionLog, "_put", slow)
    monkeypatch.setattr(Log, "_store", storing)
    ran(begun(path), 4, archive=0, decisions=1)
    assert seen == [True] * 4


def test_cycles_move_the_decisions_of_another_log_aside_before_their_own(path: Path) -> None:
    begun_anew(path, 4, archive=0, decisions=1)
    before = decision_log.paths(path)[0].read_bytes()
    ran(path, 3, seed=7, archive=0)
    (note,) = cycled(path)
    assert f"moved to {path}.decisions.jsonl.other-1" in note
    assert Path(f"{path}.decisions.jsonl.other-1").read_bytes() == before
    assert set(kept(path)) == decided(path) == {"cycle:3.0", "cycle:3.1"}
    assert ran(path, 2, seed=7, archive=0, decisions=1) == []
    assert decided(path) == {"cycle:3.0", "cycle:3.1"}
    assert others(path) == [".decisions.jsonl.other-1"]


def test_the_command_says_what_cycles_moved_aside(path: Path) -> None:
    begun_anew(path, 4, archive=0, decisions=1)
    ran(path, 3, seed=7, archive=0)
    given = ["--count", 2, "--engine", "serial", "--sequential", 0, "--decisions"]
    said = invoke("cycles", path, *given)
    assert said.exit_code == 0, said.output
    assert said.stderr.count(".other-1") == 1
    assert invoke("cycles", path, *given).stderr.count("other") == 0


@settings(max_examples=30, deadline=None)
@given(order=st.lists(st.booleans(), min_size=1, max_size=12))
def test_lines_of_two_logs_in_any_order_are_told_apart(
    tmp_path_factory: pytest.TempPathFactory, order: list[bool]
) -> None:
    """True: of this log. Earlier versions wrote the one behind the other."""
    path = begun(tmp_path_factory.mktemp("mixed") / "log.jsonl")
    with Log.open(path, write=False) as log:
        chains = {True: log.chain_at(0).hex(), False: "0" * 64}
        rows = [
            b'{"id":"cycle:0.%d","tick":0,"chain":"%s"}\n' % (k, chains[own].encode())
            for k, own in enumerate(order)
        ]
        decision_log.paths(path)[0].write_bytes(b"".join(rows))
        writer = DecisionLog(path, log=log)
        writer.close()
    own = [row for row, whose in zip(rows, order, strict=True) if whose]
    assert decision_log.paths(path)[0].read_bytes() == b"".join(own)
    assert len(writer.notices) == (not all(order))
    if not all(order):
        moved = Path(f"{path}.decisions.jsonl.other-1").read_bytes()
        assert moved == b"".join(rows[order.index(False) :])
    for k, row in enumerate(rows):
        assert list(decision_log.find(path, b"cycle:0.%d" % k)) == [row] * order[k]


def test_what_cycles_decided_at_a_tick_that_a_log_lost_is_kept_aside(path: Path) -> None:
    ran(begun(path), 4, archive=0, decisions=1)
    assert cycled(path) == []
    lost = [row for row in lines_of(path) if row["tick"] == 4]
    cut_back(path, 3)
    (note,) = ran(path, 2, archive=0, decisions=1)
    assert f"moved to {path}.decisions.jsonl.other-1" in note
    moved = Path(f"{path}.decisions.jsonl.other-1").read_bytes().splitlines()
    assert [json.loads(line) for line in moved] == lost
    assert kept(path) == winners(path)


def test_a_stage_cannot_say_whose_a_line_of_its_cycle_is(path: Path) -> None:
    said = {"id": "m1.1", "tick": 99, "chain": "none", "more": 1}
    graph = STANDARD.plus(
        Stage("said", lambda _cycle, _of: StageOutput(None, said), needs=("build",))
    )
    ran(begun(path), 2, archive=0)
    engine = ParallelEngine(path, engine="serial", graph=graph, decisions=True, sequential=0.0)
    assert engine.run(1).report.completed == 1
    assert sum("more" in row for row in lines_of(path)) == 1
    assert set(kept(path)) == {"cycle:2.0"}
    assert cycled(path, seed=1) == []


def test_runs_and_cycles_of_one_log_leave_each_others_decisions(path: Path) -> None:
    ran(begun(path), 2, archive=0, decisions=1)
    assert cycled(path) == []
    assert ran(path, 2, archive=0, decisions=1) == []
    assert cycled(path, seed=5) == []
    assert ran(path, 1, archive=0, decisions=1) == []
    assert decided(path) == {"cycle:2.0", "cycle:2.1", "cycle:4.5", "cycle:4.6"}
    assert [name for name in kept(path) if name not in decided(path)] == winners(path)
    assert others(path) == []


# The memory.


def marked(path: Path) -> bool:
    """Whether the memory beside a log is of another."""
    with Log.open(path, write=False) as log:
        return ownership.is_foreign(log)


def test_the_memory_of_another_log_is_not_recalled_and_moved_aside(path: Path) -> None:
    begun_anew(path, 5, archive=0)
    ran(path, 5, archive=0)
    assert invoke("memory", "reindex", path).exit_code == 0
    begun_anew(path, 5, archive=0, seed=7)
    ran(path, 5, archive=0, seed=7)
    for command in (["recall", path, "λx.x"], ["memory", "stats", path]):
        refused = invoke(*command)
        assert refused.exit_code == 4
        assert refused.stderr.count("\n") == 1
        assert "another log of this name" in refused.stderr
    again = invoke("memory", "reindex", path)
    assert f"moved to {folder(path)}.other-1" in again.stderr
    assert Path(f"{folder(path)}.other-1", "shard").is_dir()
    assert invoke("recall", path, "λx.x").exit_code == 0


def test_a_run_feeds_no_memory_of_another_log(path: Path) -> None:
    begun_anew(path, 4, archive=0, memory=1000)
    notes = ran(path, 5, seed=7, archive=0, memory=1000)
    assert [f"moved to {folder(path)}.other-1" in note for note in notes] == [True]
    assert not marked(path)
    assert ran(path, 2, archive=0, memory=1000, seed=7) == []


def test_a_reader_does_not_take_a_log_that_grows_for_another(path: Path) -> None:
    ran(begun(path), 2, archive=0)
    with Log.open(path, write=False) as early:
        ran(path, 2, archive=0)
        with Log.open(path, write=False) as late:
            ownership.mark(late)
        assert not ownership.is_foreign(early)
    cut_back(path, 2)
    assert marked(path)


def remembered_tick(path: Path) -> int:
    """Up to which tick the memory beside a log is known to be of it."""
    mark = watermarks.read(str(path), ownership.SUFFIX)
    assert mark is not None
    return mark.tick


def test_ticks_that_a_log_lost_while_its_memory_was_fed_are_noticed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(1_000_000))  # a second goes by whenever somebody looks
    monkeypatch.setattr(sidecar_writer, "monotonic", lambda: float(next(clock)))
    begun(path)
    with Run(path, OPTIONS, durability="off", keeping=SidecarOptions(0, memory=1000)) as run:
        for _ in range(7):
            run.step()
        run.background.wait()
        assert remembered_tick(path) == 6  # as the seventh was about to be written
    assert remembered_tick(path) == 7  # what was waiting has been acknowledged
    cut_back(path, 6)
    assert marked(path)
    notes = ran(path, 2, archive=0, memory=1000)
    assert [f"moved to {folder(path)}.other-1" in note for note in notes] == [True]


def test_whose_a_memory_is_is_noted_once_a_second_at_most(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecar_writer, "monotonic", lambda: 5.0)  # no time goes by
    begun(path)
    with Run(path, OPTIONS, durability="off", keeping=SidecarOptions(0, memory=1000)) as run:
        for _ in range(9):
            run.step()
        run.background.wait()
        assert remembered_tick(path) == 0
