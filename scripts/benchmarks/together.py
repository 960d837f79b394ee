"""Standard cycles on two threads while both really ran, on a machine that does other work too.

scripts/bench together [--seconds 100] [--out FILE]

A cycle counts where clock and processor's time of its thread agree: nothing interrupted it.
Of two threads those count during which the other one was not interrupted either, for 0.95
of the time or more. Against them stand such cycles in sequence. What sleeps for a lock
does not count; `scripts/bench threads` says what that comes to.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import tempfile
import threading
import time
from bisect import bisect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from automaton.cycles import load_population
from automaton.cycles.plan import FinishedCycle, Job, Plan, in_sequence, warm
from automaton.cycles.stages import STANDARD
from automaton.cycles.thread_executor import ThreadExecutor
from automaton.workers import gil_enabled
from scripts.benchmarks.common import Benchmark, Command, Figures
from scripts.benchmarks.cycles import the_log

#: Begin and end by the clock, and the processor's time, in nanoseconds.
Span = tuple[int, int, int]


def _now() -> tuple[int, int]:
    return time.perf_counter_ns(), time.thread_time_ns()


def _whole(span: Span) -> bool:
    """Whether nothing interrupted it, but for 5 percent and 20 microseconds."""
    return span[1] - span[0] < span[2] * 1.05 + 20_000


def _spans(marks: list[tuple[int, int]]) -> list[Span]:
    pairs = pairwise(marks)
    return [span for a, b in pairs if _whole(span := (a[0], b[0], b[1] - a[1]))]


def _jobs(seconds: float) -> Iterator[Job]:
    until, seed = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        yield Job(seed, seed, "any")
        seed += 1


def sequence(plan: Plan, seconds: float) -> list[Span]:
    """Cycles one after another."""
    marks = [_now()]
    for job in _jobs(seconds):
        in_sequence(plan, job)
        marks.append(_now())
    return _spans(marks)


def two_threads(plan: Plan, seconds: float) -> list[list[Span]]:
    """Cycles of each of two threads."""
    marks: dict[int, list[tuple[int, int]]] = {}

    def done(_: FinishedCycle) -> None:
        marks.setdefault(threading.get_ident(), []).append(_now())

    flight = ThreadExecutor(plan, _jobs(seconds), done, workers=2, most=100)
    flight.prepare()
    flight.start()
    while not flight.join(1):
        pass
    flight.close()
    return [_spans(found) for found in marks.values()]


def covered(span: Span, others: list[Span], begins: list[int]) -> float:
    """The share of a cycle's time during which the other thread ran."""
    ran = 0
    for other in others[max(0, bisect(begins, span[0]) - 1) :]:
        if other[0] >= span[1]:
            break
        ran += max(0, min(span[1], other[1]) - max(span[0], other[0]))
    return ran / (span[1] - span[0])


def measure(asked: argparse.Namespace) -> Figures:
    """Medians of the processor's time of a cycle, and their ratio, twice."""
    seconds = 3.0 if asked.quick else asked.seconds
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan.of(load_population(the_log(Path(folder))), STANDARD, ["any"])
    warm(plan.branch)
    alone, both = list[int](), list[int]()
    for _ in range(3):
        alone += [span[2] for span in sequence(plan, seconds / 6)]
        threads = two_threads(plan, seconds / 3)
        for own, others in zip(threads, threads[::-1], strict=True) if len(threads) > 1 else ():
            begins = [other[0] for other in others]
            both += [span[2] for span in own if covered(span, others, begins) > 0.95]
    lock = "with its global lock" if gil_enabled() else "free-threaded"
    ms = [statistics.median(found) / 1e6 if found else None for found in (alone, both)]
    return {
        "python": f"{platform.python_version()}, {lock}", "seconds": seconds,
        "alone": {"cycles": len(alone), "ms": ms[0]}, "both": {"cycles": len(both), "ms": ms[1]},
        "two": 2 * ms[0] / ms[1] if ms[0] and ms[1] else None,
    }  # fmt: skip


def show(figures: Figures) -> None:
    """What it came to."""
    print(f"Python {figures['python']}")
    for name, said in (("alone", "in sequence"), ("both", "while both threads ran")):
        row = figures[name]
        found = "none" if row["ms"] is None else f"{row['ms']:.3f} ms of processor"
        print(f"{said:24} {found} ({row['cycles']} cycles)")
    if figures["two"] is not None:
        print(f"two threads were {figures['two']:.2f} times one while both ran")


def flags(parser: argparse.ArgumentParser) -> None:
    """For how long."""
    parser.add_argument("--seconds", type=float, default=100.0, help="in all (100)")


BENCHMARK = Benchmark(
    measure,
    show,
    {"cycles on threads": Command("cycles log.jsonl --count {n} --engine thread", n=200, quick=20)},
    flags=flags,
)
