"""`measure` on a log that ran, as a user types it."""

from __future__ import annotations

import csv
import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from small import ran, rich, written

from automaton.cli import command_line

TICKS = 6


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a few ticks."""
    path = written(tmp_path_factory.mktemp("measure") / "log.jsonl", rich())
    ran(path, TICKS, parallel=8, max_objects=40)
    return path


def rows(*words: object) -> list[dict[str, Any]]:
    """What a measure prints as JSON, a row a line."""
    result = CliRunner().invoke(command_line, ["measure", *map(str, words), "--json"])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def series_of(log: Path) -> list[dict[str, Any]]:
    """What `series` prints of the same log."""
    result = CliRunner().invoke(command_line, ["series", str(log), "--json"])
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_diversity_of_activity_is_the_distinct_terms_of_the_series(log: Path) -> None:
    found = rows("activity", log)
    assert [row["tick"] for row in found] == list(range(TICKS + 1))
    assert [row["diversity"] for row in found[1:]] == [row["distinct"] for row in series_of(log)]
    assert found[0]["mean"] == found[0]["shadow_mean"] == 1


def test_the_shadow_begins_as_the_log_does_and_its_seed_decides_it(log: Path) -> None:
    first, again, other = (rows("activity", log, "--seed", seed) for seed in (1, 1, 2))
    assert first == again
    assert first[0] == {**other[0], "level": first[0]["level"], "new": first[0]["new"],
                        "shadow_new": first[0]["shadow_new"]}  # fmt: skip
    assert [row["cumulative"] for row in first] == [row["cumulative"] for row in other]


def test_modes_has_a_row_for_every_snapshot_but_the_last(log: Path) -> None:
    found = rows("modes", log, "--every", 4)
    assert [row["tick"] for row in found] == [0, 4]
    assert found[0]["change"] is found[0]["novelty"] is None
    assert all(row["novelty"] <= row["change"] <= row["persistent"] for row in found[1:])


def test_permutation_entropy_has_a_row_for_each_figure_of_the_series(log: Path) -> None:
    found = {row["figure"]: row for row in rows("permutation-entropy", log, "--order", 2)}
    values = [row["live"] for row in series_of(log)]
    rises = sum(a <= b for a, b in pairwise(values))
    assert found["live"]["patterns"] == TICKS - 1
    assert (found["live"]["bits"] == 0) is (rises in {0, TICKS - 1})


def test_higher_order_entropy_is_of_the_living_terms(log: Path) -> None:
    pytest.importorskip("brotli", reason="the extra `entropy` is not installed")
    found = rows("higher-order-entropy", log)
    assert len(found) == TICKS + 1
    for row in found:
        assert row["higher_order"] == pytest.approx(row["h0"] - row["compressed"])


def test_bounds_of_assembly_are_in_order_and_of_the_terms_asked_for(log: Path) -> None:
    found = rows("assembly", log, "--most", 3)
    assert {row["terms"] for row in found} == {3}
    assert all(row["lower_mean"] <= row["upper_mean"] for row in found)
    assert all(row["lower_most"] <= row["upper_most"] for row in found)


def test_rows_for_spreadsheets_have_the_same_values(log: Path) -> None:
    result = CliRunner().invoke(command_line, ["measure", "modes", str(log), "--csv"])
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [int(row["persistent"]) for row in table] == [
        row["persistent"] for row in rows("modes", log)
    ]


@pytest.mark.parametrize("name", ["activity", "modes", "permutation-entropy", "assembly"])
def test_a_log_that_never_ran_is_told_so(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "new.jsonl", rich())
    result = CliRunner().invoke(command_line, ["measure", name, str(path)])
    assert result.exit_code == 2
    assert "no ticks yet" in result.output
