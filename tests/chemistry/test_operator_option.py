"""`--operator` runs a log's terms without its machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import rich, transition, written

from automaton.errors import UsageError
from automaton.run import Run


def test_a_machine_rests_while_an_operator_of_the_options_works(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    with Run(log, {"parallel": 8}) as run:
        run.go(ticks=7, interval_ms=0)
        before = dict(run.world.state.actions), run.world.state.automaton
    with Run(log, {"operator": "λλ0 1"}) as run:
        stats = run.go(ticks=9, interval_ms=0)
        assert (dict(run.world.state.actions), run.world.state.automaton) == before
        assert stats.dimension == 0
        assert run.log.last_commit is not None
        assert run.log.last_commit.dimension == 0


@pytest.mark.parametrize("name", ["lock_dimension", "focus_dimension"])
def test_a_dimension_beside_an_operator_is_refused(tmp_path: Path, name: str) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    with pytest.raises(UsageError, match="leave one"):
        Run(log, {"operator": "λλ0 1", name: 1})
    assert not list(tmp_path.glob("*.genesis"))


def test_an_action_that_nobody_knows_is_named_and_does_nothing(tmp_path: Path) -> None:
    log = written(tmp_path / "log.jsonl", [*rich(), transition("odd", "0D", "0D", "dance")])
    with Run(log, {"parallel": 4}) as run:
        run.go(ticks=3, interval_ms=0)
        (problem,) = run.world.program.problems
        assert problem.startswith("odd: ")
        assert "dance" in problem
