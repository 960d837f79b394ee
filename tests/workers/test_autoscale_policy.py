"""Decisions about workers, from invented figures in both directions; and once from real ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from small import rich, written

from automaton.backends import DeviceRequest
from automaton.cli import command_line
from automaton.errors import ShortOfMemoryError, UsageError
from automaton.run import Run
from automaton.run import autoscaler as acting
from automaton.workers.autoscale_policy import (
    COOL_DOWN,
    HALVINGS,
    PATIENCE,
    Action,
    Decision,
    Engine,
    PolicyState,
    Readings,
    ScalingOptions,
    decide,
)
from automaton.workers.memory_limits import Limit, tightest, tree_bytes
from automaton.workers.processes import ProcessPool

GB = 1 << 30
EASY = Readings(GB, 8 * GB, "invented", 2, 16, 0.1, 4)  # an eighth of memory is used
SCARCE = replace(EASY, used=int(7.5 * GB))
MIDDLE = replace(EASY, used=4 * GB)
RESTED = PolicyState(calm=COOL_DOWN)


def course(
    figures: Readings, looks: int, scaling: ScalingOptions, memory: PolicyState = RESTED
) -> list[str]:
    """The actions of so many looks at figures that only the workers change."""
    actions: list[str] = []
    for _ in range(looks):
        decision, memory = decide(figures, memory, scaling)
        figures = replace(figures, workers=decision.workers)
        actions.append(decision.action)
    return actions


def test_it_grows_while_little_memory_is_used() -> None:
    decision, _ = decide(EASY, RESTED, ScalingOptions())
    assert (decision.action, decision.workers) == ("grow", 3)
    assert "12% of 8,590 MB used (invented), under 30% used" in decision.reason


def test_it_shrinks_when_little_memory_is_free_after_batches_were_made_smaller() -> None:
    actions = course(SCARCE, HALVINGS + 1, ScalingOptions())
    assert actions == ["smaller"] * HALVINGS + ["shrink"]


def test_it_holds_between_the_thresholds() -> None:
    assert set(course(MIDDLE, 50, ScalingOptions())) == {"hold"}


def test_no_figures_meet_both_thresholds() -> None:
    for percent in range(101):
        figures = replace(EASY, used=percent, limit=100)
        grows = "grow" in course(figures, COOL_DOWN, ScalingOptions())
        shrinks = "shrink" in course(figures, 50, ScalingOptions(), replace(RESTED, before=None))
        assert not (grows and shrinks) or percent < 30  # growth taken back is no want of memory


def test_pressure_is_met_in_the_stated_order() -> None:
    actions = [a for a in course(SCARCE, 60, ScalingOptions()) if a != "hold"]
    assert actions[: HALVINGS + 4] == ["smaller"] * HALVINGS + [
        "shrink", "trim", "collect", "pause",
    ]  # fmt: skip
    assert set(actions[HALVINGS + 4 :]) == {"pause"}


def test_a_threshold_of_pressure_below_want_changes_batches_and_no_workers() -> None:
    figures = replace(EASY, used=int(8 * GB * 0.85))
    actions = course(figures, 20, ScalingOptions())
    assert [a for a in actions if a != "hold"] == ["smaller"] * HALVINGS + ["trim", "collect"]


def test_batches_are_as_before_when_the_pressure_is_over() -> None:
    relieved = PolicyState(calm=COOL_DOWN, relieved=2)
    decision, memory = decide(MIDDLE, relieved, ScalingOptions())
    assert decision.action == "restore"
    assert decide(MIDDLE, memory, ScalingOptions())[0].action == "hold"
    nearly = replace(EASY, used=int(8 * GB * 0.78))
    assert decide(nearly, relieved, ScalingOptions())[0].action == "hold"  # hysteresis


def test_changes_are_one_step_and_a_cool_down_apart() -> None:
    actions = course(replace(EASY, workers=1), COOL_DOWN + 1, ScalingOptions())
    assert actions[0] == "grow"
    assert set(actions[1:COOL_DOWN]) == {"hold"}


def test_growing_that_did_not_pay_is_taken_back_and_not_tried_again_for_long() -> None:
    actions = course(EASY, PATIENCE + 3 * COOL_DOWN, ScalingOptions())
    assert actions[0] == "grow"
    assert actions[COOL_DOWN] == "shrink"
    again = actions.index("grow", 1)
    assert again > PATIENCE


def test_growing_that_paid_goes_on_to_the_limit() -> None:
    figures, memory = replace(EASY, tick_seconds=0.25), RESTED
    scaling = ScalingOptions(max_workers_limit=5)
    for _ in range(20 * COOL_DOWN):
        decision, memory = decide(figures, memory, scaling)
        figures = replace(figures, workers=decision.workers, tick_seconds=1 / decision.workers**2)
    assert figures.workers == 5


def test_no_worker_is_added_where_a_tick_has_no_work_for_it() -> None:
    assert set(course(replace(EASY, shards=2), 30, ScalingOptions())) == {"hold"}


def test_a_fixed_number_stays_fixed() -> None:
    fixed = ScalingOptions(auto_scale=False)
    assert set(course(EASY, 30, fixed)) == {"hold"}
    assert "shrink" not in course(SCARCE, 30, fixed)


@given(
    st.integers(0, 10 * GB), st.integers(0, 8 * GB), st.integers(1, 16), st.integers(1, 64),
    st.floats(0, 10), st.integers(1, 8), st.integers(1, 4), st.integers(0, 4),
)  # fmt: skip
def test_workers_stay_within_their_bounds_and_change_by_one(
    used: int, limit: int, workers: int, shards: int, seconds: float, cores: int, least: int,
    more: int,
) -> None:  # fmt: skip
    scaling = ScalingOptions(min_workers=least, max_workers_limit=least + more)
    memory = RESTED
    figures = Readings(
        used, limit, "x", min(max(workers, least), least + more), shards, seconds, cores
    )
    for _ in range(30):
        decision, memory = decide(figures, memory, scaling)
        assert abs(decision.workers - figures.workers) <= 1
        assert least <= decision.workers <= least + more
        figures = replace(figures, workers=decision.workers)


def test_a_decision_is_the_same_whenever_it_is_made_again() -> None:
    assert decide(SCARCE, RESTED, ScalingOptions()) == decide(SCARCE, RESTED, ScalingOptions())


@pytest.mark.parametrize(
    ("settings", "cores", "start", "most"),
    [
        ({}, 4, 3, 8),
        ({"engine": "thread"}, 4, 4, 8),
        ({}, 1, 1, 2),
        ({"workers": 12}, 4, 12, 12),
        ({"max_workers_limit": 2}, 8, 2, 2),
        ({"min_workers": 3, "max_workers_limit": 6}, 1, 3, 6),
    ],
)
def test_the_start_and_the_limit_follow_the_cores(
    settings: dict[str, Any], cores: int, start: int, most: int
) -> None:
    scaling = ScalingOptions(**settings)
    assert (scaling.start(cores), scaling.most(cores)) == (start, most)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"scale_up_threshold": 1.5}, "--scale-up-threshold is 1.5"),
        ({"scale_up_threshold": 0.7, "scale_down_threshold": 0.4}, "overlap"),
        ({"min_workers": 3, "max_workers_limit": 2}, "--max-workers-limit 2 is below"),
    ],
)
def test_impossible_settings_name_themselves(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ScalingOptions(**settings)


# -- real figures ------------------------------------------------------------------------


def test_the_limit_that_leaves_least_counts() -> None:
    process = psutil.Process()
    asked = tightest(process, tree_bytes(process))
    assert asked.source == "--memory-limit"
    assert asked.used / asked.limit > 0.9
    assert tightest(process, None).source != "--memory-limit"


def of_the_tree(process: psutil.Process, asked: int | None) -> Limit:
    """What the process tree uses of --memory-limit."""
    return Limit(tree_bytes(process), asked or 64 * GB, "--memory-limit")


def test_real_processes_come_and_leave_by_what_memory_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(acting, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(acting, "LONGEST_ALONE", 0.0)
    monkeypatch.setattr(acting, "tightest", of_the_tree)  # whatever else this machine does
    scaling = ScalingOptions(
        "process", 1, max_workers_limit=2, execution_batch_size=7, memory_limit=64 * GB
    )
    log = written(tmp_path / "log.jsonl", rich())
    with Run(log, {"parallel": 50}, durability="off", scaling=scaling) as run:
        pool = run.device.pool
        assert isinstance(pool, ProcessPool)
        run.go(ticks=COOL_DOWN + 1, interval_ms=0)
        grown = pool.pids
        assert len(grown) == 2
        run.scaler.scaling = replace(scaling, memory_limit=run.scaler.tree_bytes() * 21 // 20)
        while len(pool.pids) > 1:
            run.go(ticks=2, interval_ms=0)  # a look after the first, none after the last
        ticks = run.tick
        assert not set(grown) - set(pool.pids) & set(psutil.pids())
        actions = [decision.action for decision in run.scaler.decisions]
        assert actions[0] == "grow"
        assert {"smaller", "shrink"} <= set(actions)
    undisturbed = written(tmp_path / "undisturbed.jsonl", rich())
    with Run(
        undisturbed, {"parallel": 50}, durability="off", scaling=ScalingOptions("serial")
    ) as run:
        run.go(ticks=ticks, interval_ms=0)
    assert log.read_bytes() == undisturbed.read_bytes()


@pytest.mark.parametrize("engine", ["thread", "process"])
def test_workers_come_with_either_engine_and_each_change_is_said(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(acting, "tightest", of_the_tree)
    said: list[str] = []
    scaling = ScalingOptions(engine, 1, max_workers_limit=2, memory_limit=64 * GB)
    log = written(tmp_path / "log.jsonl", rich())
    with Run(
        log, {"parallel": 1 << 16}, durability="off", scaling=scaling,
        wanted=DeviceRequest("cpu", None, said.append),
    ) as run:  # fmt: skip
        run.go(ticks=COOL_DOWN + 1, interval_ms=0)
        assert run.device.pool.count == 2
        assert [decision.action for decision in run.scaler.decisions] == ["grow"]
        assert said == [f"2 workers now, one more: {run.scaler.decisions[0].reason}"]


def test_every_decision_is_carried_out_and_history_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = written(tmp_path / "log.jsonl", rich())
    scaling = ScalingOptions(max_execution_history=3, gc_interval=1, trim_interval=1)
    with Run(log, {}, durability="off", scaling=scaling) as run:
        scaler = acting.Autoscaler(run.device, scaling, print)
        monkeypatch.setattr(acting, "LOOK_SECONDS", 0.0)
        scaler._next = scaler._collect_at = scaler._trim_at = 0.0
        before = run.device.pool.dealer.largest
        actions: tuple[Action, ...] = ("smaller", "trim", "collect", "pause", "restore")
        for action in actions:
            scaler._act(Decision(action, 2, "because"))
        assert run.device.pool.dealer.largest == before
        for _ in range(9):
            scaler.after_tick(0.1, Event())
        assert len(scaler.ticks) == 3
        assert len(scaler.decisions) <= 3
        assert isinstance(scaler.limit, Limit)


# -- memory that stays short -------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks after every tick, pauses that take no time."""
    for name in ("LOOK_SECONDS", "PAUSE_SECONDS", "LONGEST_PAUSE", "LONGEST_ALONE"):
        monkeypatch.setattr(acting, name, 0.0)


def invented(monkeypatch: pytest.MonkeyPatch, shares: Iterator[float]) -> None:
    """Let these shares of memory be used, look by look."""

    def next_limit(_process: psutil.Process, _asked: int | None) -> Limit:
        return Limit(int(next(shares) * GB), GB, "invented")

    monkeypatch.setattr(acting, "tightest", next_limit)


@pytest.mark.usefixtures("quick")
def test_a_run_without_a_bound_waits_for_memory_and_says_so_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    log = written(tmp_path / "log.jsonl", rich())
    with Run(log, {}, durability="off", scaling=ScalingOptions("serial")) as run:
        short = HALVINGS + 10
        invented(monkeypatch, chain([0.5], repeat(0.99, short), [0.85], repeat(0.5)))
        scaler = acting.Autoscaler(run.device, ScalingOptions("serial"), said.append)
        scaler._next = 0.0
        while len(said) < 2:  # smaller batches, trimming, collecting, then the pause
            scaler.after_tick(0.1, Event())
        assert [decision.action for decision in scaler.decisions].count("pause") == 1
        assert said[0].startswith("memory is short: 99% of 1,074 MB used (invented)")
        assert said[0].endswith("end other programs, or begin a log with fewer --max-objects")
        assert said[1].startswith("the run goes on after ")
        assert ": 85% of 1,074 MB used (invented)" in said[1]


@pytest.mark.usefixtures("quick")
def test_a_pause_ends_when_the_run_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    stopping = Event()
    log = written(tmp_path / "log.jsonl", rich())
    with Run(log, {}, durability="off", scaling=ScalingOptions("serial")) as run:
        invented(monkeypatch, repeat(0.99))
        scaler = acting.Autoscaler(run.device, ScalingOptions("serial"), said.append)
        scaler._next = 0.0
        stopping.set()
        while not said:
            scaler.after_tick(0.1, stopping)
        assert len(said) == 1


@pytest.mark.usefixtures("quick")
def test_a_run_goes_on_after_one_pause_in_vain_while_something_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    log = written(tmp_path / "log.jsonl", rich())
    with Run(log, {}, durability="off", scaling=ScalingOptions("serial")) as run:
        invented(monkeypatch, repeat(0.95))
        scaler = acting.Autoscaler(run.device, ScalingOptions("serial"), said.append)
        scaler._next = 0.0
        for _ in range(50):
            scaler.after_tick(0.1, Event(), bounded=True)
        assert len(said) == 2
        assert said[1] == "the run goes on after 0 s: 95% of 1,074 MB used (invented)"
        invented(monkeypatch, repeat(0.99))
        with pytest.raises(ShortOfMemoryError, match="99% of 1,074 MB used"):
            scaler.after_tick(0.1, Event(), bounded=True)


def test_a_pause_in_vain_is_forgotten_when_the_pressure_is_over() -> None:
    spent = PolicyState(calm=COOL_DOWN, relieved=HALVINGS + 2, resigned=True)
    fixed = ScalingOptions(auto_scale=False)
    assert decide(SCARCE, spent, fixed)[0].action == "hold"
    assert decide(replace(SCARCE, used=8 * GB), spent, fixed)[0].action == "pause"
    _, memory = decide(MIDDLE, spent, fixed)
    assert not memory.resigned


@pytest.mark.usefixtures("quick")
def test_a_bounded_run_over_its_memory_limit_ends_whole_with_an_error_of_its_own(
    tmp_path: Path,
) -> None:
    log, undisturbed = (written(tmp_path / name, rich()) for name in ("log", "undisturbed"))
    with Run(log, {"parallel": 50}, scaling=ScalingOptions("serial")) as run:
        run.scaler.scaling = ScalingOptions(
            "serial", memory_limit=1 << 20
        )  # of a real limit, real use
        run.scaler._next = 0.0
        with pytest.raises(ShortOfMemoryError, match=r"stayed short .*used \(--memory-limit\)"):
            run.go(ticks=1000, interval_ms=0)
    assert run.tick < 1000
    assert run.tick > HALVINGS
    with Run(undisturbed, {"parallel": 50}, scaling=ScalingOptions("serial")) as other:
        other.go(ticks=run.tick, interval_ms=0)
    assert log.read_bytes() == undisturbed.read_bytes()
    with Run(log, {}) as again:  # and goes on where it ended
        assert again.go(ticks=1, interval_ms=0).tick == run.tick + 1


@pytest.mark.usefixtures("quick")
def test_the_command_ends_with_the_exit_code_of_memory_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acting, "tree_bytes", lambda _: 0)  # or it would not begin
    log = written(tmp_path / "log.jsonl", rich())
    arguments = ["--interval", "0", "--memory-limit", "1MB", "--plain"]
    result = CliRunner().invoke(command_line, [str(log), *arguments])
    assert result.exit_code == ShortOfMemoryError.exit_code == 11
    *notes, error = result.stderr.splitlines()
    assert error.startswith("error: memory stayed short for 0 s: 100% of 1 MB used")
    assert error.endswith("allow more, or begin a log with fewer --max-objects")
    assert sum(note.startswith("note: memory is short: ") for note in notes) == 1
