"""A log whose winner lines are left out of its file is the log that holds them."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from small import TERMS, automaton, commits_in, encoded, rich, term, transition, written
from tampering import tampered

from automaton.analysis.series import read_series
from automaton.cli import command_line
from automaton.cycles import load_population
from automaton.errors import DamagedError, OmittedError, UsageError
from automaton.format.records import CommitFields, commit_line, known_commit
from automaton.log import AuditedLog, Log, omission
from automaton.log.side_files.checkpoint import checkpoint_path
from automaton.replay import spot_check, world_checkpoint
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.run import Run, ScalableAutomaton
from automaton.run.stats import Stats
from automaton.vector_store.index_rebuild import won
from automaton.verify import Verdict, VerifyRequest, verify
from automaton.verify.live import LiveOptions
from automaton.workers.autoscale_policy import ScalingOptions

INBOX = b'{"id":"n1","type":"text","term":"\xce\xbbx.x"}\n{"id":"m1.1"}\nbad\n{"id":"0D","k":1}\n'


def ran(path: Path, ticks: int, record: str | None = None, **given: Any) -> Stats:
    """So many ticks, by a run of their own."""
    with Run(path, given, durability="off", record=record) as run:
        return run.go(ticks=ticks, interval_ms=0)


def history(path: Path, record: str, streams: str, parts: tuple[int, ...] = (6, 8, 5)) -> Path:
    """A log of a machine that does everything, with input, made by runs with other options."""
    path.write_bytes(encoded(rich()).rstrip(b"\n"))  # so that a separator stands behind it
    ran(path, parts[0], record, parallel=12, max_objects=50, streams=streams)
    path.with_name(f"{path.name}.inbox").write_bytes(INBOX)
    for number, ticks in enumerate(parts[1:]):
        ran(path, ticks, parallel=12 - number, seed=5)
    return path


@pytest.fixture(scope="module", params=["none", "all"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same log twice: whole, and without its winner lines."""
    folder = tmp_path_factory.mktemp("pair")
    return [history(folder / f"{r}.jsonl", r, request.param) for r in ("full", "commits")]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log without its winner lines, of nine ticks."""
    machine = [automaton("a", 0, term="λx.x"), transition("t", "a", "a", "self-observe")]
    path = written(tmp_path_factory.mktemp("small") / "log.jsonl", [*machine, *TERMS])
    ran(path, 9, "commits", parallel=8)
    return path


@pytest.fixture
def log(small: Path, tmp_path: Path) -> Path:
    """A copy of it with its pin."""
    for name in (small.name, f"{small.name}.genesis"):
        shutil.copy(small.with_name(name), tmp_path / name)
    return tmp_path / small.name


def verdict(path: Path, **asked: Any) -> Verdict:
    """What is found when this is asked."""
    with AuditedLog.open(path) as opened:
        return verify(opened, VerifyRequest(workers=1, **asked))


def invoke(*arguments: object) -> Result:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def stub_of(data: bytes, number: int = 0) -> tuple[int, int, omission.Stub]:
    """Where the line stands that stands for a batch's winners, and what it says."""
    lines = data.splitlines(keepends=True)
    places = [k for k, raw in enumerate(lines) if omission.parse(raw)]
    at = sum(map(len, lines[: places[number]]))
    stub = omission.parse(lines[places[number]])
    assert stub is not None
    return at, at + len(lines[places[number]]), stub


# -- the same log ----------------------------------------------------------------


def test_the_whole_log_computed_again_is_the_one_that_a_full_record_holds(
    pair: list[Path], tmp_path: Path
) -> None:
    full, slim = pair
    assert slim.stat().st_size < full.stat().st_size / 2
    out = tmp_path / "whole.jsonl"
    result = invoke("replay", slim, "--to", 19, "--out", out)
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == full.read_bytes()
    assert f"{full.stat().st_size} bytes" in result.output
    assert commits_in(full) == commits_in(slim)


@pytest.mark.parametrize("tick", [0, 1, 11])
def test_an_earlier_tick_is_written_whole_too(pair: list[Path], tmp_path: Path, tick: int) -> None:
    whole = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, out in zip(pair, whole, strict=True):
        assert invoke("replay", path, "--to", tick, "--out", out).exit_code == 0
    assert whole[0].read_bytes() == whole[1].read_bytes()


def test_what_stands_in_the_file_are_the_lines_that_are_not_winners(pair: list[Path]) -> None:
    full, slim = (path.read_bytes().splitlines() for path in pair)
    won = [line for line in full if b'"type":"modification"' in line]
    kept = [line for line in slim if omission.parse(line) is None]
    assert kept == [line for line in full if line not in set(won)]
    for kind in (b"fact", b"validation", b"observation", b"richness", b"composition", b"run"):
        assert any(b'"type":"%s"' % kind in line for line in kept), kind
    assert any(b'"id":"n1"' in line for line in kept)
    assert any(b'"modifiedBy"' in line for line in kept)
    stubs = [stub for line in slim if (stub := omission.parse(line))]
    assert len(stubs) == 19
    assert sum(stub.lines for stub in stubs) == len(won)
    assert sum(stub.bytes for stub in stubs) == sum(len(line) + 1 for line in won)


def test_a_run_in_parts_writes_the_bytes_of_one_run(tmp_path: Path) -> None:
    one, three = (written(tmp_path / name, rich()) for name in ("one.jsonl", "three.jsonl"))
    ran(one, 12, "commits", parallel=8)
    for ticks in (1, 4, 7):
        ran(three, ticks, "commits" if ticks == 1 else None, parallel=8)
    assert one.read_bytes() == three.read_bytes()


def test_lines_and_batches_are_read_as_if_they_stood_there(pair: list[Path]) -> None:
    with Log.open(pair[0], write=False) as full, Log.open(pair[1], write=False) as slim:
        assert (slim.lines, slim.head, slim.sealed_bytes) == (full.lines, full.head, full.size)
        assert (slim.object_count, slim.run_count) == (full.object_count, full.run_count)
        with with_omitted_batches(slim):
            for number in [*range(full.lines, 0, -7), *range(1, full.lines + 1)]:
                raw = full.line(number)
                assert slim.line(number) == raw
                identity = (json.loads(raw) if raw.startswith(b"{") else {}).get("id")
                if identity is not None:
                    assert slim.find(identity) == full.find(identity)
            for tick in (19, 3, 4, 1):
                assert bytes(slim.batch(tick)) == bytes(full.batch(tick))


def test_lines_that_are_kept_are_read_without_computing(pair: list[Path]) -> None:
    with Log.open(pair[0], write=False) as full, Log.open(pair[1], write=False) as slim:
        read = 0
        for number in range(1, full.lines + 1):
            raw = full.line(number)
            if b'"type":"modification"' in raw:
                with pytest.raises(OmittedError, match="replay LOG --to 19"):
                    slim.line(number)
                continue
            assert slim.line(number) == raw
            start = slim.offset(number)
            assert pair[1].read_bytes()[start : start + len(raw)] == raw
            read += 1
        assert read > 60


def test_a_run_goes_on_from_a_checkpoint_as_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [written(tmp_path / name, rich()) for name in ("a.jsonl", "b.jsonl")]
    for path, grown in zip(paths, (1, 1 << 30), strict=True):
        monkeypatch.setattr(world_checkpoint, "GROWN_AT_END", grown)
        for ticks in (7, 6):
            ran(path, ticks, "commits", parallel=8, streams="all")
    assert Path(checkpoint_path(str(paths[0]))).exists()
    assert not Path(checkpoint_path(str(paths[1]))).exists()
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with Log.open(paths[0], write=False) as log, with_omitted_batches(log):
        first = next(k for k in range(1, log.lines) if b'"modification"' in log.line(k))
        assert log.line(first)


# -- verification ----------------------------------------------------------------


def test_such_a_log_verifies_and_all_of_it_is_computed_again(pair: list[Path]) -> None:
    full, slim = verdict(pair[0]), verdict(pair[1])
    assert slim.ok
    assert (slim.head, slim.replayed, slim.modifications) == (
        full.head, full.replayed, full.modifications
    )  # fmt: skip
    assert slim.as_json()["omitted_commits"] == 19
    assert full.as_json()["omitted_commits"] == 0


@pytest.mark.parametrize(
    ("asked", "computed"),
    [({"first": 5, "last": 6}, 6), ({"replay": "sample", "sample": 1, "seed": 1}, None)],
)
def test_what_stands_before_the_ticks_asked_for_is_computed_too(
    log: Path, asked: dict[str, Any], computed: int | None
) -> None:
    found = verdict(log, **asked)
    assert found.ok
    assert found.replayed == computed if computed else found.replayed >= 1


def test_a_validation_says_the_same_whether_lines_stand_there_or_not(pair: list[Path]) -> None:
    said = []
    for path in pair:
        with Log.open(path, write=False) as log, with_omitted_batches(log):
            ticks = (18, 3, 11)
            said.append([spot_check.validate(log, seed, tick) for seed in (0, 5) for tick in ticks])
            assert said[-1] == [
                spot_check.validation_line_values(log, seed, tick)
                for seed in (0, 5)
                for tick in ticks
            ]
    assert said[0] == said[1]


@pytest.mark.parametrize("engine", ["process", "serial"])
def test_who_computes_decides_no_byte(
    log: Path, tmp_path: Path, engine: Literal["process", "serial"]
) -> None:
    other = tmp_path / "other.jsonl"
    with Log.open(log, write=False) as opened:
        other.write_bytes(log.read_bytes()[: opened.genesis.bytes])
    scaling = ScalingOptions(engine, 1)
    with Run(other, {"parallel": 8}, durability="off", scaling=scaling, record="commits") as run:
        run.go(ticks=9, interval_ms=0)
    assert other.read_bytes() == log.read_bytes()


def test_without_computing_it_is_said_that_digests_were_not_checked(log: Path) -> None:
    result = invoke("verify", log, "--replay", "none")
    assert result.exit_code == 0
    assert "winner lines of 9 commits are not in the file" in result.output
    assert "9 of them were not computed again" in result.output


def test_tamperings_are_all_found(log: Path) -> None:
    data, head = log.read_bytes(), bytes.fromhex(commits_in(log)[-1]["chain"])
    missed = []
    for seed in range(120):
        tampering = tampered(data, seed)
        log.write_bytes(tampering.data)
        found = verdict(log, replay="none", head=head)
        if found.exit_code == 0:  # what is sealed and does not stand there is for the computing
            found = verdict(log, head=head)
        if found.exit_code == 0:
            missed.append((seed, tampering.kind))
    assert not missed


def test_a_changed_byte_of_what_is_kept_is_found_without_computing(log: Path) -> None:
    data = log.read_bytes()
    at = data.index(b'"type":"observation"') + 9
    log.write_bytes(data[:at] + b"O" + data[at + 1 :])
    bad = verdict(log, replay="none").first_bad
    assert bad is not None
    assert (bad.kind, bad.tick) == ("batch", 1)
    with pytest.raises(DamagedError):
        Log.open(log, write=False)


def test_a_kept_line_that_was_changed_with_its_digest_is_found_where_it_stands(log: Path) -> None:
    data = log.read_bytes()
    at = data.index(b'"size":', data.index(b'"type":"richness"')) + 7
    wrong = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    start, end, stub = stub_of(data)
    begin = data.index(b'{"type":"run"')
    commit = data.index(b'{"type":"commit"')
    kept = omission.digest([wrong[begin:start], wrong[end:commit]])
    log.write_bytes(wrong[:start] + omission.line(stub._replace(kept=kept)) + wrong[end:])
    assert verdict(log, replay="none").ok
    bad = verdict(log).first_bad
    assert bad is not None
    assert (bad.kind, bad.offset, bad.tick) == ("action", at, 1)
    with pytest.raises(DamagedError, match="computed again"):
        ran(log, 1)


def test_a_commit_that_seals_another_batch_under_a_good_chain_is_found(log: Path) -> None:
    """Its writer chained anew: only computing shows that no such winners come of it."""
    data = log.read_bytes()
    start = data.rindex(b'{"type":"commit"')
    commit = known_commit(data[start:])
    before = bytes.fromhex(commits_in(log)[-2]["chain"])
    assert commit is not None
    fields = CommitFields(
        commit.tick, commit.outcomes, commit.dimension, commit.state, commit.population
    )
    forged, _ = commit_line(
        "", fields, commit.lines, commit.bytes, hashlib.sha256(b"").digest(), before
    )
    log.write_bytes(data[:start] + forged)
    assert verdict(log, replay="none").ok
    bad = verdict(log).first_bad
    assert bad is not None
    assert (bad.kind, bad.tick) == ("commit", 9)
    result = invoke("show", log, next(iter(_winner_ids(log, 8))))
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "what", [b'"outcomes":{"normal":', b'"type":"omitted","lines":', b'"bytes":']
)
def test_a_wrong_number_in_the_file_is_named_where_it_stands(log: Path, what: bytes) -> None:
    data = log.read_bytes()
    start, _, _ = stub_of(data, 4)
    at = data.index(what, start) + len(what)
    log.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    bad = verdict(log).first_bad
    assert bad is not None
    assert (bad.offset, bad.tick) == (at, 5)
    assert bad.kind == ("commit" if what.startswith(b'"outcomes') else "omission")


def test_a_line_for_left_out_winners_that_cannot_be_read_is_where_winners_are_due(
    log: Path,
) -> None:
    data = log.read_bytes()
    start, end, _ = stub_of(data, 4)
    log.write_bytes(data[: start + 9] + b"O" + data[start + 10 :])
    bad = verdict(log).first_bad
    assert bad is not None
    assert (bad.kind, bad.tick) == ("winner", 5)
    assert start <= bad.offset < end


def _winner_ids(path: Path, tick: int) -> list[str]:
    with Log.open(path, write=False) as log, with_omitted_batches(log):
        lines = [json.loads(raw) for _, raw in log.batch_lines(tick)]
    return [line["id"] for line in lines if line.get("type") == "modification"]


def test_it_is_verified_while_it_is_written(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    pacing = LiveOptions.of("inline", 4)
    with Run(path, {"parallel": 8}, durability="off", pacing=pacing, record="commits") as run:
        found = run.go(ticks=15, interval_ms=0).verify
    assert (found["tick"], found["commits"], found["not_verified"]) == (15, 15, "nothing")


# -- crashes ---------------------------------------------------------------------


def test_whatever_is_cut_off_the_last_batch_the_ticks_before_it_stand(log: Path) -> None:
    data = log.read_bytes()
    with Log.open(log, write=False) as opened:
        start = opened.commits.row(9).batch_start
    for end in range(start, len(data)):
        log.write_bytes(data[:end])
        with Log.open(log, write=False) as opened:
            assert (len(opened.commits), opened.tail_bytes) == (8, end - start)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.6, 0.99])
def test_a_run_that_was_cut_short_goes_on_as_if_it_never_was(log: Path, part: float) -> None:
    data = log.read_bytes()
    with Log.open(log, write=False) as opened:
        row = opened.commits.row(8)
    log.write_bytes(data[: row.batch_start + round(part * (row.end - row.batch_start))])
    ran(log, 2)
    assert log.read_bytes() == data


def test_a_hole_in_the_last_batch_is_a_torn_tail(log: Path) -> None:
    """As a power failure leaves it, where the disk was not waited for."""
    data = log.read_bytes()
    at = data.rindex(b'"type":"observation"')
    log.write_bytes(data[:at] + bytes(20) + data[at + 20 :])
    with Log.open(log, write=False) as opened:
        assert len(opened.commits) == 8
        assert opened.tail_bytes
    ran(log, 1)
    assert log.read_bytes() == data
    assert log.with_name(f"{log.name}.torn-1").exists()


def test_a_lost_pin_is_restored_from_the_chain(log: Path) -> None:
    log.with_name(f"{log.name}.genesis").unlink()
    with Log.open(log, write=True) as opened:
        assert len(opened.commits) == 9
        assert any("restored" in notice for notice in opened.notices)


# -- what commands say -----------------------------------------------------------


def test_a_winner_is_shown_with_its_lineage(pair: list[Path]) -> None:
    name = _winner_ids(pair[0], 18)[-1]
    for more in ([], ["--json"], ["--lineage"], ["--lineage", "--json"]):
        full, slim = (invoke("show", path, name, *more) for path in pair)
        assert slim.exit_code == 0, slim.output
        assert slim.output == full.output


def test_the_rounds_of_a_tick_and_what_is_checked_are_those_of_the_whole_log(
    pair: list[Path],
) -> None:
    full, slim = (invoke("replay", path, "--tick", 9, "--json").output for path in pair)
    assert slim == full
    reports = [json.loads(invoke("check", path, "--json", "--chain").output) for path in pair]
    for report in reports:
        for name in ("chain", "malformed", "bytes", "self_references", "directives", "dangling"):
            report.pop(name, None)
    assert reports[0] == reports[1]


def test_what_reads_the_winners_reads_the_same(pair: list[Path], tmp_path: Path) -> None:
    found = []
    for path in pair:
        with Log.open(path, write=False) as log, with_omitted_batches(log):
            series = read_series(log, 100)
            entries = [(e.tick, e.slot, e.won, e.words.tolist()) for e in won(log)]
        known = load_population(path).known
        found.append((series, entries, known.tolist()))
    assert found[0][1:] == found[1][1:]
    assert found[0][0].winners == found[1][0].winners
    streams = b'"streams":"all"' in pair[0].read_bytes()
    answers = [invoke("why", path, _winner_ids(pair[0], 18)[-1], "--json") for path in pair]
    assert answers[0].output == answers[1].output
    assert (answers[0].exit_code == 0) == streams


@pytest.mark.parametrize("asked", [["m3."], ["--term", "λx.?f"], ["commit", "--count"], ['x":']])
def test_match_finds_the_lines_that_the_file_leaves_out(pair: list[Path], asked: list[str]) -> None:
    first, second = (invoke("match", path, *asked) for path in pair)
    assert first.exit_code == 0
    assert first.output == second.output


@pytest.mark.parametrize(("begun", "other"), [("full", "commits"), ("commits", "full")])
def test_a_log_goes_on_as_it_was_begun(tmp_path: Path, begun: str, other: str) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 2, begun, parallel=4)
    with pytest.raises(UsageError, match=f"begun with --record {begun}"):
        ran(path, 1, other)
    ran(path, 1, begun)
    with Log.open(path, write=False) as log:
        assert log.record == begun


def test_a_tick_without_winners_is_marked_too(tmp_path: Path) -> None:
    machine = automaton("a", 0, term="λx.x", a="size > 1000")
    path = written(tmp_path / "log.jsonl", [machine, *TERMS])
    ran(path, 1, "commits", parallel=3)
    ran(path, 1)
    stubs = [stub for raw in path.read_bytes().splitlines() if (stub := omission.parse(raw))]
    assert [(stub.lines, stub.bytes) for stub in stubs] == [(0, 0), (0, 0)]
    assert verdict(path).ok


def test_the_page_about_the_format_shows_the_line_of_its_example(tmp_path: Path) -> None:
    genesis = [
        {"id": "op", "type": "automaton", "dimensionalLevel": 0, "term": "λλ1 0"},
        {"id": "K", "term": "λλ1"},
    ]
    path = tmp_path / "log.jsonl"
    dumped = (json.dumps(o, ensure_ascii=False, separators=(",", ":")) for o in genesis)
    path.write_text("".join(f"{line}\n" for line in dumped), encoding="utf-8")
    ran(path, 1, "commits", parallel=1)
    start, end, _ = stub_of(path.read_bytes())
    page = Path(__file__).resolve().parents[2] / "docs" / "format.md"
    assert path.read_bytes()[start:end] in page.read_bytes()


@pytest.mark.parametrize("record", ["full", "commits", None])
def test_the_library_takes_it_too(tmp_path: Path, record: str | None) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    with ScalableAutomaton(path, record=record, parallel=4) as machine:
        machine.run(ticks=1)
    with Log.open(path, write=False) as log:
        assert log.record == (record or "full")
    with pytest.raises(UsageError, match="give full, or commits"):
        ScalableAutomaton(path, record="some")


# -- the line --------------------------------------------------------------------


@given(st.integers(0, 10**10 - 1), st.integers(0, 10**15 - 1), st.binary(min_size=32, max_size=32))
def test_the_line_reads_back_as_it_was_written(lines: int, nbytes: int, kept: bytes) -> None:
    stub = omission.Stub(lines, nbytes, kept)
    assert omission.parse(omission.line(stub)) == stub
    assert omission.parse(omission.line(stub)[:-1]) == stub
    assert omission.parse(omission.line(stub)[:-2] + b',"id":"x"}\n') is None


def test_a_number_that_we_would_write_otherwise_makes_it_another_line() -> None:
    stub = omission.line(omission.Stub(7, 8, bytes(32)))
    assert omission.parse(stub.replace(b":7,", b":07,")) is None
    assert omission.parse(b" " + stub) is None


def test_ticks_that_write_nothing_are_read_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "quiet.jsonl"
    quiet = [automaton("a", 0, term="λx.λy.x"), term("I", "λx.x")]  # every outcome is a copy
    path.write_bytes(encoded(quiet))
    ran(path, 4, "commits", parallel=1)
    assert [commit["lines"] for commit in commits_in(path)][1:] == [0, 0, 0]
    whole = tmp_path / "whole.jsonl"
    for command in (
        ("replay", path, "--to", "4", "--out", whole),
        ("replay", path, "--tick", "3"),
        ("observe", path),
        ("match", path, "I"),
        ("cycles", path, "--count", "2", "--engine", "serial"),
        ("verify", path, "--workers", "1"),
    ):
        result = CliRunner().invoke(command_line, [str(word) for word in command])
        assert result.exit_code == 0, result.output
    assert sum(map(len, (commit["batch"] for commit in commits_in(whole)))) == 4 * 64
