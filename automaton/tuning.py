"""Measures which engine, how many workers and which batch size compute a log fastest.

Reads a log and computes its next tick again and again, each time with other settings;
appends nothing. A setting's figure is the median of its batches.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from automaton.budget import Engine, Scaling
from automaton.device import Cpu, Fragments, Job, opened
from automaton.limits import tightest, tree_bytes
from automaton.log import Log
from automaton.options import Options
from automaton.pool import available_cores
from automaton.restore import Malformed, options_for, restored
from automaton.warm import warm_up
from automaton.world import World
from kernels import philox

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


def measured(path: Path, given: Mapping[str, Any], seconds: float) -> list[Trial]:
    """The trials that fit in the memory; at most about so many seconds in all."""
    warm_up()
    with Log.open(path, write=False) as log:
        options = options_for(log, given)
        world = restored(log, options, Malformed(), lambda _tick: None)
        tick, prefix = len(log.commits) + 1, log.prefix
    tried = list(settings(available_cores()))
    trials = [
        _trial(options, world, (tick, prefix), Scaling(engine, count, execution_batch_size=size),
               seconds / len(tried))
        for engine, count, size in tried
    ]  # fmt: skip
    limit = tightest(psutil.Process(), None)
    room = limit.limit - limit.used
    return [trial for trial in trials if trial.memory_bytes < room] or trials[:1]


def _trial(
    options: Options, world: World, where: tuple[int, str], scaling: Scaling, seconds: float
) -> Trial:
    """What a setting does in its share of the time."""
    device = Cpu(options, pool=opened(options, scaling, lambda _text: None))
    try:
        device.take_in(world.population)
        times = list(_times(device, world, where, seconds))
        memory = tree_bytes(psutil.Process())
    finally:
        device.close()
    rate = options.parallel / statistics.median(times)
    return Trial(scaling.engine, scaling.workers or 1, scaling.execution_batch_size, rate, memory)


def _times(device: Cpu, world: World, where: tuple[int, str], seconds: float) -> Iterator[float]:
    """Seconds of the same batch, as often as there is time, at least once."""
    tick, prefix = where
    choice = world.choice(tick)
    job = Job(world.population, choice, tick, philox.REACTANTS)
    fragments = Fragments.of(prefix, tick, choice.level)
    batch, buffer = device.batch(world.options.parallel), device.buffer()
    end = time.monotonic() + seconds
    count = 0
    while count <= _BEFORE or time.monotonic() < end:
        start = time.perf_counter()
        device.react(job, batch)
        device.write(job, batch, fragments, buffer)
        if count >= _BEFORE:
            yield time.perf_counter() - start
        count += 1
