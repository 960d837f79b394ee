"""Commands answer from a log in segments as from the log in one file, and runs go on with it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small import ran, rich, written

from automaton.cli import command_line
from automaton.log import Log
from automaton.log.segments import frames
from automaton.run import Run
from automaton.verify.live import LiveOptions

TICKS = 16
LEAST = 9000  # bytes of a segment: a few ticks
GIVEN = {"parallel": 16, "max_objects": 50}


def invoke(*arguments: object) -> Result:
    """What the command does."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def segments(path: Path) -> list[Path]:
    """The sealed segments, in order."""
    return sorted(path.with_name(f"{path.name}.segments").glob("*.zst"))


def printed(path: Path, *more: object) -> bytes:
    """What `cat` prints."""
    result = invoke("cat", path, *more)
    assert result.exit_code == 0, result.output
    return result.stdout_bytes


def run_in_segments(
    path: Path, ticks: int, least: int, given: dict[str, int], record: str | None = None
) -> None:
    """So many ticks; a segment has at least so many bytes."""
    with Run(path, given, durability="off", record=record, segment_bytes=least) as run:
        run.go(ticks=ticks, interval_ms=0)


@pytest.fixture(scope="module", params=["full", "commits"])
def logs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> list[Path]:
    """The same run in one file and in segments; both are called alike."""
    found = []
    for least in (0, LEAST // 4 if request.param == "commits" else LEAST):
        path = written(tmp_path_factory.mktemp("log") / "log.jsonl", rich())
        run_in_segments(path, TICKS, least, GIVEN, record=request.param)
        found.append(path)
    return found


def test_a_run_in_segments_writes_the_bytes_of_a_run_in_one_file(logs: list[Path]) -> None:
    one, many = logs
    assert len(segments(many)) > 2
    assert not segments(one)
    assert printed(many) == printed(one) == one.read_bytes()
    with Log.open(many, write=False) as log:
        assert log.size - log.active_start < LEAST


@pytest.mark.parametrize(
    "words",
    [
        "check --chain --json",
        "stats --json",
        "population --json",
        "population --at 3 --json",
        "series --json",
        "show {log} m2.1 --lineage",
        "show {log} 0D --json",
        "match {log} modification --json",
        "match {log} --term ?x --count",
        "replay {log} --tick 9 --json",
        "cat --from 3 --to 7",
        "cat --to 0",
    ],
)
def test_a_command_answers_from_segments_as_from_one_file(logs: list[Path], words: str) -> None:
    said = []
    for path in logs:
        command, *more = words.split()
        arguments = [path if word == "{log}" else word for word in more]
        if path not in arguments:
            arguments.insert(0, path)
        result = invoke(command, *arguments)
        assert result.exit_code == 0, result.output
        alike = result.stdout.replace(str(path.parent), "HERE")
        said.append(re.sub('"last_commit_at":"[^"]*"', "", alike))  # the time of a file
    assert said[0] == said[1] != ""


@pytest.mark.parametrize("tick", [0, 5, TICKS])
def test_replay_and_fork_write_the_same_files(logs: list[Path], tmp_path: Path, tick: int) -> None:
    written_by: dict[str, list[bytes]] = {"replay": [], "fork": []}
    for k, path in enumerate(logs):
        for command, found in written_by.items():
            out = tmp_path / f"{command}-{k}.jsonl"
            assert invoke(command, path, "--to", tick, "--out", out).exit_code == 0
            found.append(out.read_bytes())
    assert all(one == other for one, other in written_by.values())


def test_a_log_in_segments_verifies_and_differs_in_nothing(logs: list[Path]) -> None:
    one, many = logs
    result = invoke("verify", many, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["replayed"] == TICKS
    assert invoke("diff", one, many).exit_code == 0


@pytest.mark.parametrize("least", [0, 700, 1 << 30])
def test_a_run_goes_on_from_segments_with_or_without_new_ones(
    logs: list[Path], tmp_path: Path, least: int
) -> None:
    found = []
    for k, path in enumerate(logs):
        copy = tmp_path / str(k)
        shutil.copytree(path.parent, copy)
        run_in_segments(copy / path.name, 5, least if k else 0, {})
        found.append(printed(copy / path.name))
    assert found[0] == found[1]


def test_a_run_is_verified_while_its_log_goes_from_file_to_file(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    pacing = LiveOptions.of("inline", None, None)
    with Run(path, GIVEN, segment_bytes=3000, pacing=pacing) as run:
        stats = run.go(ticks=TICKS, interval_ms=0)
    assert len(segments(path)) > 4
    assert stats.verify["tick"] == stats.tick == TICKS


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A log of a few ticks."""
    path = written(tmp_path / "log.jsonl", rich())
    ran(path, 6, **GIVEN)
    return path


def test_compact_says_what_it_sealed_and_a_second_one_does_nothing(plain: Path) -> None:
    before = plain.read_bytes()
    result = invoke("compact", plain, "--segment-bytes", "4kB")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("segment ") == len(segments(plain)) > 1
    assert "up to tick 6" in result.stdout
    assert plain.read_bytes().count(b"\n") == 1
    assert printed(plain) == before
    assert "nothing to do" in invoke("compact", plain).stdout
    listed = plain.with_name("log.jsonl.segments") / "manifest.jsonl"
    kept = listed.read_bytes()
    listed.write_bytes(b"")
    assert invoke("compact", plain, "--rebuild").exit_code == 0
    assert listed.read_bytes() == kept


def test_compact_refuses_a_log_that_never_ran_and_cat_a_tick_that_never_was(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", rich())
    result = invoke("compact", path)
    assert result.exit_code == 2
    assert "no commits" in result.stderr
    assert printed(path) == path.read_bytes()
    result = invoke("cat", path, "--from", 1)
    assert result.exit_code == 2
    assert "there is no tick 1" in result.stderr


def test_the_end_of_a_log_is_not_taken_for_a_whole_file(plain: Path, tmp_path: Path) -> None:
    invoke("compact", plain)
    for words in (["init", tmp_path / "new.jsonl", "--from", plain], ["check", "--include", plain]):
        result = invoke(*words)
        assert result.exit_code == 4
        assert f"`cat {plain} > FILE`" in result.stderr
    assert not (tmp_path / "new.jsonl").exists()


def test_a_missing_segment_ends_with_4_and_a_damaged_one_with_6(plain: Path) -> None:
    invoke("compact", plain, "--segment-bytes", "4kB")
    first, second, *_ = segments(plain)
    data = second.read_bytes()
    second.write_bytes(data[:50] + bytes([data[50] ^ 4]) + data[51:])
    result = invoke("cat", plain)
    assert result.exit_code == 6
    assert f"{second} is damaged: page 1 of 1" in result.stderr
    first.unlink()
    result = invoke("check", plain)
    assert result.exit_code == 4
    assert str(first) in result.stderr


def test_a_tampered_segment_is_found_and_named_by_file_and_page(plain: Path) -> None:
    invoke("compact", plain, "--segment-bytes", "4kB")
    second = segments(plain)[1]
    raw = second.read_bytes()
    end = len(raw) - frames.table_bytes(raw[-frames.FOOT_BYTES :])
    text = frames.page(raw[:end], int(frames.walk(raw[:end])[0, 1]))
    frame = frames.Compressor(frames.QUICK).frame(text.replace(b'"size":', b'"sise":', 1))
    second.write_bytes(frame + frames.table(frames.walk(frame)))
    for words, code in (["check", "--chain", plain], 6), (["verify", plain], 1):
        result = invoke(*words)
        assert result.exit_code == code
        assert f"stands in {second}, page 1 of 1" in result.stderr


def test_a_run_that_can_seal_nothing_goes_on_and_says_so(plain: Path) -> None:
    before = plain.read_bytes()
    plain.with_name("log.jsonl.segments").write_bytes(b"mine\n")
    said: list[str] = []
    with Run(plain, segment_bytes=1000) as run:
        run.go(ticks=4, interval_ms=0, say=said.append)
        said += run.sealing.troubles() if run.sealing else []
    assert any("is no folder" in text for text in said)
    assert plain.read_bytes().startswith(before)
    assert plain.with_name("log.jsonl.segments").read_bytes() == b"mine\n"
