"""Streams where it is tight: other options, odd ids, full disks, files of another log."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automaton.analysis.explanation import explain
from automaton.errors import DamagedError
from automaton.format.machine_state import MachineState
from automaton.format.stream_options import FIXED_ONE
from automaton.log import AuditedLog, Log, file_io
from automaton.log.side_files import archive, decision_log
from automaton.replay import MalformedLines
from automaton.replay.restore import genesis_world
from automaton.replay.run_options import options_for
from automaton.run import Run, SidecarOptions
from automaton.verify import VerifyRequest, verify
from kernels.chemistry import streams as kernel

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
ENDS = ("won", "archived", "vetoed", "budget", "empty")


def begun(folder: Path, *more: dict[str, Any] | bytes, base: bytes | None = None) -> Path:
    """A log with more objects behind it."""
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in more]
    folder.mkdir(exist_ok=True)
    path = folder / "log.jsonl"
    path.write_bytes((SHIPPED.read_bytes() if base is None else base) + b"\n".join([*lines, b""]))
    return path


def ran(path: Path, ticks: int, keeping: SidecarOptions | None = None, **options: Any) -> list[str]:
    """Run a log; the notes that were said."""
    said: list[str] = []
    options = {"streams": "all", "max_objects": 400, **options}
    with Run(path, options, durability="off", keeping=keeping or SidecarOptions()) as run:
        run.go(ticks=ticks, interval_ms=0, say=said.append)
    return [note for note in said if "bytes a tick" not in note]


def rows(path: Path, kind: str) -> list[dict[str, Any]]:
    """The lines of a type."""
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [row for row in found if row.get("type") == kind]


def read(path: Path) -> list[int]:
    """The ticks of a log's archive."""
    with Log.open(path, write=False) as log:
        return [frame.tick for frame in archive.read(log)]


def holds(path: Path) -> bool:
    """Whether a log verifies."""
    with AuditedLog.open(path) as log:
        return verify(log, VerifyRequest()).ok


# Ids.


def test_a_veto_called_copy_does_not_hide_the_copies(tmp_path: Path) -> None:
    path = begun(tmp_path, {"id": "copy", "type": "veto", "match": "size > 5"})
    ran(path, 4)
    for commit in rows(path, "commit"):
        ends = commit["state"]["ends"]
        numbers = [ends[k] if isinstance(ends[k], int) else sum(ends[k].values()) for k in ENDS]
        assert sum(numbers) == 64 * 5
    assert holds(path)


@pytest.mark.parametrize("identity", ["reason:add", "reason:compose", "areason:mult"])
def test_an_object_may_have_the_id_of_an_operator_of_reason(tmp_path: Path, identity: str) -> None:
    rule = {"id": identity, "type": "rule", "match": "true", "operator": "λa.λb.b a"}
    ends = {"from": "0-identity", "to": "0-identity"}
    path = begun(
        tmp_path, rule, {"id": "t", "type": "transition", "action": "validate-self", **ends}
    )
    ran(path, 12, lock_dimension=0)
    (prefix,) = {row["id"].partition("commit")[0] for row in rows(path, "commit")}
    assert not identity.startswith(f"{prefix}reason")
    assert holds(path)


def test_a_definition_whose_id_is_half_a_character_is_counted_by_its_line(tmp_path: Path) -> None:
    veto = b'{"id":"\\ud800","type":"veto","match":"size > 5"}'
    rule = b'{"id":"\\ud801","type":"rule","pattern":"?x","replacement":"\\u03bbx.?x"}'
    path = begun(tmp_path, veto, rule)
    ran(path, 4)
    (line,) = [n for n, raw in enumerate(path.read_bytes().splitlines(), 1) if raw == veto]
    assert f"line:{line}" in rows(path, "commit")[-1]["state"]["ends"]["vetoed"]
    assert holds(path)


# Options that change, populations that are small.


@pytest.mark.parametrize(
    "changes",
    [
        [{"operator": "λa.λb.a b"}, {"operator": None}, {"streams": "reason"}],
        [{"max_size": 300}, {"max_size": 40}, {"max_size": 256, "max_steps": 50}],
        [{"lock_dimension": 3}, {"lock_dimension": None, "focus_probability": 1 << 31}],
        [{"parallel": 7, "salience": "novelty=1"}, {"copies": True}, {"seed": 9}],
        [{"streams": "none"}, {"streams": "uniform,uniform=0.5"}, {"streams": "none"}],
    ],
)
def test_options_may_change_between_runs(tmp_path: Path, changes: list[dict[str, Any]]) -> None:
    path = begun(tmp_path)
    for change in changes:
        ran(path, 4, **change)
    assert holds(path)


@pytest.mark.parametrize("selector", ["true", "false"])
def test_one_place_and_a_selector_that_matches_nothing_are_enough(
    tmp_path: Path, selector: str
) -> None:
    line = b'{"id":"a","type":"automaton","currentState":"pair","a":"%s"}\n' % selector.encode()
    path = begun(tmp_path, base=line)
    ran(path, 6, max_objects=1)
    assert len(rows(path, "commit")) == 6
    assert holds(path)


def test_vetoes_and_rules_that_come_in_while_it_runs_hold_from_the_next_tick(
    tmp_path: Path,
) -> None:
    ends = {"from": "0-identity", "to": "0-identity"}
    path = begun(tmp_path, {"id": "t", "type": "transition", "action": "self-io", **ends})
    ran(path, 2, lock_dimension=0)
    inbox = Path(f"{path}.inbox")
    more: list[dict[str, str]] = [
        {"id": "v", "type": "veto", "match": "size > 3"},
        {"id": "w", "type": "rule", "pattern": "?x", "replacement": "λz.?x"},
    ]
    inbox.write_text("".join(json.dumps(line) + "\n" for line in more))
    ran(path, 3)
    inbox.write_text(inbox.read_text() + '{"id":"v","type":"note"}\n')
    ran(path, 3)
    vetoed = ["v" in row["state"]["ends"]["vetoed"] for row in rows(path, "commit")]
    assert vetoed == [False] * 3 + [True] * 3 + [False] * 2
    assert holds(path)


# What is kept beside the log.


def test_a_decision_that_was_kept_has_the_weights_of_its_round(tmp_path: Path) -> None:
    path = begun(tmp_path)
    ran(path, 14, SidecarOptions(archive=0, decisions=1))
    acted = [row["state"]["counters"]["actions"]["self-train"] for row in rows(path, "commit")]
    trained = int(np.flatnonzero(np.diff(acted))[0]) + 2
    kept = [json.loads(line) for line in decision_log.paths(path)[0].read_bytes().splitlines()]
    kept = [row for row in kept if row["tick"] == trained][:3]
    for file in decision_log.paths(path):
        file.unlink()
    for row in kept:
        computed = explain(path, row["id"])
        assert len(row.pop("chain")) == 64
        assert {name: computed[name] for name in row} == row


def test_decisions_of_another_log_of_the_name_are_not_believed(tmp_path: Path) -> None:
    path = begun(tmp_path)
    ran(path, 3, SidecarOptions(decisions=1))
    for file in tmp_path.iterdir():
        if "decisions" not in file.name:
            file.unlink()
    begun(tmp_path)
    ran(path, 3, SidecarOptions(decisions=0), seed=7)
    with decision_log.paths(path)[0].open("ab") as torn:
        torn.write(b'{"id":"m1.1",\n')
    for row in rows(path, "modification")[:40]:
        found = explain(path, row["id"])
        assert (found["stream"], found["salience"]) == (row["stream"], row["salience"])


@pytest.mark.parametrize("name", ["archive", "decisions"])
def test_a_full_disk_beside_the_log_is_said_once_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    whole = begun(tmp_path / "whole")
    assert ran(whole, 8, SidecarOptions(decisions=1)) == []
    path, write_all = begun(tmp_path / "full"), file_io.write_all
    files = archive.paths(path) if name == "archive" else decision_log.paths(path)
    room = files[0].with_name(f"{Path(whole).name}.none")

    def full(where: file_io.FileOps, fd: int, parts: Any) -> int:
        if room.exists() and any(map(len, parts)):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_all(where, fd, parts)

    module = {"archive": archive, "decisions": decision_log}[name]
    monkeypatch.setattr(module, "write_all", full)
    assert ran(path, 3, SidecarOptions(decisions=1)) == []
    before = files[0].read_bytes()
    room.touch()
    (note,) = ran(path, 3, SidecarOptions(decisions=1))
    assert "No space left on device" in note
    assert f"this run keeps no more {name}" in note
    assert files[0].read_bytes() == before
    room.unlink()
    notes = ran(path, 2, SidecarOptions(decisions=1))
    assert ["ends at tick 3" in note for note in notes] == [True] * (name == "archive")
    assert path.read_bytes() == whole.read_bytes()
    kept = read(path)
    assert kept == ([1, 2, 3, 7, 8] if name == "archive" else list(range(1, 9)))


def test_ticks_that_do_not_fit_into_the_archive_are_said_and_not_kept(tmp_path: Path) -> None:
    (note,) = ran(begun(tmp_path), 4, SidecarOptions(archive=10))
    assert "such ticks are not archived" in note
    assert "more than half of --archive" in note
    assert not read(tmp_path / "log.jsonl")
    assert sum(file.stat().st_size for file in archive.paths(tmp_path / "log.jsonl")[:1]) == 0


def test_an_archive_that_cannot_be_rotated_is_said_once(tmp_path: Path) -> None:
    path = begun(tmp_path)
    archive.paths(path)[1].mkdir()
    (note,) = ran(path, 9, SidecarOptions(archive=60_000))
    assert "Is a directory" in note
    assert holds(path)


# Logs that lie.


@pytest.mark.parametrize(
    "weights", [[], [FIXED_ONE], [FIXED_ONE // 5] * 6, [1 << 40] * 5, [-1] * 5, ["x"] * 5]
)
def test_a_commit_with_other_weights_than_streams_is_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: list[Any]
) -> None:
    path, record = begun(tmp_path), MachineState.record
    with monkeypatch.context() as patched:
        patched.setattr(MachineState, "record", lambda state: {**record(state), "weights": weights})
        ran(path, 2)
    with pytest.raises(DamagedError, match="weights"):
        ran(path, 1)


# Numbers.


def test_the_greatest_options_overflow_nothing(tmp_path: Path) -> None:
    streams = ",".join(["reason=16"] + ["uniform=0.0001"] * 63)
    mixture = ",".join(f"{name}=16" for name in kernel_features())
    path = begun(tmp_path)
    ran(path, 2, streams=streams, salience=mixture, max_steps=1 << 20, parallel=4)
    assert all(0 <= row["salience"] < 1 << 31 for row in rows(path, "modification"))
    assert max(row["salience"] for row in rows(path, "modification")) > 1 << 22
    assert holds(path)
    with Log.open(path, write=False) as log:
        world = genesis_world(log, options_for(log, {}), MalformedLines())
    assert sum(world.state.weights) * 64 < 1 << 31


def kernel_features() -> list[str]:
    """The features by name, in the kernels' order."""
    names = ["relevance", "importance", "novelty", "connection", "arousal"]
    assert len(names) == kernel.FEATURES
    return names
