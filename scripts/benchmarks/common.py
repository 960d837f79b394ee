"""What benchmarks share: their flags, turns, medians, facts of the machine, another revision.

A benchmark is a module that leaves a `Benchmark` named BENCHMARK: what it measures, how it
shows that, and the whole commands that two revisions can be compared by. Everything that is
compared goes in turn, and ratios are medians of the ratios within a turn, so that what else
the machine does falls on all of them.

Nothing here may load numpy: a benchmark may have to set the environment before that.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "automaton.jsonl"

Figures: TypeAlias = dict[str, Any]


def copy_shipped(log: Path) -> None:
    """Write the shipped log to a path."""
    log.write_bytes(SHIPPED.read_bytes())


def no_log(_: Path) -> None:
    """Write nothing: the command needs no log."""


@dataclass(frozen=True)
class Command:
    """A whole command that two revisions are compared by.

    `words` follow `automaton-scalable`; they name the file `log.jsonl`, which `log` writes,
    and may hold {n}, a size: `n`, or `quick` with --quick.
    """

    words: str
    log: Callable[[Path], None] = copy_shipped
    n: int = 0
    quick: int = 0


def nothing(_: argparse.ArgumentParser) -> None:
    """Add no flags."""


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    `measure` takes the flags and gives figures that are JSON; `show` prints them. `parts` run
    in processes of their own, by `part`. `flags` adds flags of its own, `names` are what
    --only may name.
    """

    measure: Callable[[argparse.Namespace], Figures]
    show: Callable[[Figures], None]
    commands: dict[str, Command]
    flags: Callable[[argparse.ArgumentParser], None] = nothing
    parts: dict[str, Callable[..., Any]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    turns: int = 5


# What is measured in turn.


def in_turn(
    works: dict[str, Callable[[], float]], turns: int, warm: int = 1
) -> dict[str, list[float]]:
    """What each work returns, turn after turn, after `warm` turns that do not count."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(-warm, turns):
        for name, work in works.items():
            figure = work()
            if turn >= 0:
                found[name].append(figure)
    return found


def ratio(own: list[float], other: list[float]) -> float:
    """The median of the ratios within a turn."""
    return statistics.median(a / b for a, b in zip(own, other, strict=True))


def median_of(rows: list[Figures], key: str) -> float:
    """The median of one figure."""
    return float(statistics.median(row[key] for row in rows))


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time of a call, of the processes that it starts and ends too."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    before = sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds))
    work()
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds)) - before


def wall_seconds(work: Callable[[], object]) -> float:
    """Seconds of a call by the clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def must(holds: object, what: str) -> None:
    """End the benchmark where an answer is wrong: then no time counts."""
    if not holds:
        raise SystemExit(f"wrong: {what}; nothing of this was timed")


def has(name: str) -> bool:
    """Whether a rival's module is installed."""
    return importlib.util.find_spec(name) is not None


# Parts, each in a process of its own.


def part(module: str, name: str, *arguments: Any) -> Any:
    """What a part of a benchmark gives, computed in a new process."""
    asked = json.dumps([name, *arguments])
    command = [sys.executable, "-m", "scripts.benchmarks", module.rpartition(".")[2]]
    done = subprocess.run(
        [*command, "--part", asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


# The machine.


def processor() -> str:
    """The model of the processor, as Linux names it."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if "model name" in line).split(":")[1].strip()
    return platform.machine()


def machine() -> Figures:
    """What the figures depend on beside the program."""
    versions = {}
    for name in ("numpy", "numba"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "processor": processor(), "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(), **versions, "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def peak_bytes() -> int:
    """The largest resident size of this process since it was reset (VmHWM)."""
    status = Path("/proc/self/status").read_text(encoding="ascii").split()
    return int(status[status.index("VmHWM:") + 1]) * 1024


def reset_peak() -> None:
    """Begin `peak_bytes` anew, where the system allows it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def write_terms(log: Path, count: int) -> None:
    """A log of so many small terms."""
    with log.open("w", encoding="utf-8") as file:
        for k in range(count):
            index = k % 7
            term = "λ" * (index + 2) + f"{index} ({index + 1} 0)"
            file.write(f'{{"id":"t{k}","type":"term","term":"{term}"}}\n')


def write_run(log: Path, words: str) -> None:
    """The shipped log after a run with these options, made by this revision."""
    copy_shipped(log)
    command = [sys.executable, "-m", "automaton", str(log), *shlex.split(words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    must(done.returncode == 0, f"{shlex.join(command)}: {done.stderr.strip()[-500:]}")


# Seconds of the parts of a tick.


class Clock:
    """Seconds by part, of methods that are wrapped."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self.seconds: dict[str, float] = {}

    def wrap(self, holder: Any, name: str, label: str) -> None:
        """Count the time that a method of an object takes, from now on."""
        setattr(holder, name, self.timed(getattr(holder, name), label))

    def timed(self, method: Callable[..., Any], label: str) -> Callable[..., Any]:
        """A function whose time is counted."""

        def call(*arguments: Any, **named: Any) -> Any:
            begin = self.now()
            try:
                return method(*arguments, **named)
            finally:
                self.seconds[label] = self.seconds.get(label, 0.0) + self.now() - begin

        return call


def lines_of(rows: Iterator[tuple[str, str, str]] | list[tuple[str, str, str]]) -> str:
    """Rows of a label, a figure and its goal, as a table."""
    every = list(rows)
    width = max(len(row[0]) for row in every)
    head = f"{'':{width}}  {'measured':>13}  {'goal':>10}"
    return "\n".join([head, *(f"{a:{width}}  {b:>13}  {c:>10}" for a, b, c in every)])
