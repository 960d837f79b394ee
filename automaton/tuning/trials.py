"""Measures how many rounds a tick pay, and which workers then run a log fastest.

Each trial is a durable run on a copy of the log, flat out, with the streams that it was
run with (`automaton.tuning.measurement`); the log itself is only read.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from automaton.tuning.measurement import LogCopies, copies_of
from automaton.tuning.workload import Workload
from automaton.workers import available_cores
from automaton.workers.autoscale_policy import Engine, ScalingOptions
from automaton.workers.memory_limits import tightest

#: Turns of a trial; its figure is the middle one.
TURNS = 3
#: Share of a trial's time before the clock counts: workers start, sizes are learnt.
_BEFORE = 0.25
#: From one number of rounds to the next, and the most candidates a tick that are tried.
_STEP, _MOST = 4, 1 << 18
#: More rounds pay where the rate grows at least by this factor.
PAYS = 1.1
#: So many numbers of rounds in a row that do not pay are enough; one may be a bad moment.
PATIENCE = 2


@dataclass(frozen=True)
class Trial:
    """Settings, and what was measured with them."""

    parallel: int  # rounds a tick
    engine: Engine
    workers: int
    execution_batch_size: int | None
    rates: tuple[float, ...]  # candidates a second, by turn
    memory_bytes: int  # of the process tree

    @property
    def candidates_per_s(self) -> float:
        """The middle one."""
        return statistics.median(self.rates)


@dataclass(frozen=True)
class TrialReport:
    """All trials: by rounds (none where they were given), then by who computes."""

    setting: Workload
    folder: str  # where the copies stood
    by_rounds: list[Trial]
    by_workers: list[Trial]  # of those that fit into the memory

    @property
    def best(self) -> Trial:
        """The fastest with as many rounds as pay."""
        return max(self.by_workers, key=lambda trial: trial.candidates_per_s)


def settings(cores: int) -> Iterator[ScalingOptions]:
    """Engine, workers and batch size of each trial."""
    counts = sorted({1, max(1, cores - 1), cores})
    yield ScalingOptions("serial", 1, auto_scale=False)
    engines: tuple[Engine, ...] = ("thread", "process")
    for engine in engines:
        for count in counts:
            yield ScalingOptions(engine, count, auto_scale=False)
    yield ScalingOptions("thread", cores, auto_scale=False, execution_batch_size=4096)


def ladder(first: int, streams: int) -> list[int]:
    """Numbers of rounds to try, from those of the log upwards."""
    tried = [first]
    while tried[-1] * _STEP * max(1, streams) <= _MOST:
        tried.append(tried[-1] * _STEP)
    return tried


def measure_trials(path: Path, given: Mapping[str, Any], seconds: float) -> TrialReport:
    """What was measured, at most about so many seconds in all without the copying.

    Where `given` says how many rounds, these are measured alone.
    """
    with copies_of(path, given, 1) as copies:
        options = copies.setting.options
        tried = list(settings(available_cores()))
        rungs = ladder(options.parallel, len(copies.setting.streams))
        found = [] if "parallel" in given else list(_climbed(copies, given, rungs, seconds / 2))
        parallel = most_that_pay(found).parallel if found else options.parallel
        share = seconds / len(tried) / (2 if found else 1)
        trials = [_trial(copies, {**given, "parallel": parallel}, one, share) for one in tried]
        limit = tightest(psutil.Process(), None)
        room = limit.limit - limit.used
        fitting = [trial for trial in trials if trial.memory_bytes < room] or trials[:1]
        return TrialReport(copies.setting, str(copies.folder.parent), found, fitting)


def most_that_pay(found: list[Trial]) -> Trial:
    """Of trials by rising rounds the last that was clearly faster than all with fewer."""
    best = found[0]
    for trial in found[1:]:
        if trial.candidates_per_s >= PAYS * best.candidates_per_s:
            best = trial
    return best


def _climbed(
    copies: LogCopies, given: Mapping[str, Any], rungs: list[int], seconds: float
) -> Iterator[Trial]:
    """Trials with more and more rounds, until some in a row do not pay."""
    done: list[Trial] = []
    for parallel in rungs:
        scaling = ScalingOptions(auto_scale=False)
        done.append(_trial(copies, {**given, "parallel": parallel}, scaling, seconds / len(rungs)))
        yield done[-1]
        if most_that_pay(done) not in done[-PATIENCE:]:
            return


def _trial(
    copies: LogCopies, given: Mapping[str, Any], scaling: ScalingOptions, seconds: float
) -> Trial:
    """What a run with these settings makes in its share of the time."""
    with copies.run(given, scaling) as run:
        copies.rate(run, seconds * _BEFORE)
        turn = seconds * (1 - _BEFORE) / TURNS
        rates = tuple(copies.rate(run, turn) for _ in range(TURNS))
        memory, workers = run.scaler.tree_bytes(), run.device.pool.count
    return Trial(
        run.options.parallel, scaling.engine, workers, scaling.execution_batch_size, rates, memory
    )
