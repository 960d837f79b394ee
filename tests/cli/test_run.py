"""The program on a log, as people start, stop, kill, starve and resume it."""

from __future__ import annotations

import json
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result
from small import TERMS, Members, automaton, commits_in, encoded, ran, rich, written

import automaton as package
from automaton.cli import command_line
from automaton.compute.reduction import OUTCOMES
from automaton.log import Log

HOME = Path(package.__file__).parents[2]
DEADLINE = 300.0  # seconds; only a hang takes so long
FLAGS = ["--interval", "0", "--parallel", "12", "--seed", "7"]
GIVEN = {"parallel": 12, "seed": 7}

#: The program, but one tick waits for a byte on standard input, and says so.
PAUSED = """
import os
from automaton.cli import main
from automaton.run import Run

step, stop = Run.step, Run.stop

def slow(run):
    if run.tick == int(os.environ["PAUSE_AT"]):
        os.write(2, b"under way\\n")
        os.read(0, 1)
    step(run)

def heard(run):
    os.write(2, b"heard\\n")
    stop(run)

Run.step, Run.stop = slow, heard
main()
"""

#: The program, but after some ticks no file may grow by more than 300 bytes.
STARVED = """
import os, resource
from automaton.cli import main
from automaton.run import Run

step = Run.step

def hungry(run):
    if run.tick == 4:
        run.background.wait()
        room = run.log.size + 300
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    step(run)

Run.step = hungry
main()
"""


class Program:
    """A process of its own; what it says is waited for, never slept for."""

    def __init__(self, *arguments: str | Path, driver: str = "", pause: int = -1) -> None:
        start = ["-c", driver] if driver else ["-m", "automaton"]
        self._process = subprocess.Popen(
            [sys.executable, *start, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(HOME), "PAUSE_AT": str(pause)},
            bufsize=0,
        )
        self.pid = self._process.pid
        self._heard = {"out": b"", "err": b""}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def line(self, stream: str = "out") -> str:
        """The next line of a stream, or what there is of it when it ends."""
        source = self._process.stdout if stream == "out" else self._process.stderr
        assert source is not None
        while b"\n" not in self._heard[stream]:
            waiting = select.poll()  # select() knows no descriptor beyond 1023
            waiting.register(source, select.POLLIN)
            assert waiting.poll(DEADLINE * 1000), f"nothing was said within {DEADLINE} seconds"
            data = os.read(source.fileno(), 1 << 16)
            if not data:
                break
            self._heard[stream] += data
        line, _, self._heard[stream] = self._heard[stream].partition(b"\n")
        return line.decode()

    def answer(self) -> None:
        """Let the tick that waits go on."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self) -> tuple[int, list[str], list[str]]:
        """Its exit code and the rest of what it said, by line."""
        out, err = self._process.communicate(timeout=DEADLINE)
        said = [self._heard["out"] + out, self._heard["err"] + err]
        lines = [text.decode().splitlines() for text in said]
        return self._process.returncode, lines[0], lines[1]


def invoke(*arguments: str | Path) -> Result:
    """The same without a process of its own."""
    return CliRunner().invoke(command_line, list(map(str, arguments)))


def refused(result: Result, code: int) -> str:
    """The one line that a refused run ends with."""
    assert (result.exit_code, result.stdout) == (code, "")
    lines = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return f"{lines[0]}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that never ran."""
    return written(tmp_path / "log.jsonl", rich())


def undisturbed(folder: Path, ticks: int) -> bytes:
    """The bytes after so many ticks of one run."""
    path = written(folder / "undisturbed.jsonl", rich())
    ran(path, ticks, **GIVEN)
    return path.read_bytes()


def whole(path: Path) -> int:
    """How many ticks there are; the chain holds and the file ends at the last commit."""
    with Log.open(path, write=False) as log:
        assert log.verify_chain().ok
        assert log.size == path.stat().st_size
        return len(log.commits)


# What it says.


def test_help_names_every_option_of_a_run() -> None:
    shown = invoke("run", "--help").stdout
    for name in (
        "ticks", "seconds", "interval", "parallel", "seed", "workers", "gpu", "no-auto-scale",
        "max-objects", "max-steps", "max-size", "max-depth", "durability", "stats-interval",
        "json", "config", "operator", "lock-dimension", "focus-dimension", "focus-probability",
    ):  # fmt: skip
        assert re.search(rf"--{name}\b", shown)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run", ["[LOG]", "--ticks"]),
        ("init", ["PATH"]),
        ("check", ["LOG", "--json", "--chain"]),
        ("stats", ["LOG", "--json"]),
        ("show", ["LOG", "ID"]),
        ("reduce", ["TERM", "--max-steps", "--max-size", "--json", "--batch", "--notation"]),
    ],
)
def test_every_command_has_help(command: str, words: list[str]) -> None:
    assert f"  {command} " in invoke("--help").stdout
    shown = invoke(command, "--help").stdout
    assert all(word in shown for word in words)


PROMISED = {
    "tick": int, "seconds": float, "modifications": int, "modifications_per_s": float,
    "objects": int, "rss_bytes": int, "workers_active": int, "workers_total": int, "device": str,
    "dimension": int, "outcomes": dict, "durable_bytes": int, "head": str, "final": bool,
}  # fmt: skip


def test_json_lines_keep_the_contract(log: Path) -> None:
    with Program(log, *FLAGS, "--ticks", "5", "--json", "--stats-interval", "1e-9") as program:
        code, out, err = program.end()
    lines: list[dict[str, Any]] = [json.loads(line) for line in out]
    assert (code, err, len(lines)) == (0, [], 6)
    for line in lines:
        assert {name: type(line[name]) for name in PROMISED} == PROMISED
        assert list(line["outcomes"]) == list(OUTCOMES)
        assert sum(line["outcomes"].values()) == line["candidates"] == 12 * line["ticks"]
        assert line["modifications"] == line["outcomes"]["normal"]
    assert [line["final"] for line in lines] == [False] * 5 + [True]
    assert [line["tick"] for line in lines] == [1, 2, 3, 4, 5, 5]
    last = lines[-1]
    assert last["head"] == commits_in(log)[-1]["chain"]
    assert last["durable_bytes"] == log.stat().st_size
    assert log.read_bytes() == undisturbed(log.parent, 5)


def test_the_last_json_line_adds_up_this_run_alone(log: Path) -> None:
    invoke(log, *FLAGS, "--ticks", "3")
    last = json.loads(invoke(log, "--interval", "0", "--ticks", "2", "--json").stdout)
    assert (last["tick"], last["ticks"], last["candidates"]) == (5, 2, 24)
    assert last["head"] == commits_in(log)[-1]["chain"]


def test_a_run_of_people_ends_with_a_summary_and_the_way_on(log: Path) -> None:
    result = invoke(log, *FLAGS, "--ticks", "2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Summary\n")
    assert commits_in(log)[-1]["chain"] in result.stdout
    assert str(log) in result.stdout.splitlines()[-1]


def test_the_last_line_of_a_summary_is_a_command_that_can_be_typed(tmp_path: Path) -> None:
    path = written(tmp_path / "my log's.jsonl", rich())
    started = [sys.executable, "-m", "automaton", str(path), *FLAGS, "--ticks", "1"]
    done = subprocess.run(started, capture_output=True, text=True, check=True)
    line = shlex.split(done.stdout.splitlines()[-1])
    assert line[1:] == ["-m", "automaton", "observatory", str(path), "--open"]
    shown = [sys.executable, *line[1:-1], "--help"]
    assert "as a page" in subprocess.run(shown, capture_output=True, text=True, check=True).stdout


def test_a_time_limit_ends_a_run(log: Path) -> None:
    result = invoke(log, *FLAGS, "--seconds", "0.05", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["tick"] == whole(log) > 0


def test_broken_lines_are_said_to_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"id":"x"\n' + encoded(rich()) + b"\xff\n" + b"{\n" * 9)
    result = invoke(path, *FLAGS, "--ticks", "1")
    notes = result.stderr.splitlines()
    assert result.exit_code == 0
    assert all(note.startswith("note: ") for note in notes)
    assert notes[0].startswith("note: line 1 is kept and skipped: ")
    assert "6 more lines are skipped; check lists them" in notes[-1]


def test_where_it_is_computed_changes_no_byte(log: Path) -> None:
    result = invoke(log, *FLAGS, "--ticks", "5", "--workers", "3", "--gpu", "--no-auto-scale")
    assert result.exit_code == 0
    assert all(line.startswith("note: ") for line in result.stderr.splitlines())
    assert log.read_bytes() == undisturbed(log.parent, 5)


def test_runs_are_resumed_without_their_flags(log: Path) -> None:
    for flags in ([*FLAGS, "--ticks", "4"], ["--interval", "0", "--ticks", "5"]):
        assert invoke(log, *flags).exit_code == 0
    assert log.read_bytes() == undisturbed(log.parent, 9)


def test_a_configuration_file_is_as_good_as_flags(log: Path) -> None:
    config = log.with_name("run.toml")
    config.write_text("interval = 0\nparallel = 12\nseed = 7\nticks = 99\n", "utf-8")
    assert invoke(log, "--config", config, "--ticks", "5").exit_code == 0
    assert log.read_bytes() == undisturbed(log.parent, 5)


# Signals.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_tick_that_is_under_way(log: Path, number: signal.Signals) -> None:
    with Program(log, *FLAGS, "--json", driver=PAUSED, pause=2) as program:
        assert program.line("err") == "under way"
        program.tell(number)
        assert program.line("err") == "heard"
        program.answer()
        code, out, err = program.end()
    last = json.loads(out[-1])
    assert (code, err, last["tick"], last["final"]) == (0, [], 3, True)
    assert last["head"] == commits_in(log)[-1]["chain"]
    assert log.read_bytes() == undisturbed(log.parent, 3)
    assert not log.with_name("log.jsonl.lock").exists()


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_it_at_once_and_nothing_committed_is_lost(
    log: Path, number: signal.Signals, expected: int
) -> None:
    with Program(log, *FLAGS, "--json", driver=PAUSED, pause=3) as program:
        assert program.line("err") == "under way"
        program.tell(signal.SIGINT)
        assert program.line("err") == "heard"
        program.tell(number)
        code, out, err = program.end()
    assert (code, out, err) == (expected, [], [])
    with Log.open(log, write=True) as left:
        committed = len(left.commits)
    assert committed in {2, 3}  # the third may have been on its way to the disk
    ran(log, 5 - committed)
    assert log.read_bytes() == undisturbed(log.parent, 5)


def test_a_signal_between_two_ticks_ends_the_pause(log: Path) -> None:
    flags = ["--interval", "86400000", "--json", "--stats-interval", "1e-9"]
    with Program(log, *flags) as program:
        assert json.loads(program.line())["tick"] == 1
        program.tell(signal.SIGTERM)
        code, out, _ = program.end()
    assert (code, json.loads(out[-1])["tick"]) == (0, 1)
    assert whole(log) == 1


def test_a_killed_run_goes_on_to_the_bytes_of_an_undisturbed_one(log: Path) -> None:
    for lines in (1, 4):
        with Program(log, *FLAGS, "--json", "--stats-interval", "1e-9") as program:
            for _ in range(lines):
                program.line()
            program.tell(signal.SIGKILL)
            assert program.end()[0] == -signal.SIGKILL
    with Log.open(log, write=True) as left:
        committed = len(left.commits)
    assert committed >= 3  # what was said to be done before the last two ticks is durable
    ran(log, 3)
    assert log.read_bytes() == undisturbed(log.parent, committed + 3)


# One writer.


def test_a_second_writer_is_refused_by_the_first_one_s_process_number(log: Path) -> None:
    with Program(log, *FLAGS, driver=PAUSED, pause=1) as program:
        assert program.line("err") == "under way"
        assert f"process {program.pid};" in refused(invoke(log, "--ticks", "1"), 5)
        assert invoke("check", log).exit_code == 0
        assert invoke("stats", log).exit_code == 0
        program.tell(signal.SIGTERM)
        program.answer()
        assert program.end()[0] == 0
    assert log.read_bytes() == undisturbed(log.parent, 2)


# Nothing to step.


def test_terms_without_a_machine_are_told_the_way_out_and_an_operator_runs_them(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "log.jsonl", TERMS)
    with Program(path, "--ticks", "2") as program:
        code, out, err = program.end()
    assert (code, out, len(err)) == (7, [], 1)
    assert err[0].startswith("error: nothing to step: ")
    assert "--operator TERM" in err[0]
    assert "init PATH" in err[0]
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]
    flags = ["--ticks", "2", "--interval", "0"]
    assert invoke(path, *flags, "--operator", r"\a.\b.a b").exit_code == 0
    assert invoke(path, *flags).exit_code == 0
    assert whole(path) == 4


@pytest.mark.parametrize("objects", [[], [{"id": "a", "type": "text", "text": "no term"}]])
@pytest.mark.parametrize("flags", [[], ["--operator", "λx.x"]])
def test_a_file_without_terms_is_a_clear_error(
    tmp_path: Path, objects: list[Members], flags: list[str]
) -> None:
    path = written(tmp_path / "log.jsonl", objects)
    said = refused(invoke(path, *flags), 7)
    assert "no lambda terms" in said
    assert "init PATH" in said


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--tick", "3"], 2, "--ticks"),
        (["--ticks", "0"], 2, "--ticks"),
        (["--seconds", "nan"], 2, "--seconds"),
        (["--parallel", "0"], 2, "--parallel"),
        (["--operator", "λx.y"], 2, "y"),
        (["--operator", "(("], 2, "character"),
        (["--max-objects", "3"], 2, "raise it to at least"),
        (["--lock-dimension", "9"], 2, "0, 1, 2"),
        (["--focus-dimension", "9"], 2, "0, 1, 2"),
        (["--focus-probability", "2"], 2, "--focus-probability"),
        (["--durability", "maybe"], 2, "commit"),
    ],
)
def test_nonsense_is_refused_and_the_log_stays_as_it_is(
    log: Path, flags: list[str], code: int, said: str
) -> None:
    assert said in refused(invoke(log, *flags), code)
    assert log.read_bytes() == encoded(rich())


def test_another_number_of_places_is_refused_once_there_are_commits(log: Path) -> None:
    invoke(log, *FLAGS, "--ticks", "1")
    before = log.read_bytes()
    assert "begun with 10000" in refused(invoke(log, "--max-objects", "20000"), 2)
    assert log.read_bytes() == before


# Disks.


def privileged() -> list[str]:
    """What to start a program with so that rights count for root too."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("this is root, to whom every folder is writable, and setpriv is not there")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", "--"]


@pytest.mark.parametrize("ticks", [0, 2])
def test_a_folder_that_may_not_be_written_is_told_with_the_way_out(log: Path, ticks: int) -> None:
    if ticks:
        ran(log, ticks, **GIVEN)
    before = {file: file.read_bytes() for file in log.parent.iterdir()}
    command = [*privileged(), sys.executable, "-m", "automaton", str(log), "--ticks", "1"]
    log.parent.chmod(0o500)
    try:
        ended = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(HOME)}, capture_output=True, check=False
        )
    finally:
        log.parent.chmod(0o700)
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (4, b"", 1)
    assert b"copy the log into a folder that you may write to" in ended.stderr
    assert {file: file.read_bytes() for file in log.parent.iterdir()} == before


def test_a_file_that_may_not_be_written_is_told(log: Path) -> None:
    command = [*privileged(), sys.executable, "-m", "automaton", str(log), "--ticks", "1"]
    log.chmod(0o400)
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(HOME)}, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (4, b"", 1)
    assert str(log).encode() in ended.stderr


def test_where_room_ends_the_tick_is_rolled_back_and_the_error_says_what_it_took(
    log: Path,
) -> None:
    with Program(log, *FLAGS, "--ticks", "9", driver=STARVED) as program:
        code, _, err = program.end()
    assert (code, len(err)) == (8, 1)
    assert err[0].startswith(f"error: no room for {log}: ")
    needed = int(err[0].split(" bytes were needed")[0].rpartition(" ")[2])
    assert whole(log) == 4
    size = log.stat().st_size
    ran(log, 1)
    assert log.stat().st_size - size == needed > 300
    assert log.read_bytes() == undisturbed(log.parent, 5)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_a_run_at_its_last_commit(tiny: Path, tmp_path: Path) -> None:
    path = written(tiny / "log.jsonl", rich())
    said = refused(invoke(path, *FLAGS, "--min-free-disk", "0"), 8)
    assert f"no room for {path}: " in said
    ticks = whole(path)
    assert ticks > 0
    assert path.read_bytes() == undisturbed(tmp_path, ticks)
    again = refused(invoke(path, *FLAGS, "--min-free-disk", "0"), 8)
    assert "bytes were needed" in again
    shutil.copy(path, tmp_path / "log.jsonl")
    ran(tmp_path / "log.jsonl", 1)
    assert (tmp_path / "log.jsonl").read_bytes() == undisturbed(tmp_path, ticks + 1)


def test_a_damaged_log_is_told_with_its_code_and_left_alone(log: Path) -> None:
    ran(log, 5, **GIVEN)
    data = log.read_bytes()
    at = data.index(b'"population"')
    log.write_bytes(data[: at + 15] + b"f" + data[at + 16 :])
    log.with_name("log.jsonl.durable").unlink()
    before = log.read_bytes()
    assert "is damaged after byte" in refused(invoke(log, "--ticks", "1"), 6)
    assert log.read_bytes() == before


def test_a_machine_of_one_automaton_is_enough(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [automaton("0D", term="λx.λy.x")])
    result = invoke(path, "--ticks", "2", "--interval", "0")
    assert result.exit_code == 0
    assert "it stays" in result.stdout
