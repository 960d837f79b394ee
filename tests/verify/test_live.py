"""Verification keeps pace with a run, finds one that lies, and says what it has not looked at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from small import TERMS, automaton, commits_in, encoded, ran, rich, transition, written

from automaton.backends import CpuBackend
from automaton.backends.batch import BatchJob, CandidateBatch, LineBuffer, WinnerTemplate
from automaton.cli import command_line
from automaton.compute.reduction import OUTCOMES
from automaton.errors import MismatchError, UsageError, WorkerError
from automaton.log import AuditedLog, Log
from automaton.run import Run
from automaton.run.stats import Stats, verified_line
from automaton.terms import encodings
from automaton.verify import VerifyRequest, live, live_worker, verify
from automaton.verify.live import ONE, LiveOptions, LiveVerification, share_of
from automaton.workers.spawn import Channel

NORMAL = OUTCOMES.index("normal")
SMALL = [automaton("a", 0, term="λx.x"), transition("t", "a", "a", "self-observe"), *TERMS]
Change = Callable[[Path], None]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that never ran, with a machine that does everything."""
    return written(tmp_path / "log.jsonl", rich())


def paced(path: Path, ticks: int, mode: str = "inline", **more: Any) -> Stats:
    """So many ticks, verified while they are made."""
    pacing = LiveOptions.of(mode, more.pop("max_lag", None), more.pop("seed", None))
    with Run(path, more, durability="off", pacing=pacing) as run:
        return run.go(ticks=ticks, interval_ms=0)


def children_of(pid: int, said: IO[bytes]) -> list[int]:
    """The processes that a run has started, once it says something."""
    said.readline()
    return [child.pid for child in psutil.Process(pid).children()]


# -- true runs -----------------------------------------------------------------


def test_a_bounded_run_ends_when_all_of_it_is_verified(log: Path) -> None:
    found = paced(log, 30, parallel=16).verify
    assert (found["tick"], found["lag"], found["commits"]) == (30, 0, 30)
    assert found["coverage"] == 1.0
    assert found["not_verified"] == "nothing"


@pytest.mark.parametrize("mode", ["inline", "sample=0.3"])
def test_no_byte_depends_on_verification(log: Path, tmp_path: Path, mode: str) -> None:
    alone = written(tmp_path / "alone.jsonl", rich())
    ran(alone, 12, parallel=16)
    paced(log, 12, mode, parallel=16, max_lag=2)
    assert log.read_bytes() == alone.read_bytes()


def test_of_a_sample_every_chain_is_checked_and_the_drawn_ticks_are_computed(log: Path) -> None:
    found = paced(log, 30, "sample=0.4", parallel=8, seed=7).verify
    drawn = sum(live_worker.drawn(7, tick, share_of("sample=0.4")) for tick in range(1, 31))
    assert 0 < drawn < 30
    assert (found["tick"], found["commits"], found["seed"]) == (30, drawn, 7)
    assert found["coverage"] == pytest.approx(drawn / 30, abs=1e-6)
    assert f"{30 - drawn} ticks that were not drawn" in found["not_verified"]


def test_ticks_of_earlier_runs_are_said_not_to_be_computed_again(log: Path) -> None:
    ran(log, 10, parallel=8)
    log.with_name(f"{log.name}.inbox").write_bytes(b'{"id":"n1","type":"text","term":"\\\\x.x"}\n')
    found = paced(log, 10, seed=None).verify
    assert (found["tick"], found["commits"], found["coverage"]) == (20, 10, 0.5)
    assert "ticks 1 to 10, of earlier runs" in found["not_verified"]


def test_a_run_is_never_further_ahead_than_it_may_be(log: Path) -> None:
    ahead = []
    with Run(log, {"parallel": 8}, durability="off", pacing=LiveOptions.of("inline", 2)) as run:
        step = run.step

        def watched(given: Sequence[bytes] = ()) -> None:
            step(given)
            ahead.append(run.tick - run.pace.tick)

        run.step = watched  # type: ignore[method-assign]
        run.go(ticks=20, interval_ms=0)
    assert len(ahead) == 20
    assert max(ahead) <= 2


def test_a_run_that_is_stopped_says_how_far_it_got(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        LiveVerification, "written", lambda *_: None
    )  # the verifier hears of nothing
    with Run(log, {"parallel": 8}, durability="off", pacing=LiveOptions.of("inline")) as run:
        run.step()
        run.stop()
        found = run.go(interval_ms=0).verify
    assert (found["tick"], found["lag"], found["coverage"]) == (0, 1, 0.0)
    assert found["not_verified"] == "tick 1 (not looked at)"


def test_without_verification_the_statistics_say_so(log: Path) -> None:
    found = ran(log, 3, parallel=4)
    assert found.verify["not_verified"] == "all of it (--verify off)"
    assert verified_line(found.verify, 3) == "nothing (--verify off)"


def test_the_time_limit_holds_while_a_run_waits(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveVerification, "written", lambda *_: None)
    monkeypatch.setattr(LiveVerification, "finish", lambda *_: True)  # which has no limit
    with Run(log, {"parallel": 8}, durability="off", pacing=LiveOptions.of("inline", 1)) as run:
        found = run.go(seconds=0.05, interval_ms=0)
    assert found.ticks == 1


@pytest.mark.parametrize(("earlier", "lag"), [(1, 1), (3, 3), (3, 1), (7, 2), (2, 5)])
def test_a_bounded_lag_never_stops_a_log_that_has_ticks_already(
    log: Path, earlier: int, lag: int
) -> None:
    ran(log, earlier, parallel=4)
    for mode in ("inline", "sample=0.5"):
        found = paced(log, 2, mode, max_lag=lag).verify
        assert found["lag"] == 0
        assert found["waiting"] == ""
    assert len(commits_in(log)) == earlier + 4


def test_statistics_are_shown_while_a_run_waits_and_say_why(log: Path) -> None:
    ran(log, 3, parallel=4)
    seen: list[Stats] = []
    with Run(log, {}, durability="off", pacing=LiveOptions.of("inline", 1)) as run:
        assert run.pace.process is not None
        os.kill(run.pace.process, signal.SIGSTOP)

        def show(stats: Stats) -> None:
            seen.append(stats)
            if len(seen) == 2:
                run.stop()

        final = run.go(interval_ms=0, stats_every=0.01, show=show)
    assert final.ticks == 0
    assert "3 ticks are written and not verified: --max-lag 1" in seen[0].verify["waiting"]
    assert "waiting: 3 ticks" in verified_line(seen[0].verify, 3)


@pytest.mark.parametrize("max_lag", [1, None])
def test_a_verifier_that_stays_silent_ends_the_wait(
    log: Path, monkeypatch: pytest.MonkeyPatch, max_lag: int | None
) -> None:
    monkeypatch.setattr(live, "SILENT_S", 0.3)
    monkeypatch.setattr(live, "SILENT_TICKS", 0)
    ran(log, 2, parallel=4)
    with Run(log, {}, durability="off", pacing=LiveOptions.of("inline", max_lag)) as run:
        assert run.pace.process is not None
        os.kill(run.pace.process, signal.SIGSTOP)
        with pytest.raises(WorkerError, match=r"nothing was heard of it for 0\.3 s"):
            run.go(ticks=1, interval_ms=0)


def test_sigterm_ends_a_run_that_waits_for_its_verifier(log: Path) -> None:
    ran(log, 3, parallel=4)
    command = [
        sys.executable, "-m", "automaton", "run", str(log), "--interval", "0", "--json",
        "--verify", "inline", "--max-lag", "1", "--stats-interval", "0.05",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        (verifying,) = children_of(process.pid, process.stdout)
        os.kill(verifying, signal.SIGSTOP)
        line = next(line for line in process.stdout if json.loads(line)["verify"]["waiting"])
        process.send_signal(signal.SIGTERM)
        last = process.stdout.readlines()[-1]
    assert "--max-lag 1" in json.loads(line)["verify"]["waiting"]
    assert json.loads(last)["final"]
    assert process.returncode == 0


# -- runs that lie ---------------------------------------------------------------


def other_term(batch: CandidateBatch) -> None:
    slot = np.flatnonzero((batch.outcomes == NORMAL) & (batch.sizes > 2))[0]
    batch.sizes[slot] = 2
    batch.word_span(int(slot))[:] = encodings.IDENTITY


def other_winner(batch: CandidateBatch) -> None:
    batch.outcomes[np.flatnonzero(batch.outcomes == NORMAL)[-1]] = OUTCOMES.index("steps")


def other_reactant(batch: CandidateBatch) -> None:
    slot = np.flatnonzero(batch.outcomes == NORMAL)[0]
    batch.places_a[slot] = (batch.places_a[slot] + 1) % len(TERMS)


@pytest.mark.parametrize(
    ("lie", "max_lag"),
    [(other_term, None), (other_term, 1), (other_winner, 1), (other_reactant, 2)],
)
def test_a_run_that_lies_once_is_stopped_and_the_evidence_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: Callable[[CandidateBatch], None],
    max_lag: int | None,
) -> None:  # fmt: skip
    path = written(tmp_path / "log.jsonl", SMALL)
    react = CpuBackend.react

    def lying(self: CpuBackend, job: BatchJob, batch: CandidateBatch) -> None:
        react(self, job, batch)
        if job.tick == 3:
            lie(batch)

    monkeypatch.setattr(CpuBackend, "react", lying)
    with pytest.raises(MismatchError, match="of tick 3, line") as caught:
        paced(path, 6, parallel=8, max_lag=max_lag)
    said = str(caught.value)
    assert "verified to tick 2" in said
    assert "nothing was cut off" in said
    assert 3 <= len(commits_in(path)) <= (2 + max_lag if max_lag else 6)
    monkeypatch.undo()
    with AuditedLog.open(path) as opened:
        bad = verify(opened, VerifyRequest(workers=1)).first_bad
    assert bad is not None
    assert f"{bad.kind} of tick 3, line {bad.line}, byte {bad.offset}: expected" in said


def test_a_writer_that_writes_other_lines_than_it_computed_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    write = CpuBackend.write

    def lying(
        self: CpuBackend,
        job: BatchJob,
        batch: CandidateBatch,
        texts: WinnerTemplate,
        buffer: LineBuffer,
    ) -> None:
        write(self, job, batch, texts, buffer)
        if job.tick == 2:
            first = bytes(buffer.parts[0])
            at = first.index(b'"beta":') + 7
            buffer.parts[0][at : at + 1] = b"8" if first[at : at + 1] != b"8" else b"9"

    monkeypatch.setattr(CpuBackend, "write", lying)
    with pytest.raises(MismatchError, match="winner of tick 2, line"):
        paced(path, 4, parallel=8)


def flipped(path: Path) -> None:
    """A bit of a batch that is already written."""
    data = bytearray(path.read_bytes())
    at = data.rindex(b'"beta":') + 7
    data[at] ^= 1
    with path.open("r+b") as file:
        file.write(data)


def cut(path: Path) -> None:
    """A byte of the last commit is gone."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)


def edited(path: Path) -> None:
    """Something in the genesis."""
    with path.open("r+b") as file:
        file.write(b'{"id":"b"')


@pytest.mark.parametrize("change", [flipped, cut, edited])
def test_the_file_is_read_and_not_the_memory_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    append = Log.append

    def changing(self: Log, *batch: Any) -> Any:
        commit = append(self, *batch)
        change(path)
        return commit

    monkeypatch.setattr(Log, "append", changing)
    with (
        pytest.raises(MismatchError, match="NOT TRUE"),
        Run(path, {"parallel": 8}, durability="off", pacing=LiveOptions.of("inline")) as run,
    ):
        run.go(ticks=1, interval_ms=0)


def test_a_lie_outside_the_sample_shows_in_the_population(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    append = Log.append

    def lying(self: Log, parts: Any, lines: int, fields: Any, *more: Any) -> Any:
        return append(self, parts, lines, replace(fields, population=fields.population ^ 1), *more)

    monkeypatch.setattr(Log, "append", lying)
    with pytest.raises(MismatchError, match="of tick 1, line"):
        paced(path, 3, "sample=0.000001", parallel=8, seed=1)


# -- verifiers that fail -----------------------------------------------------------


def test_a_verifier_that_is_killed_stops_the_run(log: Path) -> None:
    with Run(log, {"parallel": 8}, durability="off", pacing=LiveOptions.of("inline")) as run:
        assert run.pace.process is not None
        os.kill(run.pace.process, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"killed by SIGKILL.*--verify off"):
            run.go(ticks=3, interval_ms=0)


def serving(asked: dict[str, Any]) -> tuple[Channel, threading.Thread]:
    """A verifier on a thread of this process, and the parent's end of its channel."""
    ours, theirs = Channel.pair()

    def serve() -> None:
        with Channel(theirs) as channel:
            live_worker.handle(channel)

    thread = threading.Thread(target=serve)
    thread.start()
    ours.send(json.dumps(asked).encode())
    assert json.loads(ours.receive()) == {"idle": True}
    return ours, thread


def test_a_verifier_that_errs_says_so(tmp_path: Path) -> None:
    ours, thread = serving({"first": 1, "seed": 0, "share": ONE})
    with ours:
        ours.send(b"100 " + os.fsencode(tmp_path / "none.jsonl"))
        assert "FileError" in json.loads(ours.receive())["failed"]
    thread.join()


def test_a_verifier_says_how_far_it_came_and_when_it_is_idle(log: Path) -> None:
    ran(log, 5, parallel=8)
    end = log.stat().st_size
    ran(log, 5)
    ours, thread = serving({"first": 1, "seed": 0, "share": ONE})
    with ours:
        for upto in (end, log.stat().st_size):
            ours.send(b"%d %s" % (upto, os.fsencode(log)))
            said: dict[str, Any] = {}
            while "idle" not in said:
                said |= json.loads(ours.receive())
                assert not {"fault", "failed"} & said.keys()
        assert (said["tick"], said["computed"]) == (10, 10)
    thread.join()


def test_a_pace_that_verifies_nothing_waits_for_nothing() -> None:
    pace = LiveVerification()
    pace.hold(5, threading.Event())
    pace.finish(5, threading.Event())
    assert pace.report(5).not_verified == "all of it (--verify off)"
    pace.close()


# -- what is asked ------------------------------------------------------------------


def test_shares_are_kept_as_32_bit_integers() -> None:
    assert share_of("off") == 0
    assert share_of("inline") == share_of("sample=1") == ONE
    assert share_of("sample=0.25") == share_of("sample=.25") == ONE // 4


@pytest.mark.parametrize(
    "mode", ["", "on", "sample", "sample=", "sample=0", "sample=1.1", "sample=-1", "sample=nan"]
)
def test_what_is_no_share_is_refused(mode: str) -> None:
    with pytest.raises(UsageError, match="neither off nor inline nor sample=P"):
        share_of(mode)


def invoke(*arguments: object) -> Any:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def test_a_lag_without_verification_is_refused(log: Path) -> None:
    before = log.read_bytes()
    result = invoke("run", log, "--ticks", 1, "--max-lag", 3)
    assert result.exit_code == 2
    assert "--max-lag" in result.stderr
    assert log.read_bytes() == before


def test_the_command_prints_the_seed_of_its_sample_and_how_far_it_is_verified(log: Path) -> None:
    result = invoke("run", log, "--ticks", 4, "--interval", 0, "--verify", "sample=0.5")
    assert result.exit_code == 0, result.stderr
    assert "ticks are drawn by seed" in result.stderr
    assert "to tick 4 of 4" in result.stdout


def test_a_mismatch_ends_the_command_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(SMALL))
    react = CpuBackend.react

    def lying(self: CpuBackend, job: BatchJob, batch: CandidateBatch) -> None:
        react(self, job, batch)
        if job.tick == 1:
            other_winner(batch)

    monkeypatch.setattr(CpuBackend, "react", lying)
    result = invoke("run", path, "--ticks", 2, "--interval", 0, "--verify", "inline")
    assert result.exit_code == 1
    assert result.stderr.count("NOT TRUE: ") == 1
    for word in ("tick 1", "line", "byte", "expected", "found"):
        assert word in result.stderr
