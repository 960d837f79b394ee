"""What people met when they first observed logs with streams."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from automaton.cli import command_line
from automaton.errors import TermError
from automaton.run import Run
from automaton.terms.notation import parse_together

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"


def ran(path: Path, ticks: int = 60, **given: Any) -> Path:
    """A copy of the shipped log, run."""
    path.write_bytes(SHIPPED.read_bytes())
    with Run(path, {"max_objects": 400, **given}, durability="off") as run:
        run.go(ticks=ticks, interval_ms=0)
    return path


def invoke(*arguments: object) -> Any:
    """A command, run here."""
    return CliRunner().invoke(command_line, [str(argument) for argument in arguments])


def test_salience_above_one_is_observed_over_the_range_that_it_has(tmp_path: Path) -> None:
    path = ran(tmp_path / "log.jsonl", streams="all")
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert max(row["salience"] for row in rows if "stream" in row) > 1 << 16
    done = invoke("observe", path, "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.output)["figures"]
    entropy = [figure["value"] for figure in figures if figure["name"] == "entropy of salience"]
    assert all(0 < value < 2.33 for value in entropy)


@pytest.mark.parametrize(
    ("given", "why"),
    [({"parallel": 32}, "--parallel 32"), ({"max_size": 99}, "--max-size 99"), ({}, "ticks")],
)
def test_a_null_model_of_other_options_or_ticks_is_refused(
    tmp_path: Path, given: dict[str, Any], why: str
) -> None:
    path = ran(tmp_path / "log.jsonl", 12, streams="all")
    null = ran(tmp_path / "null.jsonl", 12 if given else 13, **given)
    done = invoke("observe", path, "--null", null)
    assert done.exit_code == 2
    assert why in done.stderr


def test_a_null_model_of_the_same_options_is_taken(tmp_path: Path) -> None:
    path = ran(tmp_path / "log.jsonl", 12, streams="all")
    assert invoke("observe", path, "--null", ran(tmp_path / "null.jsonl", 12)).exit_code == 0


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [("λx.(", "λx.x", "pattern"), ("λx.x", "λx.(", "replacement")],
)
def test_what_of_a_rewriting_rule_cannot_be_read_is_named(
    first: str, second: str, named: str
) -> None:
    with pytest.raises(TermError, match=f"^{named}: cannot read the term"):
        parse_together(first, second)
