"""Measures which engine, how many workers and which batch size compute a log fastest.

Reads a log and computes its next tick again and again, with the streams that it was run
with and each time with other workers; appends nothing. A trial's figure is the median
of its batches.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from automaton.backends import CpuBackend, Workspace, attach, opened
from automaton.chemistry import World
from automaton.chemistry.tick import compute_tick
from automaton.format.options import Options
from automaton.log import Log
from automaton.replay import MalformedLines
from automaton.replay.restore import restore_world
from automaton.run.warmup import warm_up
from automaton.tuning.workload import Workload
from automaton.workers import available_cores
from automaton.workers.autoscale_policy import Engine, ScalingOptions
from automaton.workers.memory_limits import tightest, tree_bytes

#: Batches before the clock counts: kernels are loaded, sizes are learnt.
_BEFORE = 3


@dataclass(frozen=True)
class Trial:
    """A setting and what was measured with it."""

    engine: Engine
    workers: int
    execution_batch_size: int | None
    candidates_per_s: float
    memory_bytes: int  # of the process tree


def settings(cores: int) -> Iterator[tuple[Engine, int, int | None]]:
    """Engine, workers and batch size of each trial."""
    counts = sorted({1, max(1, cores - 1), cores})
    yield "serial", 1, None
    engines: tuple[Engine, ...] = ("thread", "process")
    for engine in engines:
        for count in counts:
            yield engine, count, None
    yield "thread", cores, 4096


def measure_trials(
    path: Path, given: Mapping[str, Any], seconds: float
) -> tuple[Workload, list[Trial]]:
    """What was measured with, and the trials that fit in the memory.

    At most about so many seconds in all.
    """
    with Log.open(path, write=False) as log:
        setting = Workload.of(log, given)
        warm_up(setting.options)
        tick, world = len(log.commits) + 1, _next(log, setting.options)
    tried = list(settings(available_cores()))
    trials = [
        _trial(setting, world, tick, ScalingOptions(engine, count, execution_batch_size=size),
               seconds / len(tried))
        for engine, count, size in tried
    ]  # fmt: skip
    limit = tightest(psutil.Process(), None)
    room = limit.limit - limit.used
    return setting, [trial for trial in trials if trial.memory_bytes < room] or trials[:1]


def _next(log: Log, options: Options) -> World:
    """The snapshot before the next tick, under these options, as a run would have it."""
    world = restore_world(log, options, MalformedLines(), lambda _tick: None)
    if log.run is None or dict(log.run.options) != options.record(log.format):
        world.begin_run(options, log.run_count + 1, len(log.commits) + 1)
    return world


def _trial(
    setting: Workload, world: World, tick: int, scaling: ScalingOptions, seconds: float
) -> Trial:
    """What workers do in their share of the time."""
    options = setting.options
    device = CpuBackend(options, pool=opened(options, scaling, lambda _text: None))
    try:
        space = attach(device, world)
        times = list(_times(space, world, tick, seconds, archive=setting.archive > 0))
        memory = tree_bytes(psutil.Process())
    finally:
        device.close()
    rate = world.slots / statistics.median(times)
    return Trial(scaling.engine, scaling.workers or 1, scaling.execution_batch_size, rate, memory)


def _times(
    space: Workspace, world: World, tick: int, seconds: float, *, archive: bool
) -> Iterator[float]:
    """Seconds of the same batch, as often as there is time, at least once."""
    lost = space.device.buffer()
    end = time.monotonic() + seconds
    count = 0
    while count <= _BEFORE or time.monotonic() < end:
        start = time.perf_counter()
        compute_tick(world, space, tick)
        if archive:
            space.device.archive(space.batch, lost)
        if count >= _BEFORE:
            yield time.perf_counter() - start
        count += 1
