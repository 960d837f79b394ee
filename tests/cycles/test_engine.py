"""Cycles and the engine: results that depend on nothing but seeds, and what becomes of them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import engine_stages as own
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from automaton.cli import command_line
from automaton.compute.reduction import SubstitutionReducer
from automaton.cycles import EngineResult, ParallelEngine, load_population, replay_cycle
from automaton.cycles.catalysts import Catalyst, matches
from automaton.cycles.composite_index import composite_index
from automaton.cycles.decision_writer import identity
from automaton.cycles.engine import ENGINES
from automaton.cycles.frozen_population import FrozenPopulation, hashed
from automaton.cycles.graph import Graph, Stage
from automaton.cycles.plan import Job, Plan, in_sequence
from automaton.cycles.results import Candidate, CycleOutput, Result, from_text, to_text
from automaton.cycles.thread_executor import ThreadExecutor
from automaton.errors import AutomatonError, UsageError
from automaton.format import objects
from automaton.log import Log
from automaton.log.side_files.decision_log import find, paths
from automaton.run import Run
from automaton.terms import notation
from automaton.terms.encodings import IDENTITY
from automaton.terms.packed import apply

SHIPPED = Path(__file__).resolve().parents[2] / "automaton.jsonl"
FIELDS = {
    "total_executions", "completed", "failed", "success_rate", "duration_seconds",
    "throughput_per_second", "avg_cii", "max_parallel", "start_time", "end_time",
}  # fmt: skip
CATALYSTS = ["any", "object:not", "pattern:λ?x", "dimension:3", "term:λx.x"]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped log after some ticks."""
    path = tmp_path_factory.mktemp("engine") / "log.jsonl"
    path.write_bytes(SHIPPED.read_bytes())
    with Run(path, durability="off") as run:
        run.go(ticks=8, interval_ms=0)
    return path


@pytest.fixture(scope="module")
def branch(log: Path) -> FrozenPopulation:
    """The branch after its last commit."""
    return load_population(log)


def copy(log: Path, folder: Path) -> Path:
    """A log of one's own."""
    path = folder / "log.jsonl"
    for suffix in ("", ".genesis"):
        Path(f"{path}{suffix}").write_bytes(Path(f"{log}{suffix}").read_bytes())
    return path


def engine(
    branch: FrozenPopulation, kind: str = "thread", most: int = 16, **settings: object
) -> ParallelEngine:
    """An engine on the branch, without a measured speed-up."""
    given = {"sequential": 0.0, "workers": 2, **settings}
    return ParallelEngine("no.jsonl", most, kind, branch=branch, **given)  # type: ignore[arg-type]


def texts(ran: EngineResult) -> list[str]:
    """The results, as text."""
    return [to_text(result) for result in ran.results]


# A cycle.


@settings(max_examples=15)
@given(st.integers(0, (1 << 64) - 1), st.sampled_from(CATALYSTS))
def test_a_cycle_is_a_function_of_branch_catalyst_and_seed(
    branch: FrozenPopulation, seed: int, catalyst: str
) -> None:
    one, other = (replay_cycle(branch, seed, catalyst) for _ in range(2))
    assert not one.error
    assert to_text(one) == to_text(other)
    assert to_text(from_text(to_text(one))) == to_text(one)


def test_another_seed_finds_something_else(branch: FrozenPopulation) -> None:
    assert len({to_text(replay_cycle(branch, seed, None)) for seed in range(20)}) == 20


def test_a_branch_is_the_same_in_another_process(branch: FrozenPopulation) -> None:
    other = FrozenPopulation.unpacked(branch.packed())
    for seed, catalyst in enumerate(CATALYSTS):
        assert to_text(replay_cycle(other, seed, catalyst)) == to_text(
            replay_cycle(branch, seed, catalyst)
        )


def test_a_branch_knows_all_that_ever_won(log: Path, branch: FrozenPopulation) -> None:
    with Log.open(log, write=False) as opened:
        every = [line for tick in range(1, 9) for _, line in opened.batch_lines(tick)]
    parsed = [objects.parse_line(line) for line in every]
    won = [p.members for p in parsed if isinstance(p, objects.Object)]
    terms = [notation.parse(m["term"]) for m in won if m["type"] == "modification"]
    assert len(terms) > 100
    for words in terms:
        begin, size = np.zeros(1, np.int64), np.array([len(words)], np.int32)
        assert hashed(words, begin, size)[0] in branch.known


def test_candidates_are_what_their_parents_reduce_to(branch: FrozenPopulation) -> None:
    by_name = {name: branch.words(row) for row, name in enumerate(branch.names)}
    by_name |= {one.name: one.words for one in branch.operators}
    checked = 0
    for seed in range(30):
        for candidate in replay_cycle(branch, seed, "dimension:3").built.candidates:
            op, a, b = (by_name[name] for name in candidate.parents)
            found, steps = SubstitutionReducer().normal_form(apply(apply(op, a), b), 500)
            assert found is not None
            assert (found.tolist(), steps) == (candidate.words.tolist(), candidate.steps)
            checked += 1
    assert checked


def test_counts_of_a_cycle_add_up(branch: FrozenPopulation) -> None:
    for seed in range(10):
        metrics = replay_cycle(branch, seed, None).built.metrics
        outcomes = metrics["outcomes"]
        assert sum(outcomes.values()) == metrics["reactions"]
        assert metrics["normal_forms"] == outcomes["normal"] + outcomes["copy"]
        assert metrics["new"] <= metrics["results"] <= outcomes["normal"]
        assert metrics["agreed"] == metrics["recomputed"]


def test_a_dimension_reacts_what_its_selectors_allow(branch: FrozenPopulation) -> None:
    found = matches(branch, Catalyst.of("3"))
    names = {branch.names[row] for row in found.a.tolist()}
    for seed in range(10):
        for candidate in replay_cycle(branch, seed, "3").built.candidates:
            assert candidate.parents[0] == found.operators[0].name
            assert candidate.parents[2] in names


@pytest.mark.parametrize(
    ("text", "kind"),
    [("λx.x", "term"), ("\\x.x", "term"), ("λ?x", "pattern"), ("3", "dimension"), ("not", "object"),
     ("object:3", "object"), ("term:a", "term"), ("any", "any"), ("cycle:0.1", "object")],
)  # fmt: skip
def test_a_catalyst_says_what_it_is(text: str, kind: str) -> None:
    assert Catalyst.of(text).kind == kind


@pytest.mark.parametrize(
    "text", ["no-such-object", "dimension:99", "λx.y", "term:(", "?x ?x ?x ?x"]
)
def test_a_catalyst_that_is_none_is_an_error_before_anything_runs(
    branch: FrozenPopulation, text: str
) -> None:
    with pytest.raises(AutomatonError):
        engine(branch).run(1, [text])


# Graphs.


def test_a_graph_with_a_cycle_an_unknown_input_or_a_name_twice_is_an_error() -> None:
    a, b = Stage("a", own.advise, ("b",)), Stage("b", own.advise, ("a",))
    for stages in ((a, b), (a,), (Stage("a", own.advise), Stage("a", own.advise))):
        with pytest.raises(UsageError):
            Graph(stages)


def test_a_stage_of_ones_own_is_reacted_with_and_its_decision_kept(
    branch: FrozenPopulation,
) -> None:
    ran = engine(branch, graph=own.ADVISED).run(20)
    assert all({"stage": "advise", "advice": "two"} in r.decisions for r in ran.results)
    parents = {name for r in ran.results for c in r.built.candidates for name in c.parents}
    assert any("advice" in name for name in parents)


def test_stages_that_need_the_same_run_at_the_same_time_where_it_is_worth_it(
    branch: FrozenPopulation,
) -> None:
    meeting = own.Meeting(2)
    graph = Graph((Stage("a", meeting), Stage("b", meeting)), "a")
    flight = ThreadExecutor(
        Plan.of(branch, graph, ["any"]), iter([Job(0, 0, "any")]), lambda _: None, workers=2, most=1
    )
    flight._costs = own.Measured()
    done: list[object] = []
    flight._done = done.append
    with flight._changed:
        flight._idle = 1
    flight.prepare()
    flight.start()
    while not flight.join(1):
        pass
    flight.close()
    assert len(done) == 1


def test_the_stage_of_ten_lines_on_the_page_runs(log: Path) -> None:
    page = (SHIPPED.parent / "docs" / "engine.md").read_text()
    block = next(part for part in page.split("```") if "async def ask" in part)
    code = block.removeprefix("python\n").replace("log.jsonl", str(log)).replace("(1000)", "(20)")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        cwd=SHIPPED.parent,
    )  # fmt: skip
    assert "completed=20" in done.stdout, done.stderr


# The engine.


@pytest.mark.parametrize("kind", ENGINES)
def test_results_are_the_same_on_every_engine_and_alone(
    branch: FrozenPopulation, kind: str
) -> None:
    ran = engine(branch, kind, seed=5).run(24, CATALYSTS)
    alone = [to_text(replay_cycle(branch, 5 + k, CATALYSTS[k % 5])) for k in range(24)]
    assert texts(ran) == alone


@pytest.mark.parametrize("kind", ["thread", "process"])
@pytest.mark.parametrize("most", [1, 7, 300])
def test_results_do_not_depend_on_how_many_are_in_flight(
    branch: FrozenPopulation, kind: str, most: int
) -> None:
    ran = engine(branch, kind, most, graph=own.WAITING).run(40)
    assert texts(ran) == texts(engine(branch, "serial", graph=own.WAITING).run(40))
    assert ran.saw.in_flight <= most


def test_as_many_cycles_wait_at_the_same_time_as_may_be_in_flight(branch: FrozenPopulation) -> None:
    meeting = own.Meeting(50)  # returns only when all fifty are there
    ran = engine(branch, most=50, graph=own.graph(meeting, waits=True)).run(50)
    assert (ran.report.completed, ran.saw.in_flight) == (50, 50)
    assert ran.saw.kind == "waiting"


def test_a_thousand_cycles_in_flight_need_no_thousand_threads(branch: FrozenPopulation) -> None:
    seen = []

    async def count(_: object, __: object) -> None:
        seen.append(threading.active_count())

    ran = engine(branch, most=1000, graph=own.graph(count)).run(1000)
    assert ran.report.completed == 1000
    assert max(seen) < 50


@pytest.mark.parametrize("kind", ENGINES)
def test_a_failing_cycle_is_a_result_and_stops_no_other(
    branch: FrozenPopulation, kind: str
) -> None:
    ran = engine(branch, kind, graph=own.FAILS).run(11)
    report = ran.report
    assert (report.total_executions, report.completed, report.failed) == (11, 6, 5)
    assert report.success_rate == 6 / 11
    assert [r.error for r in ran.results][:2] == ["", "own: ValueError: seed 1 is odd"]


def test_a_stage_that_asks_to_exit_ends_its_cycle_alone(branch: FrozenPopulation) -> None:
    assert engine(branch, graph=own.LEAVES).run(5).report.failed == 5


def test_a_cycle_that_kills_its_process_twice_has_failed_and_the_others_not(
    branch: FrozenPopulation,
) -> None:
    ran = engine(branch, "process", graph=own.KILLED).run(12)
    assert [r.seed for r in ran.results if r.error] == [3]
    assert "SIGKILL" in ran.results[3].error


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_cycle_that_waits_past_its_deadline_has_failed(
    branch: FrozenPopulation, kind: str
) -> None:
    ran = engine(branch, kind, graph=own.FOREVER, deadline=0.05).run(6)
    assert ran.report.failed == 6
    assert all("DeadlineError" in r.error and "own" in r.error for r in ran.results)


def test_a_process_that_hangs_past_the_deadline_is_ended(branch: FrozenPopulation) -> None:
    ran = engine(branch, "process", graph=own.HANGS, deadline=0.3).run(6)
    assert [r.seed for r in ran.results if r.error] == [3]


@pytest.mark.parametrize("kind", ENGINES)
def test_stopping_keeps_what_is_finished(branch: FrozenPopulation, kind: str) -> None:
    under_way = engine(branch, kind, 4, graph=own.NAP)
    ran = under_way.run(100_000, progress=lambda done: under_way.stop() if done else None)
    assert ran.interrupted
    assert 0 < ran.report.total_executions < 100_000
    assert ran.report.completed == ran.report.total_executions == len(ran.results)


def test_ctrl_c_keeps_what_is_finished(branch: FrozenPopulation) -> None:
    def press(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    ran = engine(branch, graph=own.NAP).run(100_000, progress=press)
    assert ran.interrupted
    assert 0 < ran.report.completed < 100_000


def test_a_report_has_the_fields_that_are_known_and_no_other(branch: FrozenPopulation) -> None:
    ran = engine(branch).run(10)
    assert set(ran.report.as_json()) == FIELDS
    assert ran.report.start_time < ran.report.end_time
    measured = engine(branch, sequential=0.3).run(10)
    assert set(measured.report.as_json()) == FIELDS | {"speedup_vs_sequential"}
    assert (measured.saw.sequential_cycles, measured.saw.sequential_equal) == (3, 3)


def test_a_stage_without_a_module_is_refused_by_processes(branch: FrozenPopulation) -> None:
    with pytest.raises(UsageError, match="module"):
        engine(branch, "process", graph=own.graph(lambda _cycle, _of: None)).run(1)


@pytest.mark.parametrize(
    "settings", [{"kind": "fork"}, {"most": 0}, {"most": 1 << 20}, {"sequential": 2.0}]
)
def test_a_setting_that_cannot_be_is_an_error(
    branch: FrozenPopulation, settings: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        engine(branch, **settings)  # type: ignore[arg-type]


# The index.


def test_the_index_is_the_mean_of_what_was_counted() -> None:
    metrics = {
        "catalyst_score": 2, "reactions": 10, "normal_forms": 5, "recomputed": 4, "agreed": 3,
        "results": 8, "new": 2, "depth": 1.25,
    }  # fmt: skip
    best = Candidate(IDENTITY, 1, 3, new=True, parents=("o", "a", "b"))
    better, same = (
        Result(0, "any", CycleOutput((best,), metrics)),
        Result(1, "any", CycleOutput((), metrics)),
    )
    found = composite_index([better, same, Result(2, "any", error="x")])
    assert found.as_json() == {
        "cii": (0.5 + 0.5 + 0.75 + 0.25 + 0.25) / 5, "adaptability": 0.5, "clarity": 0.5,
        "stability": 0.75, "innovation": 0.25, "depth": 0.25,
    }  # fmt: skip


def test_an_index_of_nothing_is_not_known() -> None:
    assert set(composite_index([Result(0, "any", error="x")]).as_json().values()) == {None}


# Decisions.


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_decisions_of_a_thousand_cycles_are_whole_and_each_there_once(
    log: Path, tmp_path: Path, kind: str
) -> None:
    path = copy(log, tmp_path)
    ran = ParallelEngine(
        path, 100, kind, graph=own.WAITING, decisions=True, sequential=0.0, workers=2
    ).run(1000)
    written = [json.loads(line) for line in paths(path)[0].read_bytes().splitlines()]
    counted = Counter(row["id"] for row in written)
    assert counted == {identity(8, seed): 4 for seed in range(1000)}
    kept = [json.loads(line) for line in find(path, identity(8, 77).encode())]
    assert [row["stage"] for row in kept] == ["analyze", "architect", "mentor", "build"]
    assert kept[3]["score"] == ran.results[77].built.score


# The commands.


def test_the_commands_report_and_replay(log: Path, tmp_path: Path) -> None:
    path, rows = copy(log, tmp_path), tmp_path / "rows.jsonl"
    options = ["--count", "6", "--seed", "4", "--json", "--results", str(rows)]
    said = CliRunner().invoke(command_line, ["cycles", str(path), *options])
    assert said.exit_code == 0
    assert json.loads(said.stdout)["report"]["completed"] == 6
    kept = rows.read_text().splitlines()
    again = CliRunner().invoke(command_line, ["cycle", str(path), "--seed", "6", "--json"])
    assert again.stdout.strip() == kept[2]


def test_the_commands_tell_people(log: Path) -> None:
    told = CliRunner().invoke(command_line, ["cycles", str(log), "--count", "5", "--catalyst", "3"])
    assert told.exit_code == 0
    assert all(field in told.stdout for field in FIELDS)
    one = CliRunner().invoke(command_line, ["cycle", str(log), "--catalyst", "object:not"])
    assert one.exit_code == 0
    assert "catalyst_score" in one.stdout


def test_a_real_log_has_cycles(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "kernel.jsonl"
    path.write_bytes((shared_data / "automaton-kernel.jsonl").read_bytes())
    ran = ParallelEngine(path, 20, sequential=0.0).run(40)
    assert ran.report.failed == 0
    assert (
        in_sequence(
            Plan.of(load_population(path), own.EMPTY, ["any"]), Job(0, 0, "any")
        ).result.error
        == ""
    )
