"""The rate of whole runs by their number of workers, measured on copies of a log.

Touches the clock and a temporary folder; the log is read and copied, never run. Every
number of workers has a copy of its own and goes in turn with the others, so that
what else the machine does falls on all of them. What the rates mean,
`automaton.projection` says.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automaton.budget import Scaling
from automaton.errors import FileError
from automaton.log import Log
from automaton.options import NAMES
from automaton.projection import Measured
from automaton.runner import Run

#: Ticks before the clock counts: kernels are loaded, sizes are learnt.
_BEFORE = 3
#: Turns of each number of workers.
REPEATS = 5
#: Files beside a log that make opening its copy quick and sure.
_BESIDE = (".genesis", ".durable", ".checkpoint")


@dataclass(frozen=True)
class Rates:
    """What was measured, and how."""

    measured: list[Measured]  # thoughts (candidates) a second, whole durable runs
    parallel: int  # rounds a tick
    folder: str  # where the copies stood
    idle: list[int]  # numbers of workers of which at most one computed the last tick


def counts(most: int) -> list[int]:
    """Numbers of workers to measure: all up to 8, then doublings, and the greatest."""
    tried = set(range(1, min(most, 8) + 1)) | {most}
    step = 16
    while step < most:
        tried.add(step)
        step *= 2
    return sorted(tried)


def measure(
    path: Path, given: Mapping[str, Any], most: int, seconds: float,
    say: Callable[[str], None] = lambda _text: None,
) -> Rates:  # fmt: skip
    """Rates of 1 to `most` workers, in about so many seconds without the copying."""
    with Log.open(path, write=False) as log:  # says what is wrong before anything is copied
        source, size = Path(log.path), log.size
    tried = counts(most)
    assert given.keys() <= NAMES
    with tempfile.TemporaryDirectory(prefix="automaton-scale-") as folder, ExitStack() as runs:
        reserve = _room(folder, size * len(tried))
        opened = {
            n: runs.enter_context(_opened(source, Path(folder) / f"{n}.jsonl", given, n))
            for n in tried
        }
        share = seconds / len(tried) / REPEATS
        for run in opened.values():
            for _ in range(_BEFORE):
                run.step()
        rates: dict[int, list[float]] = {n: [] for n in tried}
        for turn in range(REPEATS):
            say(f"turn {turn + 1} of {REPEATS}")
            for n, run in opened.items():
                rates[n].append(_rate(run, share, reserve))
        idle = [n for n, run in opened.items() if n > 1 and run.stats().workers_active <= 1]
        parallel = opened[1].options.parallel
    found = [Measured(n, tuple(values)) for n, values in rates.items()]
    return Rates(found, parallel, str(Path(folder).parent), idle)


def _room(folder: str, needed: int) -> int:
    """The free bytes that must be left; an error where the copies alone take more."""
    free = shutil.disk_usage(folder).free
    if needed > free // 2:
        raise FileError(
            f"the copies of the log need {needed} bytes and {folder} has {free}, of which half "
            "may be used; free some, name another folder with TMPDIR, or lower --max-workers"
        )
    return free // 2


def _opened(source: Path, copy: Path, given: Mapping[str, Any], workers: int) -> Run:
    """A run of a copy with this number of threads."""
    for suffix in ("", *_BESIDE):
        beside = source.with_name(source.name + suffix)
        if beside.exists():
            shutil.copyfile(beside, copy.with_name(copy.name + suffix))
    return Run(copy, given, scaling=Scaling("thread", workers, auto_scale=False))


def _rate(run: Run, seconds: float, reserve: int) -> float:
    """Candidates a second over a turn, until the last byte of it is durable."""
    before, start = sum(run.outcomes.values()), time.perf_counter()
    run.step()
    while time.perf_counter() - start < seconds:
        if shutil.disk_usage(run.log.path).free < reserve:
            raise FileError(
                f"the copies beside {run.log.path} have grown until half of the free room was "
                "used; measure for fewer --seconds, or name another folder with TMPDIR"
            )
        run.step()
    run.background.wait()
    run.log.sync()
    return (sum(run.outcomes.values()) - before) / (time.perf_counter() - start)
