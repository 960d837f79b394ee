"""The same experiment under many seeds, against the runs made one by one."""

from __future__ import annotations

import csv
import io
import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from small import TERMS, automaton, ran, written

from automaton.analysis.replicates import estimate


def said(*words: object) -> str:
    """What the program prints, as a user starts it."""
    command = [sys.executable, "-m", "automaton", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_means_are_those_of_runs_that_are_made_one_by_one(tmp_path: Path) -> None:
    objects = [automaton("0D"), *TERMS]
    log = written(tmp_path / "log.jsonl", objects)
    before = log.read_bytes()
    flags = ["--ticks", 6, "--seeds", 3, "--first-seed", 4, "--parallel", 8, "--every", 3, "--csv"]
    rows = list(csv.DictReader(io.StringIO(said("repeat", log, *flags))))
    assert log.read_bytes() == before
    finals = []
    for seed in (4, 5, 6):
        path = written(tmp_path / f"{seed}.jsonl", objects)
        ran(path, 6, seed=seed, parallel=8)
        finals.append(json.loads(said("series", path, "--json").splitlines()[-1]))
    for name in ("live", "distinct", "effective", "size_mean"):
        [row] = [r for r in rows if r["figure"] == name and r["tick"] == "6"]
        assert float(row["mean"]) == pytest.approx(statistics.fmean(f[name] for f in finals))
        assert float(row["low"]) <= float(row["mean"]) <= float(row["high"])
    assert {row["tick"] for row in rows} == {"3", "6"}


def test_the_options_of_a_log_that_has_run_are_those_of_the_repetitions(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [automaton("0D"), *TERMS])
    ran(log, 2, parallel=16, seed=9, copies=True)
    rows = [json.loads(line) for line in said(
        "repeat", log, "--ticks", 2, "--seeds", 1, "--first-seed", 9, "--json"
    ).splitlines()]  # fmt: skip
    own = json.loads(said("series", log, "--json").splitlines()[-1])
    last = {row["figure"]: row["mean"] for row in rows if row["tick"] == 2}
    assert last["live"] == own["live"]
    assert last["distinct"] == own["distinct"]
    assert all(row["low"] is None for row in rows)


def test_the_interval_is_students() -> None:
    mean, low, high = estimate([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert low == pytest.approx(2.5 - 3.182 * 1.2909944 / 2)
    assert high == pytest.approx(2.5 + 3.182 * 1.2909944 / 2)
