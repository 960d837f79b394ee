"""Whole runs on numerals: with closed forms and without them the same bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automaton.population import Population
from automaton.run import Run
from automaton.terms import encodings
from automaton.terms.notation import format_term
from kernels.terms import church

RULE = {
    "id": "square", "type": "rule", "match": "numeral and size > 9",
    "operator": format_term(church.OPERATORS[church.MULTIPLICATION]),
}  # fmt: skip


def numerals(log: Path) -> None:
    """Nine numerals, two other terms, a rule that puts another operator in."""
    some = [*map(encodings.numeral, range(9)), encodings.TRUE, encodings.PAIR]
    lines = [{"id": f"t{k}", "type": "term", "term": format_term(x)} for k, x in enumerate(some)]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, RULE]))


def went(log: Path, kind: int, **more: Any) -> tuple[str, Run]:
    """The hash of a run under an arithmetic operator, and the run."""
    numerals(log)
    given = {
        "operator": format_term(church.OPERATORS[kind]), "parallel": 60, "max_objects": 40,
        "max_steps": 90, "max_size": 50, "seed": 3, **more,
    }  # fmt: skip
    with Run(log, given, durability="off") as run:
        run.go(ticks=4, interval_ms=0)
    return hashlib.sha256(log.read_bytes()).hexdigest(), run


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("kind", church.OPERATORS)
def test_a_run_that_reckons_writes_the_bytes_of_one_that_reduces(
    kind: int, copies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoned, run = went(tmp_path / "log.jsonl", kind, copies=copies)
    assert kind in run.world.population.column["form"].tolist()
    monkeypatch.setattr(church, "kind_of", lambda _operator: 0)
    reduced, run = went(tmp_path / "other.jsonl", kind, copies=copies)
    assert not run.world.population.column["form"].any()
    assert reckoned == reduced


def known(population: Population) -> list[tuple[int, int]]:
    """Value and number by row, for what lives."""
    live = np.flatnonzero(population.column["live"])
    columns = (population.column[name][live].tolist() for name in ("value", "form"))
    return list(zip(*columns, strict=True))


def test_the_values_that_a_run_kept_are_those_of_its_terms(tmp_path: Path) -> None:
    _, run = went(tmp_path / "log.jsonl", church.ADDITION)
    population = run.world.population
    counts = {encodings.numeral(n).tobytes(): n for n in range(60)}
    live = np.flatnonzero(population.column["live"]).tolist()
    expected = [counts.get(population.words(row).tobytes(), -1) for row in live]
    assert [value for value, _ in known(population)] == expected
    assert max(expected) > 8
    with Run(tmp_path / "log.jsonl", {}, durability="off") as again:
        assert known(again.world.population) == known(population)
