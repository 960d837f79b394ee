"""Fits that find what made the points, projections that say what they are, and the table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from small import TERMS, automaton, ran, written

from automaton.analysis.kinship_model import expected
from automaton.cli import command_line
from automaton.log import Log
from automaton.log.side_files import archive
from automaton.run import Run
from automaton.run.stats import Stats
from automaton.tuning import Trial, measure_throughput, measure_trials
from automaton.tuning.scaling_model import MODELS, Fit, RateSamples, fit, project, why_not
from automaton.tuning.throughput import counts
from automaton.tuning.trials import ladder, most_that_pay
from automaton.workers.autoscale_policy import ScalingOptions


def rate(n: float, alone: float = 1000, sigma: float = 0.1, kappa: float = 0.0) -> float:
    return alone * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def points(*workers: int, **law: float) -> list[RateSamples]:
    return [RateSamples(n, (rate(n, **law),) * 3) for n in workers]


def fitted(measured: list[RateSamples], model: str) -> Fit:
    found = fit(measured, model)
    assert found is not None
    return found


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command_line, list(arguments))


@given(st.floats(0, 1), st.floats(1, 1e7))
def test_points_of_amdahls_law_give_its_share_back(sigma: float, alone: float) -> None:
    measured = [RateSamples(n, (rate(n, alone, sigma),)) for n in (1, 2, 4, 8)]
    found = fitted(measured, "Amdahl")
    assert found.sigma.value == pytest.approx(sigma, abs=1e-6)
    assert found.rate_1.value == pytest.approx(alone, rel=1e-6)


def test_points_of_the_universal_law_give_both_parameters_back() -> None:
    found = fitted(points(1, 2, 3, 4, 6, 8, sigma=0.05, kappa=0.01), "USL")
    assert found.sigma.value == pytest.approx(0.05, abs=1e-9)
    assert found.kappa.value == pytest.approx(0.01, abs=1e-9)
    assert found.freedom == 3
    assert found.rate(32).value == pytest.approx(rate(32, sigma=0.05, kappa=0.01))


@given(st.lists(st.floats(1, 1e6), min_size=3, max_size=6))
def test_parameters_stay_where_they_mean_something(rates: list[float]) -> None:
    measured = [RateSamples(n + 1, (r,)) for n, r in enumerate(rates)]
    for model in MODELS:
        found = fitted(measured, model)
        assert 0 <= found.sigma.value <= 1 + 1e-9
        assert found.kappa.value >= 0
        assert found.rate_1.value > 0


def test_more_than_linear_growth_is_fitted_as_linear() -> None:
    found = fitted([RateSamples(1, (100.0,)), RateSamples(2, (300.0,))], "Amdahl")
    assert found.sigma.value == 0


def test_workers_that_make_it_slower_are_all_serial_by_amdahl() -> None:
    found = fitted([RateSamples(1, (100.0,)), RateSamples(2, (60.0,))], "Amdahl")
    assert found.sigma.value == pytest.approx(1)


def test_no_neighbour_of_the_fit_is_better() -> None:
    random = np.random.default_rng(1)
    n = np.arange(1.0, 7)
    x = 1000 * n / (1 + 0.2 * (n - 1)) * random.uniform(0.8, 1.2, 6)
    measured = [RateSamples(int(k), (r,)) for k, r in zip(n, x, strict=True)]
    for model in MODELS:
        found = fitted(measured, model).resampled[0]

        def error(p: np.ndarray) -> float:
            return float(((n / (p[0] + p[1] * n + p[2] * n * (n - 1)) - x) ** 2).sum())

        best = error(found)
        for step in random.normal(0, 1e-2, (200, 3)):
            near = found * (1 + step)
            assert error(near) >= best * (1 - 1e-9)


#: Published throughput by load: SPEC SDM91 with the coefficients of R's usl 3.0, and
#: Schwartz's packets of a router with those of his book (2015), which usl4j is held to.
PUBLISHED = [
    (
        {1: 64.9, 18: 995.9, 36: 1652.4, 72: 1853.2, 108: 1828.9, 144: 1775.0, 216: 1702.2},
        (89.995233, 0.0277285, 0.0001044),
    ),
    (
        dict(enumerate((
            955.16, 1878.91, 2688.01, 3548.68, 4315.54, 5130.43, 5931.37, 6531.08, 7219.8,
            7867.61, 8278.71, 8646.7, 9047.84, 9426.55, 9645.37, 9897.24, 10097.6, 10240.5,
            10532.39, 10798.52, 11151.43, 11518.63, 11806, 12089.37, 12075.41, 12177.29,
            12211.41, 12158.93, 12155.27, 12118.04, 12140.4, 12074.39,
        ), 1)),
        (995.6486, 0.02671591, 7.690945e-4),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rates", "known"), PUBLISHED, ids=["SDM91", "router"])
def test_published_measurements_give_the_published_coefficients(
    rates: dict[int, float], known: tuple[float, float, float]
) -> None:
    found = fitted([RateSamples(n, (x,)) for n, x in rates.items()], "USL")
    coefficients = (found.rate_1.value, found.sigma.value, found.kappa.value)
    assert coefficients == pytest.approx(known, rel=5e-4)


def test_two_points_do_not_determine_the_universal_law_and_nothing_is_invented() -> None:
    measured = points(1, 2)
    assert fit(measured, "USL") is None
    assert "no degrees of freedom" in why_not(measured, "USL")
    found = fitted(measured, "Amdahl")
    assert found.freedom == 0
    assert "nothing speaks for the model" in found.note
    assert fit(points(1), "Amdahl") is None


def test_one_repeat_gives_no_interval_and_few_give_a_rough_one() -> None:
    once = fitted([RateSamples(n, (rate(n),)) for n in (1, 2, 3)], "Amdahl")
    assert once.sigma.low is None
    assert "no interval" in once.note
    assert "rough" in fitted(points(1, 2, 3), "Amdahl").note


def test_the_interval_holds_the_truth_of_noisy_points_and_is_the_same_every_time() -> None:
    random = np.random.default_rng(2)
    measured = [
        RateSamples(n, tuple(rate(n, sigma=0.2) * random.normal(1, 0.03, 9))) for n in (1, 2, 4, 8)
    ]
    found = fitted(measured, "Amdahl")
    assert found.sigma.low is not None
    assert found.sigma.high is not None
    assert found.sigma.low < 0.2 < found.sigma.high
    assert found.sigma == fitted(measured, "Amdahl").sigma


def test_only_what_was_measured_is_not_called_extrapolated() -> None:
    measured = points(1, 2, 4)
    rows = project(measured, [fitted(measured, "Amdahl")], (1, 2, 1000))
    assert [(r.nodes, r.workers, r.kind) for r in rows] == [
        (1, 1, "measured"),
        (1, 2, "measured"),
        (1, 4, "measured"),
        (2, 8, "extrapolated"),
        (1000, 4000, "extrapolated"),
    ]


def test_an_hour_has_3600_seconds_and_a_billion_takes_its_time() -> None:
    measured = points(1, 2, 4, sigma=0.0)
    rows = project(measured, [fitted(measured, "Amdahl")], (10,))
    assert rows[0].per_hour["measured"].value == 3_600_000
    assert rows[0].hours_to_a_billion["measured"].value == pytest.approx(1e9 / 3.6e6)
    assert rows[-1].per_hour["linear"].value == pytest.approx(144e6)
    assert rows[-1].per_hour["Amdahl"].value == pytest.approx(144e6)
    slow = RateSamples(1, (1.0, 2.0, 4.0))
    hours = project([slow], [], ())[0].hours_to_a_billion["measured"]
    assert hours.low is not None
    assert hours.high is not None
    assert hours.low < hours.value < hours.high


def test_a_number_of_workers_stands_once() -> None:
    with pytest.raises(ValueError, match="once"):
        fit([*points(1, 2), *points(2)], "Amdahl")


@pytest.mark.parametrize(
    ("most", "tried"), [(1, [1]), (3, [1, 2, 3]), (40, [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 40])]
)
def test_all_small_numbers_of_workers_are_measured_and_then_doublings(
    most: int, tried: list[int]
) -> None:
    assert counts(most) == tried


LARGE = ("--parallel", "32768")  # rounds that are worth sharing out


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "log.jsonl"
    ran(written(path, [automaton("0D", 0, term="λa.λb.a b"), *TERMS]), 5, parallel=4)
    return path


def test_measuring_runs_copies_and_leaves_the_log_alone(log: Path) -> None:
    before = {path.name: path.read_bytes() for path in log.parent.iterdir()}
    found = measure_throughput(log, {"parallel": 16}, 2, 0.2)
    assert [m.workers for m in found.measured] == [1, 2]
    assert all(min(m.rates) > 0 for m in found.measured)
    assert found.parallel == 16
    assert found.turns == 5
    assert {path.name: path.read_bytes() for path in log.parent.iterdir()} == before


def test_scale_says_what_was_measured_and_what_was_not(log: Path) -> None:
    result = invoke("scale", str(log), *LARGE, "--seconds", "0.2", "--max-workers", "2")
    assert result.exit_code == 0, result.output
    assert "    1 worker " in result.stdout
    assert "1 workers" not in result.stdout
    assert "USL: not fitted" in result.stdout
    assert "  extrapolated  " not in result.stdout  # nobody asked for other nodes


def test_scale_extrapolates_to_the_nodes_that_were_asked_for_and_to_no_others(log: Path) -> None:
    few = (*LARGE, "--seconds", "0.1", "--nodes", "10,2", "--max-workers")
    result = invoke("scale", str(log), *few, "3")
    assert result.exit_code == 0, result.output
    rows = [line.split()[0] for line in result.stdout.splitlines() if "  extrapolated  " in line]
    assert rows == ["2", "2", "10", "10"]  # linear, and the one law that has a point to spare
    assert "USL" not in result.stdout.partition("nodes  workers")[2]
    result = invoke("scale", str(log), *few, "2")
    assert "nothing is extrapolated: 2 numbers of workers cannot show a law" in result.stdout
    assert "  extrapolated  " not in result.stdout
    for wrong in ("1", "2,x", "", "99999999"):
        result = invoke("scale", str(log), "--nodes", wrong)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_scale_as_json_has_the_same(log: Path) -> None:
    few = ("--seconds", "0.2", "--max-workers", "3", "--nodes", "2")
    result = invoke("scale", str(log), *LARGE, *few, "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["streams"], facts["source"]) == ([], "as the log was run")
    assert facts["measured"][0]["handed_out"] == 0
    assert facts["measured"][1]["handed_out"] > 0.5
    assert set(facts["fits"]) == set(MODELS)
    assert facts["rows"][-1]["kind"] == "extrapolated"
    assert len(facts["measured"]) == 3


def test_ticks_that_cannot_be_shared_out_are_not_extrapolated(log: Path) -> None:
    result = invoke("scale", str(log), "--seconds", "0.1", "--max-workers", "2")
    assert result.exit_code == 0, result.output
    assert "ticks of 4 rounds are too small to be shared out" in result.stdout
    assert "--parallel 4096" in result.stdout
    assert "extrapolated  " not in result.stdout
    result = invoke("scale", str(log), "--seconds", "0.1", "--max-workers", "2", "--json")
    facts = json.loads(result.stdout)
    assert (facts["idle"], facts["fits"]) == ([2], {})
    assert {row["kind"] for row in facts["rows"]} == {"measured"}
    assert set(facts["not_fitted"]) == set(MODELS)


def test_a_log_is_measured_with_the_streams_that_it_was_run_with_or_with_those_given(
    log: Path, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(log.read_bytes())
    never = tmp_path / "never.jsonl"
    with Log.open(log, write=False) as opened:
        never.write_bytes(log.read_bytes()[: opened.genesis.bytes])
    ran(path, 2, streams="anchor,reason", salience="novelty=1")
    few = ("--seconds", "0.05", "--max-workers", "1")
    said = invoke("scale", str(path), *few).stdout
    assert "streams (as the log was run): anchor, reason, salience novelty=1; 2 cand" in said
    assert "with an archive" in said
    said = invoke("scale", str(path), *few, "--streams", "none").stdout
    assert "streams (as given): none, one candidate a round" in said
    for file in archive.paths(path):
        file.unlink(missing_ok=True)
    assert "without an archive" in invoke("scale", str(path), *few).stdout
    said = invoke("scale", str(never), *few, "--streams", "uniform").stdout
    assert "streams (as given): uniform; 1 candidate a round, with an archive" in said
    assert "as the log never ran" in invoke("scale", str(never), *few).stdout
    assert invoke("scale", str(path), "--streams", "anchro").exit_code == 2


@pytest.fixture
def finals(monkeypatch: pytest.MonkeyPatch) -> list[Stats]:
    """The closing statistics of every run that is made from now on."""
    found: list[Stats] = []
    go = Run.go

    def kept(run: Run, **bounds: Any) -> Stats:
        found.append(go(run, **bounds))
        assert run.log.durable == run.log.size
        return found[-1]

    monkeypatch.setattr(Run, "go", kept)
    return found


def test_what_streams_propose_is_what_is_counted(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finals: list[Stats]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(log.read_bytes())
    ran(path, 2, streams="anchor,reason,uniform")
    finals.clear()
    monkeypatch.setattr("automaton.tuning.trials.settings", lambda _: [ScalingOptions("serial", 1)])
    found = measure_trials(path, {"parallel": 7}, 0.01)
    assert {final.candidates / final.ticks for final in finals} == {21.0}
    assert found.setting.streams == ["anchor", "reason", "uniform"]
    assert len(found.by_workers) == 1


def test_tune_and_scale_print_the_figures_of_runs_with_these_settings(
    log: Path, monkeypatch: pytest.MonkeyPatch, finals: list[Stats]
) -> None:
    monkeypatch.setattr("automaton.tuning.trials.settings", lambda _: [ScalingOptions("thread", 2)])
    told = invoke("tune", str(log), "--seconds", "0.1", "--parallel", "64").stdout
    _before, *turns = finals
    assert {final.parallel for final in turns} == {64}
    assert {(final.engine, final.workers_total) for final in turns} == {("thread", 2)}
    rates = sorted(final.candidates_per_s for final in turns)
    assert f"  {rates[1]:,.0f}  ({rates[0]:,.0f} to {rates[2]:,.0f}) " in told
    assert f"flat out (interval = 0) {rates[1]:,.0f} were measured" in told
    finals.clear()
    told = invoke("scale", str(log), "--seconds", "0.1", "--max-workers", "1").stdout
    rates = sorted(final.candidates_per_s for final in finals[1:])
    assert f"  {rates[2]:,.0f}  ({rates[0]:,.0f} to {rates[4]:,.0f}, median of 5" in told


def test_tune_says_what_the_interval_allows_and_marks_what_decides_bytes(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automaton.tuning.trials.settings", lambda _: [ScalingOptions("serial")])
    monkeypatch.setattr("automaton.tuning.trials.ladder", lambda first, _: [first, 4 * first])
    before = log.read_bytes()
    result = invoke("tune", str(log), "--seconds", "0.1", "--interval", "3600000")
    assert result.exit_code == 0, result.output
    assert "interval = 3600000: at most 0, since 4 candidates are made" in result.stdout
    settings = tomllib.loads(result.stdout)
    assert settings["interval"] == 0
    assert settings["parallel"] in {4, 16}
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("parallel")]
    assert "decides what is appended" in line
    assert log.read_bytes() == before
    again = log.with_name("tuned.toml")
    again.write_text(result.stdout)
    assert invoke("config", "--config", str(again)).exit_code == 0


def trial(parallel: int, rate: float) -> Trial:
    return Trial(parallel, "serial", 1, None, (rate,), 0)


def test_rounds_pay_while_the_rate_grows_clearly_and_one_bad_moment_ends_nothing() -> None:
    rising = [trial(64, 100), trial(256, 90), trial(1024, 300), trial(4096, 310)]
    assert most_that_pay(rising).parallel == 1024
    assert most_that_pay(rising[:1]).parallel == 64


@pytest.mark.parametrize(("first", "streams"), [(64, 0), (1, 5), (1 << 17, 0), (1 << 22, 3)])
def test_more_rounds_are_tried_up_to_a_limit_of_candidates(first: int, streams: int) -> None:
    tried = ladder(first, streams)
    assert tried[0] == first
    assert all(rounds * max(1, streams) <= 1 << 17 for rounds in tried[1:])
    assert all(later == 4 * before for before, later in pairwise(tried))


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_the_turns_that_are_finished_and_a_second_one_leaves_no_copy(
    log: Path, tmp_path: Path, times: int
) -> None:
    begun = subprocess.Popen(
        [sys.executable, "-m", "automaton", "scale", str(log), "--seconds", "10",
         "--max-workers", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert begun.stderr is not None
    wanted = "turn 1 of 5" if times == 2 else "turn 2 of 5"
    seen = next(line for line in begun.stderr if wanted in line)
    for _ in range(times):
        begun.send_signal(signal.SIGINT)
    out, errors = begun.communicate(timeout=60)
    assert list(tmp_path.iterdir()) == []
    if times == 1:
        assert begun.returncode == 0, seen + errors
        assert "stopped after 1 turn of 5" in out
        assert "median of 1 in turn" in out
    else:
        assert begun.returncode == 130, errors
        assert not out


def test_a_log_that_is_not_there_is_an_error_of_one_line(tmp_path: Path) -> None:
    result = invoke("scale", str(tmp_path / "none.jsonl"))
    assert result.exit_code == 4
    assert result.stderr.count("\n") == 1


# The decision table.


def test_the_table_gives_86_75_as_written_and_79_59_normalised() -> None:
    found = expected()
    assert found.as_written == pytest.approx(86.75)
    assert round(found.normalised, 2) == 79.59
    assert "1.09" in found.warning


def test_the_interval_takes_the_excess_where_it_costs_most_and_least() -> None:
    found = expected()
    assert found.low == pytest.approx(86.75 - 0.09 * 100)
    assert found.high == pytest.approx(86.75 - 0.03 * 25 - 0.05 * 60)
    assert found.low < found.normalised < found.high


def test_a_table_that_adds_up_has_one_value_and_no_warning() -> None:
    found = expected((0.0, 10.0), (0.25, 0.75))
    assert (found.as_written, found.normalised, found.low, found.high) == (7.5, 7.5, 7.5, 7.5)
    assert not found.warning


def test_what_is_missing_is_added_where_it_pays_least_and_most() -> None:
    found = expected((0.0, 10.0), (0.25, 0.5))
    assert (found.low, found.high) == (5.0, 7.5)


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.01, 1)), min_size=1, max_size=6))
def test_the_normalised_value_lies_in_the_interval(table: list[tuple[float, float]]) -> None:
    found = expected(*zip(*table, strict=True))
    assert found.low - 1e-6 <= found.normalised <= found.high + 1e-6


@pytest.mark.parametrize(
    ("utilities", "probabilities"),
    [((1.0,), (0.5, 0.5)), ((1.0,), (-0.1,)), ((1.0,), (0.0,)), ((float("nan"),), (1.0,))],
)
def test_a_table_that_cannot_be_is_refused(
    utilities: tuple[float, ...], probabilities: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match=r"probabilit|utilit"):
        expected(utilities, probabilities)


def test_models_kinship_prints_both_readings_and_the_warning() -> None:
    result = invoke("models", "kinship")
    assert result.exit_code == 0, result.output
    for text in ("86.75", "79.59", "1.09", "77.75", "83.00"):
        assert text in result.stdout
    assert json.loads(invoke("models", "kinship", "--json").stdout)["as_written"] == 86.75
