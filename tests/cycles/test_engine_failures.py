"""What goes wrong around cycles: what is finished stays, figures stay what they say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine_stages as own
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from automaton.cli import command_line
from automaton.cycles import ParallelEngine, load_population
from automaton.cycles.engine import ENGINES
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.graph import Graph, Stage
from automaton.cycles.plan import FinishedCycle, Job, Plan
from automaton.cycles.results import to_text
from automaton.cycles.stages import STANDARD
from automaton.cycles.thread_copy import copy_population
from automaton.cycles.thread_executor import ThreadExecutor
from automaton.cycles.worker import read, written
from automaton.errors import UsageError, WorkerError
from automaton.log.side_files.decision_log import DecisionLog, paths
from automaton.workers import spawn

ROWS = [
    {"id": "op", "type": "automaton", "dimensionalLevel": 0, "term": "λλ1 0"},
    {"id": "K", "type": "term", "term": "λλ1"},
    {"id": "S", "type": "term", "term": "λλλ2 0 (1 0)"},
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of a few terms."""
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS))
    return path


@pytest.fixture
def branch(log: Path) -> FrozenPopulation:
    """Its branch."""
    return load_population(log)


def engine(branch: FrozenPopulation, kind: str = "thread", **settings: Any) -> ParallelEngine:
    """An engine on the branch."""
    given = {"sequential": 0.0, "workers": 2, **settings}
    return ParallelEngine("no.jsonl", 16, kind, branch=branch, **given)


@pytest.mark.parametrize(("graph", "deadline"), [(own.KILLED, None), (own.HANGS, 0.3)])
def test_a_cycle_that_cost_its_process_is_not_run_again_here(
    branch: FrozenPopulation, graph: Graph, deadline: float | None
) -> None:
    ran = engine(branch, "process", graph=graph, deadline=deadline, sequential=1.0).run(6)
    assert [r.seed for r in ran.results if r.error] == [3]
    assert ran.saw.sequential_cycles == ran.saw.sequential_equal == 5


def test_a_speed_up_of_nothing_completed_is_not_measured(branch: FrozenPopulation) -> None:
    ran = engine(branch, graph=own.LEAVES, sequential=1.0).run(4)
    assert ran.report.speedup_vs_sequential is None


def test_stopping_while_cycles_are_run_again_keeps_those_that_were(
    branch: FrozenPopulation,
) -> None:
    holder: list[ParallelEngine] = []
    seen: list[int] = []

    def counted(cycle: Any, _: Any) -> None:
        seen.append(cycle.seed)
        if len(seen) == 10 + 3:
            holder[0].stop()

    holder.append(engine(branch, graph=own.graph(counted), sequential=1.0))
    ran = holder[0].run(10)
    assert (ran.report.completed, ran.interrupted) == (10, False)
    assert ran.saw.sequential_cycles == 3


def test_a_process_that_cannot_be_replaced_ends_the_call_and_not_what_is_finished(
    branch: FrozenPopulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: Callable[[str], Any] = spawn.ChildProcess.start
    calls: list[str] = []

    def once(module: str) -> Any:
        calls.append(module)
        if len(calls) > 1:
            raise WorkerError("no worker process can be started")
        return started(module)

    monkeypatch.setattr(spawn.ChildProcess, "start", once)
    ran = engine(branch, "process", workers=1, graph=own.KILLED, deadline=60.0).run(12)
    assert isinstance(ran.trouble, WorkerError)
    assert [r.seed for r in ran.results] == [0, 1, 2]
    assert ran.as_json()["trouble"] == str(ran.trouble)


def test_processes_that_do_not_start_are_an_error(
    branch: FrozenPopulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: str) -> Any:
        raise WorkerError("no worker process can be started")

    monkeypatch.setattr(spawn.ChildProcess, "start", never)
    with pytest.raises(WorkerError):
        engine(branch, "process").run(3)


def test_decisions_that_cannot_be_written_cost_no_results(
    log: Path, branch: FrozenPopulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: DecisionLog, __: object, ___: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(DecisionLog, "append", full)
    ran = ParallelEngine(log, branch=branch, decisions=True, sequential=0.0).run(8)
    assert ran.report.completed == 8
    assert "No space left" in str(ran.trouble)


def test_a_decision_that_json_has_no_word_for_fails_its_cycle_alone_between_processes(
    branch: FrozenPopulation,
) -> None:
    ran = engine(branch, "process", graph=own.UNTELLABLE).run(6)
    assert [r.seed for r in ran.results if r.error] == [1, 3, 5]
    assert "no JSON" in ran.results[1].error


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4))
def test_what_processes_write_is_read_as_by_the_standard_library(
    values: list[Any],
) -> None:
    due = json.loads(json.dumps(values))
    assert repr(read(b"[%s]" % written(values))[0]) == repr(due)  # NaN is not equal to itself


def test_a_decision_that_json_has_no_word_for_is_written_as_python_has_it(
    log: Path, branch: FrozenPopulation
) -> None:
    own_engine = ParallelEngine(
        log, branch=branch, decisions=True, sequential=0.0, graph=own.UNTELLABLE
    )
    assert own_engine.run(4).report.completed == 4
    rows = [json.loads(line) for line in paths(log)[0].read_bytes().splitlines()]
    assert {json.dumps(row["seen"]) for row in rows} == {"1", '"{1}"'}


def test_an_index_of_what_ones_own_stage_counts_is_not_known(branch: FrozenPopulation) -> None:
    ran = engine(branch, graph=own.COUNTS).run(3)
    assert ran.report.completed == 3
    assert set(ran.cii.as_json().values()) == {None}


def test_a_name_that_no_stage_has_is_an_error() -> None:
    with pytest.raises(UsageError, match="bild"):
        Graph((Stage("build", own.advise),), "bild")
    with pytest.raises(UsageError, match="bild"):
        STANDARD.plus(Stage("advise", own.advise), feeds="bild")


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize(("work", "what"), [(own.advise_as_text, "str"), (own.forgets, "NoneType")])
def test_a_cycle_fails_where_what_feeds_build_is_no_proposal(
    branch: FrozenPopulation, kind: str, work: Any, what: str
) -> None:
    graph = STANDARD.plus(Stage("advise", work, ("analyze",)), feeds="build")
    ran = engine(branch, kind, graph=graph).run(2)
    assert ran.report.failed == 2
    said = f"build: UsageError: stage 'advise' feeds build but returned {what}, which is no Propos"
    assert all(result.error.startswith(said) for result in ran.results)
    assert all("StageOutput(Proposal(...), decision)" in result.error for result in ran.results)


def test_a_stage_that_computes_beside_is_counted_as_computing(branch: FrozenPopulation) -> None:
    entered, told = threading.Event(), list[FinishedCycle]()

    def computes(_: Any, __: Any) -> int:
        entered.wait(60)  # the other one is under way
        until = time.thread_time() + 0.02
        total = 0
        while time.thread_time() < until:
            total += 1
        return total

    def enters(_: Any, __: Any) -> None:
        entered.set()

    graph = Graph((Stage("a", computes), Stage("b", computes), Stage("c", enters)), "a")
    plan = Plan.of(branch, graph, ["any"])
    flight = ThreadExecutor(plan, iter([Job(0, 0, "any")]), told.append, workers=3, most=1)
    flight._costs = own.Measured()
    flight._idle = 2  # as if others had nothing to do
    flight.prepare()
    flight.start()
    while not flight.join(1):
        pass
    flight.close()
    assert told[0].computed >= 0.04
    assert told[0].waited == 0.0


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_processes_hand_over_what_threads_find(branch: FrozenPopulation, kind: str) -> None:
    ran = engine(branch, kind).run(5)
    assert [to_text(r) for r in ran.results] == [
        to_text(r) for r in engine(branch, "serial").run(5).results
    ]


def test_results_that_cannot_be_written_are_known_before_anything_runs(log: Path) -> None:
    said = CliRunner().invoke(
        command_line,
        ["cycles", str(log), "--count", "3", "--results", str(log.parent / "no" / "file")],
    )
    assert said.exit_code == 4
    assert "total_executions" not in said.output


def test_workers_of_a_serial_engine_are_an_error(log: Path) -> None:
    said = CliRunner().invoke(
        command_line, ["cycles", str(log), "--engine", "serial", "--workers", "4"]
    )
    assert said.exit_code == 2
    assert "leave one" in said.output


def fails_at_times(cycle: Any, _: Any) -> str:
    """A quick stage that fails now and then."""
    if cycle.seed % 5 == 3:
        raise ValueError(f"seed {cycle.seed}")
    return "well"


def test_a_cycle_fails_the_same_once_its_stages_are_known_to_be_quick(
    branch: FrozenPopulation,
) -> None:
    graph = Graph((Stage("a", fails_at_times), Stage("b", lambda _, __: "too")), "b")
    alone = engine(branch, "serial", graph=graph).run(60)
    beside = engine(branch, graph=graph).run(60)
    assert [to_text(result) for result in beside.results] == [to_text(r) for r in alone.results]
    assert beside.report.failed == 12
    assert alone.results[3].error == "a: ValueError: seed 3"


def test_a_quick_stage_that_once_takes_too_long_fails_its_cycle(branch: FrozenPopulation) -> None:
    def slow_at_last(cycle: Any, _: Any) -> None:
        until = time.perf_counter() + (0.3 if cycle.seed == 30 else 0)
        while time.perf_counter() < until:
            pass

    graph = Graph((Stage("a", slow_at_last),), "a")
    ran = engine(branch, graph=graph, deadline=0.2, workers=1).run(31)
    assert "--deadline" in ran.results[30].error


def test_what_a_thread_has_of_a_snapshot_is_views_of_the_same_arrays(
    branch: FrozenPopulation,
) -> None:
    copied = copy_population(branch)
    assert copied.packed() == branch.packed()
    for name, array in vars(branch).items():
        if isinstance(array, np.ndarray):
            own_array = getattr(copied, name)
            assert own_array is not array
            assert own_array.base is array
    assert copied.spare is branch.spare
