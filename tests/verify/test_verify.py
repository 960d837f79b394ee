"""A log is what it says, or `verify` names the first place where it is not."""

from __future__ import annotations

import gc
import json
import shutil
import signal
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from small import (
    IDENTITY,
    TERMS,
    automaton,
    commits_in,
    encoded,
    objects_in,
    ran,
    rich,
    transition,
    written,
)
from tampering import first_change, tampered

from automaton.backends import CpuBackend
from automaton.backends.batch import BatchJob, CandidateBatch, LineBuffer, WinnerTemplate
from automaton.cli import command_line
from automaton.digests.batch_digest import batch_digest
from automaton.format.json_edit import replace_member
from automaton.format.records import commit_line, parse_commit
from automaton.log import AuditedLog, Log
from automaton.population import Population
from automaton.verify import Verdict, VerifyRequest, ranges, verify
from automaton.workers import spawn

SMALL = [automaton("a", 0, term="λx.x"), transition("t", "a", "a", "self-observe"), *TERMS]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a machine that does everything, made by three runs with different options."""
    path = tmp_path_factory.mktemp("made") / "rich.jsonl"
    genesis = encoded(rich()).rstrip(b"\n")  # so that a separator stands behind it
    path.write_bytes(genesis)
    ran(path, 12, parallel=24, max_objects=50)
    inbox = b'{"id":"n1","type":"text","term":"\xce\xbbx.x"}\n{"id":"m1.1"}\nbad\n'
    path.with_name(f"{path.name}.inbox").write_bytes(inbox)
    ran(path, 12, seed=5)
    ran(path, 8, parallel=9)
    return path


@pytest.fixture
def log(made: Path, tmp_path: Path) -> Path:
    """A copy of that log with its pin."""
    for name in (made.name, f"{made.name}.genesis"):
        shutil.copy(made.with_name(name), tmp_path / name)
    return tmp_path / made.name


def verdict(path: Path, **asked: Any) -> Verdict:
    """What is found when this is asked."""
    with AuditedLog.open(path) as opened:
        return verify(opened, VerifyRequest(**{"workers": 1, **asked}))


def answer(found: Verdict) -> dict[str, Any]:
    """What a verdict says to programs, but how long it took."""
    said = found.as_json()
    return {name: said[name] for name in said if name != "seconds" and "per_s" not in name}


def head_of(path: Path) -> bytes:
    """The chain at a log's end."""
    return bytes.fromhex(commits_in(path)[-1]["chain"])


def invoke(*arguments: object) -> Result:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


# -- true logs ---------------------------------------------------------------


def test_every_commit_of_a_machine_that_does_everything_is_computed_again(log: Path) -> None:
    state = commits_in(log)[-1]["state"]["counters"]
    assert all(state["actions"].values())
    assert state["accepted"]
    assert objects_in(log, "fact")
    found = verdict(log)
    assert found.first_bad is None
    assert found.ok
    assert found.exit_code == 0
    assert found.replayed == found.commits == 32
    assert found.modifications == state["modifications"]


def test_the_textbook_reducer_agrees_with_every_recorded_reaction(log: Path) -> None:
    assert verdict(log, replay="sample", sample=6, seed=1, reference=True).ok


def test_the_number_of_threads_changes_no_answer(log: Path) -> None:
    with AuditedLog.open(log) as opened:
        answers = [verify(opened, VerifyRequest(workers=n)) for n in (1, 3)]
    assert [(a.ok, a.replayed, a.head) for a in answers[:1]] == [
        (a.ok, a.replayed, a.head) for a in answers[1:]
    ]


def test_what_fails_to_read_the_file_is_said_and_no_verdict_given(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("the disk does not answer")

    monkeypatch.setattr(AuditedLog, "check", broken)
    for workers in (1, 2):
        with pytest.raises(OSError, match="the disk does not answer"):
            verdict(log, workers=workers)


def test_an_inbox_read_twice_in_a_tick_is_divided_as_it_was(tmp_path: Path) -> None:
    loops = [
        transition("t1", "a", "a", "self-io"),
        transition("t2", "a", "a", "self-reference"),
        transition("t3", "a", "a", "self-io"),
    ]
    machine = automaton("a", 0, term="λx.x", selfReference={"line": 99})
    path = written(tmp_path / "log.jsonl", [machine, *loops, *TERMS])
    line = b'{"id":"n","type":"text","term":"\xce\xbbx.x"}\n'
    path.with_name("log.jsonl.inbox").write_bytes(line)
    ran(path, 3, parallel=4)
    assert commits_in(path)[-1]["state"]["counters"]["accepted"] == 1
    assert verdict(path).ok


def test_an_inbox_read_many_times_in_a_tick_is_divided_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four calls, and between them actions that make new versions of what came in."""
    inboxes = [[b"a1"], [b"b1", b"a2"], [], [b"b2", b"a3", b"b3"]]

    def some_lines(_log: Log, offset: int) -> tuple[list[bytes], int]:
        names = inboxes[offset % len(inboxes)]
        return [version(name, offset) for name in names], offset + 1

    def version(name: bytes, offset: int) -> bytes:
        identity, level = name[:1], 0 if name.startswith(b"a") else 1
        return (
            b'{"id":"%s","type":"automaton","dimensionalLevel":%d,"term":"\xce\xbbx.x",'
            b'"selfReference":{"line":999},"version":"%s of %d"}\n'
        ) % (identity, level, name, offset)

    monkeypatch.setattr(Log, "inbox_lines", some_lines)
    ways = [
        transition("t1", "a", "a", "self-io"),
        transition("t2", "a", "a", "self-io"),
        transition("t3", "a", "b", "self-modify", "false"),
        transition("t4", "a", "a", "self-reference", "observation"),
        transition("t5", "a", "a", "self-io"),
        transition("t6", "a", "b", "self-modify", "observation"),
        transition("t7", "b", "b", "self-io"),
        transition("t8", "b", "b", "self-io"),
        transition("t9", "b", "b", "self-reference"),
        transition("u1", "b", "a", "self-modify"),
    ]
    machines = [
        automaton(name, level, term=IDENTITY, selfReference={"line": 999})
        for level, name in enumerate("ab")
    ]
    path = written(tmp_path / "log.jsonl", [*machines, *ways, *TERMS])
    ran(path, 60, parallel=8)
    actions = commits_in(path)[-1]["state"]["counters"]["actions"]
    assert actions["self-io"] > 120
    assert min(actions["self-reference"], actions["self-modify"]) > 10
    found = verdict(path)
    assert found.ok, found.first_bad
    assert found.replayed == 60


def test_a_log_without_a_pin_is_checked_from_its_own_first_run_record(log: Path) -> None:
    log.with_name(f"{log.name}.genesis").unlink()
    assert verdict(log).ok


def test_the_memory_that_verifying_takes_does_not_grow_with_the_log(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    ran(path, 240, parallel=128, max_objects=200)
    with AuditedLog.open(path) as opened:
        verify(opened, VerifyRequest(workers=1, last=240))  # pages of code and caches are there
        peaks = [_peak(opened, last) for last in (60, 240)]
    assert peaks[1] < 1.25 * peaks[0]
    assert path.stat().st_size > 2 * peaks[1]


def _peak(log: AuditedLog, last: int) -> int:
    """The most memory, in bytes, that was held while so many ticks were computed again."""
    tracemalloc.start()
    try:
        assert verify(log, VerifyRequest(workers=1, last=last)).ok
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_verifying_leaves_nothing_to_the_collector_of_garbage(log: Path) -> None:
    with AuditedLog.open(log) as opened:
        assert verify(opened, VerifyRequest(workers=1)).ok  # caches are there
        gc.collect()
        gc.disable()
        try:
            assert verify(opened, VerifyRequest(workers=1)).replayed == 32
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_several_processes_answer_as_one_does(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = verdict(log)
    monkeypatch.setattr(ranges, "LEAST_S", 0.0)
    with AuditedLog.open(log) as opened:
        together = verify(opened, VerifyRequest(workers=3))
    assert (together.ok, together.replayed) == (True, 32)
    assert together.modifications == alone.modifications


@pytest.mark.parametrize("tick", [3, 14, 30])
def test_several_processes_name_the_fault_that_one_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tick: int
) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    ran(path, 32, parallel=4)
    rechained(path, tick, other_steps)
    alone = verdict(path)
    assert alone.first_bad is not None
    monkeypatch.setattr(ranges, "LEAST_S", 0.0)
    with AuditedLog.open(path) as opened:
        together = verify(opened, VerifyRequest(workers=2))
    assert together.first_bad == alone.first_bad
    assert together.first_bad.tick == tick
    assert together.replayed == alone.replayed


def test_a_process_that_dies_leaves_its_range_to_its_parent(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stillborn(module: str) -> Any:
        child = started(module)
        child.process.kill()
        return child

    started = spawn.ChildProcess.start
    monkeypatch.setattr(ranges, "LEAST_S", 0.0)
    monkeypatch.setattr(spawn.ChildProcess, "start", stillborn)
    with AuditedLog.open(log) as opened:
        assert verify(opened, VerifyRequest(workers=2)).replayed == 32


def test_a_process_that_stands_still_is_not_waited_for_without_end(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(module: str, nice: int = 0) -> Any:
        child = started(module, nice)
        child.process.send_signal(signal.SIGSTOP)
        return child

    started = spawn.ChildProcess.start
    monkeypatch.setattr(ranges, "LEAST_S", 0.0)
    monkeypatch.setattr(ranges, "SILENT_S", 0.2)
    monkeypatch.setattr(ranges, "SILENT_RANGES", 0)
    monkeypatch.setattr(spawn.ChildProcess, "start", stopped)
    with AuditedLog.open(log) as opened:
        assert verify(opened, VerifyRequest(workers=2)).replayed == 32


def test_nothing_is_written_by_looking(log: Path) -> None:
    before = {path: path.read_bytes() for path in log.parent.iterdir()}
    assert invoke("verify", log, "--json").exit_code == 0
    assert {path: path.read_bytes() for path in log.parent.iterdir()} == before


def test_a_file_without_commits_claims_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    assert verdict(path).ok
    assert "nothing is claimed" in invoke("verify", path).stdout
    assert verdict(path, head=bytes(32)).exit_code == 1


# -- what is asked -----------------------------------------------------------


def test_a_sample_is_drawn_by_its_seed_without_repeating(log: Path) -> None:
    found = verdict(log, replay="sample", sample=10, seed=4)
    assert found.replayed == 10
    facts = found.as_json()
    assert facts["seed"] == 4
    assert facts["at_most_false"] == pytest.approx(0.3)
    assert verdict(log, replay="sample", sample=1000, seed=4).replayed == 32


def test_ticks_are_computed_again_from_one_to_another(log: Path) -> None:
    assert verdict(log, first=5, last=9).replayed == 5
    assert verdict(log, replay="none").replayed == 0


def test_what_was_not_computed_is_said(log: Path) -> None:
    said = invoke("verify", log, "--replay", "sample=2", "--seed", "1").stdout
    assert "not computed again: 30 commits" in said
    assert "--seed 1" in said


def test_an_earlier_head_is_found_with_what_came_after_it(log: Path) -> None:
    found = verdict(log, replay="none", head=bytes.fromhex(commits_in(log)[4]["chain"]))
    assert found.ok
    assert found.head_tick == 5


def test_a_resumed_verification_goes_on_after_what_it_noted(log: Path) -> None:
    assert verdict(log, resume=True, last=10).replayed == 10
    found = verdict(log, resume=True)
    assert (found.resumed, found.replayed) == (10, 22)
    assert verdict(log).replayed == 32


def test_a_note_that_another_user_wrote_is_named_and_resumes_nothing(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("AUTOMATON_CACHE", str(tmp_path / "another home"))
        assert verdict(log, resume=True).replayed == 32
        assert verdict(log, resume=True).resumed == 32
    note = log.with_name(f"{log.name}.verified")
    unsealed = note.read_bytes().partition(b',"seal"')[0] + b"}\n"
    for theirs in (note.read_bytes(), unsealed):
        note.write_bytes(theirs)
        assert json.loads(invoke("stats", log, "--json").stdout)["verified"] is None
        result = invoke("verify", log, "--resume", "--json")
        assert json.loads(result.stdout)["replayed"] == 32
        assert "rich.jsonl.verified was not written by this user" in result.stderr
    result = invoke("verify", log, "--resume", "--json")  # by now it is our own
    assert json.loads(result.stdout)["resumed"] == 32
    assert result.stderr == ""


def test_a_log_may_be_moved_with_its_own_note(log: Path, tmp_path: Path) -> None:
    assert verdict(log, resume=True, last=10).replayed == 10
    there = tmp_path / "there.jsonl"
    there.write_bytes(log.read_bytes())
    note = log.with_name(f"{log.name}.verified")
    there.with_name("there.jsonl.verified").write_bytes(note.read_bytes())
    assert verdict(there, resume=True).resumed == 10


def test_without_a_place_for_a_key_no_note_is_believed_by_another_process(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOMATON_CACHE", "/dev/null")
    assert verdict(log, resume=True).replayed == 32
    monkeypatch.undo()
    assert verdict(log, resume=True).replayed == 32


def test_a_note_of_another_log_resumes_nothing(log: Path) -> None:
    note = b'{"tick":10,"chain":"%s"}\n' % (b"0" * 64)
    log.with_name(f"{log.name}.verified").write_bytes(note)
    assert verdict(log, resume=True).replayed == 32


def test_the_json_answer_has_the_members_of_the_contract(log: Path) -> None:
    answer = json.loads(invoke("verify", log, "--json", "--head", head_of(log).hex()).stdout)
    contract = "ok commits replayed bytes seconds modifications_per_s first_bad tail_bytes"
    assert set(contract.split()) <= set(answer)
    assert answer["ok"] is True
    assert answer["first_bad"] is None
    assert answer["bytes"] == log.stat().st_size
    log.write_bytes(log.read_bytes().replace(b'"beta":1', b'"beta":2', 1))
    result = invoke("verify", log, "--json")
    assert result.exit_code == 1
    bad = json.loads(result.stdout)["first_bad"]
    assert set(bad) == {"kind", "offset", "line", "tick", "expected", "found"}


# -- tampering ---------------------------------------------------------------


def test_single_tamperings_are_all_found_by_who_knows_the_head(log: Path) -> None:
    _all_found(log, range(150))


@pytest.mark.slow
def test_a_thousand_single_tamperings_are_all_found(log: Path) -> None:
    _all_found(log, range(1000, 2000))


def _all_found(log: Path, seeds: range) -> None:
    data, head = log.read_bytes(), head_of(log)
    missed = []
    for seed in seeds:
        tampering = tampered(data, seed)
        log.write_bytes(tampering.data)
        found = verdict(log, replay="none", head=head)
        if tampering.kind == "bytes appended" and found.first_bad is None:
            assert found.exit_code == 3
            continue
        if found.exit_code != 1:
            missed.append((seed, tampering.kind))
    assert not missed


@pytest.mark.parametrize("seed", range(40))
def test_the_first_wrong_byte_of_a_batch_is_named(log: Path, seed: int) -> None:
    data, genesis = log.read_bytes(), json.loads(log.with_name(f"{log.name}.genesis").read_bytes())
    tampering = tampered(data, 5000 + seed)
    at = first_change(data, tampering.data)
    log.write_bytes(tampering.data)
    found = verdict(log, head=head_of_bytes(data))
    assert answer(found) == answer(verdict(log, head=head_of_bytes(data), workers=2))
    bad = found.first_bad
    if bad is None:
        assert tampering.data.startswith(data)
        assert found.tail_bytes
    elif bad.kind == "head":
        assert data.startswith(tampering.data[: found.bytes])
    elif at >= genesis["bytes"] and bad.kind != "input":
        # an input line is believed: a changed one is found by the chain alone
        assert bad.offset == at
        assert bad.line == data.count(b"\n", 0, at) + 1
        assert data[at : at + 1] != tampering.data[at : at + 1]


def head_of_bytes(data: bytes) -> bytes:
    """The chain at the end of a log's bytes."""
    commit = parse_commit(data.splitlines()[-1])
    assert commit is not None
    return commit.chain


def test_a_torn_tail_is_no_mismatch_and_has_its_own_code(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b'{"id":"m33.0","type":"modif')
    result = invoke("verify", log, "--json")
    assert result.exit_code == 3
    answer = json.loads(result.stdout)
    assert answer["tail_bytes"] == 27
    assert not answer["ok"]
    assert answer["first_bad"] is None


@pytest.mark.parametrize("how", ["other", "unreadable", "longer"])
def test_a_pin_that_does_not_fit_is_a_mismatch(log: Path, how: str) -> None:
    pin = log.with_name(f"{log.name}.genesis")
    members = json.loads(pin.read_bytes())
    if how == "other":
        members["sha256"] = "0" * 64
    if how == "longer":
        members["bytes"] = 1 << 40
    text = json.dumps(members, separators=(",", ":")) + "\n"
    pin.write_text(text if how != "unreadable" else "no pin")
    found = verdict(log)
    assert found.exit_code == 1
    assert found.first_bad is not None
    assert found.first_bad.kind in {"pin", "genesis"}


@pytest.mark.parametrize("kind", ["run", "commit"])
def test_records_of_ours_without_a_chain_are_a_mismatch(log: Path, kind: str) -> None:
    log.with_name(f"{log.name}.genesis").unlink()
    lines = log.read_bytes().splitlines(keepends=True)
    record = next(line for line in lines if line.startswith(b'{"type":"%s"' % kind.encode()))
    log.write_bytes(encoded(SMALL) + record)
    found = verdict(log)
    assert found.exit_code == 1
    assert found.first_bad is not None
    assert found.first_bad.line == len(SMALL) + 1


def test_a_commit_in_somebodys_genesis_is_not_believed(made: Path, tmp_path: Path) -> None:
    foreign = made.read_bytes().splitlines(keepends=True)[-1]
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(SMALL) + foreign)
    ran(path, 3, parallel=4)
    assert verdict(path).ok


# -- runners that lie --------------------------------------------------------

Lie = Callable[[list[bytes], dict[str, Any]], None]


def rechained(path: Path, tick: int, lie: Lie) -> None:
    """What a liar would publish: from a tick on, all digests and chains computed anew."""
    with Log.open(path, write=False) as log:
        chain = log.genesis.sha256
        out = path.read_bytes()[: log.genesis.bytes]
        for t in range(1, len(log.commits) + 1):
            commit = log.commit(t)
            batch = bytes(log.batch(t)).splitlines(keepends=True)
            fields = {name: getattr(commit, name) for name in commit.__slots__}
            if t == tick:
                lie(batch, fields)
            body = b"".join(batch)
            line, chain = commit_line(
                log.prefix,
                type(commit)(**fields),  # type: ignore[arg-type]  # it has the fields' names
                commit.lines,
                len(body),
                batch_digest(log.format, [body]),
                chain,
            )
            out += body + line
    path.write_bytes(out)


def _first_winner(batch: list[bytes]) -> int:
    return next(k for k, line in enumerate(batch) if b'"type":"modification"' in line)


def other_term(batch: list[bytes], _fields: dict[str, Any]) -> None:
    k = _first_winner(batch)
    batch[k] = (
        replace_member(batch[k].rstrip(b"\n"), ("term",), b'"\xce\xbb\xce\xbb\xce\xbb0"') + b"\n"
    )


def other_steps(batch: list[bytes], _fields: dict[str, Any]) -> None:
    k = _first_winner(batch)
    batch[k] = replace_member(batch[k].rstrip(b"\n"), ("beta",), b"499") + b"\n"


def other_reactants(batch: list[bytes], _fields: dict[str, Any]) -> None:
    k = _first_winner(batch)
    members = json.loads(batch[k])
    op, a, b = members["parents"]
    value = json.dumps([op, b if b != a else "I", a], separators=(",", ":")).encode()
    batch[k] = replace_member(batch[k].rstrip(b"\n"), ("parents",), value) + b"\n"


def outcomes(_batch: list[bytes], fields: dict[str, Any]) -> None:
    fields["outcomes"] = {**fields["outcomes"], "steps": fields["outcomes"]["steps"] + 1}


def population(_batch: list[bytes], fields: dict[str, Any]) -> None:
    fields["population"] ^= 1


def counters(_batch: list[bytes], fields: dict[str, Any]) -> None:
    state = dict(fields["state"])
    state["counters"] = {**state["counters"], "modifications": 10**9}
    fields["state"] = state


def dimension(_batch: list[bytes], fields: dict[str, Any]) -> None:
    fields["dimension"] += 1


def options(batch: list[bytes], _fields: dict[str, Any]) -> None:
    batch[0] = batch[0].replace(b'"seed":"0"', b'"seed":"1"')


LIES = [other_term, other_steps, other_reactants, outcomes, population, counters, dimension]


@pytest.mark.parametrize("lie", [*LIES, options])
def test_a_lie_under_a_chain_that_verifies_is_found(tmp_path: Path, lie: Lie) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    ran(path, 6, parallel=8)
    tick = 1 if lie is options else 3
    rechained(path, tick, lie)
    assert verdict(path, replay="none").ok
    found = verdict(path)
    assert found.exit_code == 1
    assert found.first_bad is not None
    assert found.first_bad.tick == tick
    assert found.first_bad.expected != found.first_bad.found


def test_a_log_chained_anew_after_leaving_out_winners_fails_at_the_head_too(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", SMALL)
    ran(path, 5, parallel=8)
    head = head_of(path)
    rechained(path, 4, counters)
    found = verdict(path, replay="none", head=head)
    assert found.first_bad is not None
    assert found.first_bad.kind == "head"


def test_a_runner_with_a_machine_that_errs_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    react = CpuBackend.react

    def erring(self: CpuBackend, job: BatchJob, batch: CandidateBatch) -> None:
        react(self, job, batch)
        if job.tick == 2:
            batch.steps[np.flatnonzero(batch.outcomes == 0)[0]] += 1

    path = written(tmp_path / "log.jsonl", SMALL)
    with monkeypatch.context() as patched:
        patched.setattr(CpuBackend, "react", erring)
        ran(path, 4, parallel=8)
    found = verdict(path).first_bad
    assert found is not None
    assert (found.kind, found.tick) == ("winner", 2)


def test_a_runner_that_drops_winners_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = CpuBackend.write

    def dropping(
        self: CpuBackend,
        job: BatchJob,
        batch: CandidateBatch,
        fragments: WinnerTemplate,
        buffer: LineBuffer,
    ) -> None:
        batch.outcomes[batch.outcomes == 0] = 1
        write(self, job, batch, fragments, buffer)

    path = written(tmp_path / "log.jsonl", SMALL)
    with monkeypatch.context() as patched:
        patched.setattr(CpuBackend, "write", dropping)
        ran(path, 3, parallel=8)
    found = verdict(path).first_bad
    assert found is not None
    assert found.tick == 1


def test_a_runner_with_a_wrong_fold_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter = Population.enter

    def misplacing(self: Population, tick: int, entering: Any, level: int, kind: int) -> int:
        if tick == 2:
            entering.words[:] = 0
        return enter(self, tick, entering, level, kind)

    path = written(tmp_path / "log.jsonl", SMALL)
    with monkeypatch.context() as patched:
        patched.setattr(Population, "enter", misplacing)
        ran(path, 5, parallel=8, max_objects=12)
    found = verdict(path).first_bad
    assert found is not None
    assert (found.kind, found.tick) == ("commit", 2)


def test_a_machine_that_errs_for_everybody_is_found_by_the_textbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    react = CpuBackend.react

    def erring(self: CpuBackend, job: BatchJob, batch: CandidateBatch) -> None:
        react(self, job, batch)
        batch.steps[batch.outcomes == 0] += 1

    monkeypatch.setattr(CpuBackend, "react", erring)
    path = written(tmp_path / "log.jsonl", SMALL)
    ran(path, 2, parallel=8)
    assert verdict(path).ok
    found = verdict(path, reference=True).first_bad
    assert found is not None
    assert found.kind == "reference"


# -- the command -------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--replay", "some"],
        ["--replay", "sample=0"],
        ["--replay", "sample=x"],
        ["--head", "abc"],
        ["--from", "3", "--to", "2"],
        ["--from", "9999"],
    ],
)
def test_options_that_cannot_be_meant_are_refused(log: Path, arguments: list[str]) -> None:
    assert invoke("verify", log, *arguments).exit_code == 2


def test_a_mismatch_is_told_with_what_was_expected_and_found(log: Path) -> None:
    data = log.read_bytes()
    at = data.index(b'"size":', data.index(b'"type":"modification"')) + 7
    log.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    result = invoke("verify", log)
    assert result.exit_code == 1
    assert f"byte {at}" in result.stdout
    assert "expected: " in result.stdout
    assert "found: " in result.stdout
