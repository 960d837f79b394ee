"""Commands started with standard descriptors closed work, and open no log in their place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small import commits_in, encoded, rich

PROGRAM = f"{sys.executable} -m automaton"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_run_with_closed_descriptors_appends_its_ticks_and_nothing_else(
    tmp_path: Path, closed: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(encoded(rich()))
    command = f"{PROGRAM} run {path} --ticks 2 --interval 0 --parallel 4 {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert len(commits_in(path)) == 2
    command = f"{PROGRAM} verify {path} --workers 1 {closed}"
    assert subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_file_that_is_opened_gets_a_standard_number(tmp_path: Path, number: int) -> None:
    path = tmp_path / "file"
    program = (
        "import os; from automaton.cli import descriptors; descriptors.make_safe(); "
        f"fd = os.open({str(path)!r}, os.O_CREAT | os.O_WRONLY); "
        "os.write(fd, str(fd).encode()); print(fd)"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.close(number),
    )  # fmt: skip
    assert int(path.read_text()) > 2


@pytest.mark.parametrize("command", ["reduce 'λx.x'", "church add 1 2", "--version", "--help"])
def test_short_commands_with_standard_output_closed_end_well(command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{PROGRAM} {command} >&-"], check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
