"""Comparisons: cases of equal work, resumed after any end, true by their islands' logs."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small import rich, written

from automaton.cli import command_line
from automaton.comparison.comparison_plan import ComparisonPlan
from automaton.comparison.comparison_table import comparison_rows
from automaton.errors import UsageError
from automaton.islands.cross_verification import head_of_heads
from automaton.islands.folder import open_folder
from automaton.log import Log

SPEC = """
log = "genesis.jsonl"
work = 64
seeds = 3
places = 100
migrants = 2
permutations = 99
[settings]
streams = "all"
[grid]
islands = [1, 2]
parallel = [4, 8]
epoch = [2]
"""
VALUES: dict[str, Any] = {
    "log": "a", "work": 512, "seeds": 3, "grid": {"islands": [1, 2, 4], "parallel": [4, 8],
                                                  "epoch": [2, 16]},
}  # fmt: skip


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A comparison of two cases by two."""
    written(tmp_path / "genesis.jsonl", rich())
    path = tmp_path / "scale.toml"
    path.write_text(SPEC, "utf-8")
    return path


def compared(*arguments: object) -> Result:
    command = ["islands", "compare", *map(str, arguments)]
    return CliRunner().invoke(command_line, command)


def manifest(folder: Path) -> list[dict[str, Any]]:
    _, *lines = (folder / "manifest.jsonl").read_bytes().splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda row: row["run"])


# The plan.


def test_every_run_has_the_same_work_and_a_seed_of_its_own() -> None:
    plan = ComparisonPlan.of({**VALUES, "first_seed": 40})
    assert len({run.seed for run in plan.runs}) == len(plan.runs)
    assert min(run.seed for run in plan.runs) == 40
    for run in plan.runs:
        rounds = run.point["islands"] * run.point["parallel"] * run.point["epoch"]
        assert rounds * plan.epochs(run) == 512
    alone = [run.point["epoch"] for run in plan.runs if run.point["islands"] == 1]
    assert set(alone) == {2}  # it exchanges nothing, whatever its epochs
    cases = {tuple(run.point.values()) for run in plan.runs}
    assert len(cases) == 2 + 2 * 2 * 2 + 2
    assert len(plan.runs) == len(cases) * 3


def test_runs_may_have_equal_ticks_in_place_of_equal_work() -> None:
    values = {name: value for name, value in VALUES.items() if name != "work"}
    plan = ComparisonPlan.of({**values, "ticks": 32})
    assert {plan.epochs(run) * run.point["epoch"] for run in plan.runs} == {32}
    with pytest.raises(UsageError, match="epoch 16 does not divide"):
        ComparisonPlan.of({**values, "ticks": 24})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"work": 100}, "do not divide"),
        ({"ticks": 32}, "not both"),
        ({"places": 101}, "cannot share"),
        ({"seeds": 2}, "needs 3"),
        ({"grid": {"islands": [1]}}, "parallel"),
        ({"grid": {"islands": [1, 1], "parallel": [1], "epoch": [1]}}, "twice"),
        ({"settings": {"seed": 3}}, "no deciding option"),
        ({"islands": 3}, "no 'islands'"),
        ({"topology": 4, "delay": -1}, "delay"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ComparisonPlan.of({**VALUES, **change})


# The table.


def made_up(plan: ComparisonPlan) -> list[dict[str, Any]]:
    """Rows in which speed moves the sizes, scale nothing, and no measure else varies."""
    rows = []
    for run in plan.runs:
        noise, moved = run.number * 7 % 5, 40 if run.point["parallel"] == 8 else 0
        counts = {"1": 100 + noise + moved, "2": 100}
        same = {"x": 1}
        rows.append({
            "run": run.number, "settings": run.point,
            "distributions": {
                "win shares": {}, "operators": same, "dimensions": same,
                "diversity": {"effective": 50.0 + noise}, "sizes": counts, "steps": same,
            },
        })  # fmt: skip
    return rows


def test_what_differs_is_named_by_its_factor_and_placebos_are_not() -> None:
    plan = ComparisonPlan.of({**VALUES, "seeds": 8, "permutations": 999})
    rows = comparison_rows(plan, made_up(plan))
    assert {row.measure for row in rows} == {"sizes", "diversity"}
    differ = {
        (row.measure, row.factor, row.level) for row in rows if row.adjusted and row.adjusted < 0.05
    }
    assert differ == {("sizes", "parallel", "8")}
    [found] = [row for row in rows if row.measure == "sizes" and row.factor == "parallel"]
    assert found.strata == 1 + 2 * 2
    assert 0 < found.low < found.excess < found.high < found.shift
    placebos = [row for row in rows if row.factor == "placebo"]
    assert len(placebos) == 2 * 2
    assert all(row.adjusted is None and row.p > 0.05 for row in placebos)
    [scale] = {row.strata for row in rows if (row.factor, row.level) == ("islands", "4")}
    assert scale == 2  # rounds a tick; an island alone has one length of epochs


# The command.


@pytest.mark.slow
def test_a_killed_comparison_goes_on_and_its_islands_are_true(spec: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "automaton", "islands", "compare", str(spec)]
    other = tmp_path / "other"
    with subprocess.Popen(
        [*command, "--out", str(other), "--workers", "1"], start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as child:  # fmt: skip
        while not (other / "manifest.jsonl").exists() or len(manifest(other)) < 2:
            assert child.poll() is None
        os.killpg(child.pid, signal.SIGKILL)
    assert compared(spec, "--out", other, "--workers", "1").exit_code == 0
    result = compared(spec, "--workers", "2", "--csv")
    assert result.exit_code == 0, result.output
    folder = spec.with_suffix("")
    assert manifest(folder) == manifest(other)
    for row in manifest(folder):
        islands = open_folder(folder / row["log"])
        point, heads = row["settings"], []
        assert islands.archipelago.count == point["islands"]
        for path in islands.logs:
            with Log.open(path, write=False) as log:
                heads.append(log.head)
                assert len(log.commits) * point["islands"] * point["parallel"] == 64
        assert head_of_heads(heads).hex() == row["head"]
        ticks = sum(row["distributions"]["dimensions"].values())
        assert ticks == 64 // point["parallel"]
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["factor"] for row in table} == {"islands", "parallel", "placebo"}
    drawn = compared(spec, "--figures")
    assert drawn.exit_code == 0, drawn.output
    assert "placebo" in drawn.stdout
    assert len(list((folder / "figures").iterdir())) == 2 * len({row["measure"] for row in table})


def test_another_comparison_in_the_same_folder_is_refused(spec: Path) -> None:
    folder = spec.with_suffix("")
    folder.mkdir()
    (folder / "manifest.jsonl").write_bytes(b'{"comparison":"of others"}\n')
    result = compared(spec)
    assert result.exit_code == 2
    assert "another comparison" in result.output


def test_the_experiments_on_the_page_are_those_whose_heads_stand_beside_it() -> None:
    place = Path(__file__).resolve().parents[2] / "docs" / "scale"
    kept: dict[str, list[dict[str, Any]]] = {}
    for line in (place / "heads.jsonl").read_bytes().splitlines():
        row = json.loads(line)
        kept.setdefault(row["file"], []) if "file" in row else list(kept.values())[-1].append(row)
    for name, rows in kept.items():
        plan = ComparisonPlan.of(tomllib.loads((place / name).read_text("utf-8")))
        assert [(row["settings"], row["seed"]) for row in rows] == [
            (run.point, str(run.seed)) for run in plan.runs
        ]
    assert sorted(kept) == sorted(path.name for path in place.glob("*.toml"))
