"""Want of memory is never taken for a false log, and what no machine can hold is refused."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from small import encoded, ran, rich

from automaton.cli import command_line, exit_codes
from automaton.errors import FileError, ShortOfMemoryError, WorkerError
from automaton.format.options import Options
from automaton.log import AuditedLog
from automaton.replay import memory_demand
from automaton.verify import VerifyRequest, verify
from automaton.verify.commit_verifier import CommitVerifier
from automaton.workers.memory_limits import Limit

PROGRAM = [sys.executable, "-m", "automaton"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(rich()))
    ran(path, 5, parallel=4)
    return path


@pytest.mark.parametrize("megabytes", [90, 120, 250, 320, 420])
def test_a_true_log_is_not_called_false_where_memory_ends(log: Path, megabytes: int) -> None:
    most = megabytes << 20

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    done = subprocess.run(  # nothing else runs in this process
        [*PROGRAM, "verify", str(log), "--json", "--workers", "2"], capture_output=True,
        check=False, preexec_fn=bounded,
    )  # fmt: skip
    assert done.returncode != 1, done.stderr
    assert b"Traceback" not in done.stderr
    if done.returncode == 0:
        assert json.loads(done.stdout)["ok"]


def test_no_library_takes_memory_for_threads_where_memory_is_bounded() -> None:
    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    code = (
        "import automaton.cli, numpy, os\n"
        "print(os.environ.get('OPENBLAS_NUM_THREADS'), len(os.listdir('/proc/self/task')))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(  # nothing else runs in this process
        [sys.executable, "-c", code], capture_output=True, check=True, preexec_fn=bounded,
        env=environment, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "1"]


@pytest.mark.parametrize(
    "error", [MemoryError(), ShortOfMemoryError("x"), WorkerError("x"), FileError("x")]
)
def test_what_says_nothing_about_a_log_is_no_fault_of_it(
    log: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(CommitVerifier, "_tick", failing)
    with AuditedLog.open(log) as opened, pytest.raises(type(error)):
        verify(opened, VerifyRequest(workers=1))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("can't start new thread"),
        ImportError("x.so: failed to map segment from shared object"),
    ],
)
def test_want_of_memory_has_an_exit_code_of_its_own_however_it_is_met(error: Exception) -> None:
    def failing() -> int:
        raise error

    assert exit_codes.status(failing) == ShortOfMemoryError.exit_code == 11


@pytest.mark.parametrize("name", ["max_objects", "parallel"])
def test_a_record_that_asks_for_more_than_there_is_is_refused_before_it_is_taken(
    log: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    options = Options(max_objects=1 << 24) if name == "max_objects" else Options(parallel=1 << 22)
    most = max(memory_demand.of(options)) - 1
    monkeypatch.setattr(memory_demand, "tightest", lambda *_: Limit(0, most, "a small machine"))
    with pytest.raises(ShortOfMemoryError, match=rf"{name} .* nothing was allocated"):
        memory_demand.refuse_more_than_there_is(options)
    monkeypatch.setattr(memory_demand, "tightest", lambda *_: Limit(0, 1000, "a small machine"))
    for command in ("verify", "run"):
        result = CliRunner().invoke(command_line, [command, str(log)])
        assert result.exit_code == 11
        assert "a small machine" in result.stderr


def test_a_defect_is_not_said_to_be_a_mismatch(tmp_path: Path) -> None:
    program = "import automaton.cli as c\nc.command_line.main = lambda: [][1]\nc.main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == exit_codes.DEFECT == 70
    assert b"IndexError" in done.stderr


def test_want_of_memory_is_known_by_what_an_error_came_of() -> None:
    def failing() -> int:
        raise LookupError("a library's own words") from MemoryError()

    assert exit_codes.status(failing) == ShortOfMemoryError.exit_code


def test_want_of_memory_while_an_error_is_said_is_said_without_any() -> None:
    program = (
        "import automaton.cli as c\n"
        "def end(): raise MemoryError\n"
        "c.command_line.main = end\n"
        "c.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (11, b"error: not enough memory\n")
