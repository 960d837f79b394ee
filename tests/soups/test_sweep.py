"""A sweep: every point of a grid under every seed, resumed after any end, true by its logs."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small import TERMS, written

from automaton.cli import command_line
from automaton.errors import NothingToRunError, UsageError
from automaton.log import AuditedLog
from automaton.soups.sweep_plan import SweepPlan
from automaton.verify import VerifyRequest, verify

SPEC = """
log = "soup.jsonl"
ticks = 6
seeds = 2
first_seed = 5
[settings]
operator = 'λx.λy.x y'
updating = "sequential"
parallel = 20
[grid]
max_objects = [8, 12]
copies = [true, false]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    written(tmp_path / "soup.jsonl", TERMS)
    path = tmp_path / "grid.toml"
    path.write_text(SPEC, "utf-8")
    return path


def swept(*arguments: object) -> Result:
    return CliRunner().invoke(command_line, ["sweep", *map(str, arguments)])


def rows(folder: Path) -> list[dict[str, object]]:
    first, *others = (folder / "manifest.jsonl").read_bytes().splitlines()
    assert json.loads(first)["runs"] == 8
    return sorted((json.loads(line) for line in others), key=lambda row: row["run"])


def test_every_setting_is_run_under_every_seed_and_its_log_is_true(spec: Path) -> None:
    result = swept(spec, "--json", "--workers", "2")
    assert result.exit_code == 0, result.output
    folder = spec.with_suffix("")
    shown = [json.loads(line) for line in result.stdout.splitlines()]
    assert shown == rows(folder)
    assert [(row["settings"], row["seed"]) for row in shown] == [
        ({"max_objects": size, "copies": copies}, str(seed))
        for size in (8, 12)
        for copies in (True, False)
        for seed in (5, 6)
    ]
    for row in shown:
        with AuditedLog.open(folder / row["log"]) as log:
            assert log.head.hex() == row["head"]
            assert verify(log, VerifyRequest(workers=1)).ok
            assert sum(row["figures"]["outcomes"].values()) == 6 * 20
    table = swept(spec)
    assert "max_objects=12 copies=False" in table.stdout
    read = list(csv.DictReader(io.StringIO(swept(spec, "--csv").stdout)))
    assert [row["head"] for row in read] == [row["head"] for row in shown]


def test_a_killed_sweep_goes_on_and_comes_to_the_same_heads(spec: Path, tmp_path: Path) -> None:
    swept(spec, "--out", tmp_path / "whole")
    wanted = [row["head"] for row in rows(tmp_path / "whole")]
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "automaton", "sweep", str(spec), "--out", str(folder)]
    manifest = folder / "manifest.jsonl"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if manifest.exists() and manifest.read_bytes().count(b"\n") > 2:
                os.kill(process.pid, signal.SIGKILL)
                break
    with manifest.open("ab") as file:
        file.write(b'{"run":7,"lo')
    result = swept(spec, "--out", folder)
    assert result.exit_code == 0, result.output
    assert [row["head"] for row in rows(folder)] == wanted


def test_another_sweep_is_not_mixed_into_a_folder(spec: Path) -> None:
    assert swept(spec).exit_code == 0
    spec.write_text(SPEC.replace("ticks = 6", "ticks = 7"), "utf-8")
    result = swept(spec)
    assert result.exit_code == 2
    assert "holds another sweep" in result.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log": None}, "needs log"),
        ({"ticks": 0}, "whole number above 0"),
        ({"sed": 3}, "has no 'sed'"),
        ({"seeds": [1, 1]}, "different numbers"),
        ({"seeds": -1}, "it is how many"),
        ({"grid": {"copies": True}}, "a list of values"),
        ({"grid": {"copies": [True, True]}}, "a value twice"),
        ({"grid": {"workers": [1, 2]}}, "no deciding option"),
        ({"settings": {"copies": True}, "grid": {"copies": [True]}}, "leave one"),
        ({"grid": {"max_size": [0]}}, "from 1 to"),
        ({"seeds": 1000, "grid": {"max_size": list(range(1, 200))}}, "more than 100,000 runs"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is(
    change: dict[str, object], message: str
) -> None:
    values = {"log": "a.jsonl", "ticks": 3, "seeds": 2, **change}
    with pytest.raises(UsageError, match=message):
        SweepPlan.of({name: value for name, value in values.items() if value is not None})


def test_a_file_that_is_no_sweep_is_refused_in_a_line(tmp_path: Path) -> None:
    for name, data in (("a.toml", b"log = "), ("b.toml", b"\xff"), ("c.toml", b"ticks = 3")):
        path = tmp_path / name
        path.write_bytes(data)
        result = swept(path)
        assert result.exit_code in {2, 4}
        assert str(path) in result.stderr
        assert result.stderr.count("\n") == 1


def test_an_error_of_a_run_is_one_of_its_kind_and_names_the_log(tmp_path: Path) -> None:
    (tmp_path / "soup.jsonl").write_bytes(b"no terms\n")
    spec = tmp_path / "grid.toml"
    spec.write_text(SPEC, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "automaton", "sweep", str(spec)], capture_output=True, check=False
    )
    assert done.returncode == NothingToRunError.exit_code, done.stderr
    assert b"runs/0000" in done.stderr


def test_runs_without_a_manifest_are_nobodys(spec: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert swept(spec, "--out", folder, "--only", 0).exit_code == 0
    (folder / "manifest.jsonl").unlink()
    result = swept(spec, "--out", folder)
    assert "no manifest that says of what" in result.output
    assert not (folder / "manifest.jsonl").exists()


def test_a_run_that_begins_otherwise_is_not_taken_for_one_of_the_sweep(
    spec: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    (folder / "runs").mkdir(parents=True)
    assert swept(spec, "--out", tmp_path / "true", "--only", 0).exit_code == 0
    (folder / "manifest.jsonl").write_bytes(
        (tmp_path / "true" / "manifest.jsonl").read_bytes().splitlines(keepends=True)[0]
    )
    written(folder / "runs" / "00000.jsonl", TERMS[1:])
    result = swept(spec, "--out", folder)
    assert "does not begin as this sweep would have it" in result.output


@pytest.mark.parametrize("row", [b'{"run":0}', b"{}", b"7", b'{"run":1,"log":"x"}'])
def test_a_manifest_with_a_row_that_is_none_is_refused(
    spec: Path, tmp_path: Path, row: bytes
) -> None:
    folder = tmp_path / "out"
    assert swept(spec, "--out", folder, "--only", 0).exit_code == 0
    with (folder / "manifest.jsonl").open("ab") as file:
        file.write(row + b"\n")
    assert "is no manifest of a sweep" in swept(spec, "--out", folder).output
