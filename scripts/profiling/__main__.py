"""Where a run's time or memory goes: `python -m scripts.profiling KIND [LOG]`.

`scripts/profile` does that. A copy of the log runs in this process and on this thread
(the serial engine), so that the profilers of Python see all of it; the log is not touched.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import shutil
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Ticks before the ones that are looked at: kernels compile, the population fills.
WARM = 3


class KernelClock:
    """Calls and seconds of each compiled kernel that Python calls.

    A kernel that another kernel calls is part of it: numba must get the kernel itself.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def watch(self) -> None:
        """Count from now on; before anything has asked for a kernel."""
        from kernels import cpu

        for name in ("compiled", "held"):
            setattr(cpu, name, self._watched(getattr(cpu, name)))

    def _watched(self, compile_one: Callable[..., Any]) -> Callable[..., Any]:
        inside = threading.local()

        @cache
        def timed(body: Callable[..., Any]) -> Callable[..., Any]:
            return self._timed(compile_one(body), body.__name__)

        def compiled(body: Callable[..., Any]) -> Any:
            if getattr(inside, "busy", False):
                return compile_one(body)
            inside.busy = True
            try:
                return timed(body)
            finally:
                inside.busy = False

        return compiled

    def _timed(self, kernel: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            begin = time.perf_counter()
            try:
                return kernel(*arguments)
            finally:
                self.seconds[name] += time.perf_counter() - begin
                self.calls[name] += 1

        return call

    def clear(self) -> None:
        """Forget what was counted: it was compiling."""
        self.seconds.clear()
        self.calls.clear()


def run_of(asked: argparse.Namespace, folder: Path) -> Any:
    """A run of a copy of the log."""
    from automaton.run import Run
    from automaton.workers.autoscale_policy import ScalingOptions

    log = folder / "log.jsonl"
    shutil.copyfile(asked.log, log)
    for beside in asked.log.parent.glob(f"{asked.log.name}.*"):
        if beside.suffix in {".genesis", ".durable"}:
            shutil.copyfile(beside, folder / f"log.jsonl{beside.suffix}")
    given = {"parallel": asked.parallel, "streams": asked.streams}
    said = {name: value for name, value in given.items() if value is not None}
    return Run(log, said, scaling=ScalingOptions("serial", auto_scale=False))


def cpu(run: Any, asked: argparse.Namespace) -> None:
    """Functions by their own time; with --out also for snakeviz and others."""
    profile = cProfile.Profile()
    profile.runcall(run.go, ticks=asked.ticks, interval_ms=0)
    pstats.Stats(profile).sort_stats("tottime").print_stats(asked.rows)
    if asked.out:
        profile.dump_stats(asked.out)


def memory(run: Any, asked: argparse.Namespace) -> None:
    """What Python allocated in the ticks and still holds, by line; arrays of numpy count."""
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    run.go(ticks=asked.ticks, interval_ms=0)
    after = tracemalloc.take_snapshot()
    held, most = tracemalloc.get_traced_memory()
    print(f"held {held / 1e6:.1f} MB more than before, at most {most / 1e6:.1f} MB")
    for row in after.compare_to(before, "lineno")[: asked.rows]:
        print(row)


def kernels(run: Any, asked: argparse.Namespace, clock: KernelClock) -> None:
    """Kernels by the time of their calls, beside the whole."""
    clock.clear()
    begin = time.perf_counter()
    run.go(ticks=asked.ticks, interval_ms=0)
    whole = time.perf_counter() - begin
    print(f"{'kernel':28} {'calls':>9} {'seconds':>9} {'share':>6}")
    for name, seconds in clock.seconds.most_common(asked.rows):
        print(f"{name:28} {clock.calls[name]:9,} {seconds:9.3f} {seconds / whole:6.1%}")
    left = whole - sum(clock.seconds.values())
    print(f"{'everything else':28} {'':9} {left:9.3f} {left / whole:6.1%}")


def main() -> None:
    """Run a copy of the log and print where it went."""
    parser = argparse.ArgumentParser(
        prog="scripts/profile", description="where a run's time or memory goes"
    )
    parser.add_argument("kind", choices=["cpu", "memory", "kernels"])
    parser.add_argument("log", nargs="?", type=Path, default=ROOT / "automaton.jsonl")
    parser.add_argument("--ticks", type=int, default=20, help="ticks looked at (20)")
    parser.add_argument("--parallel", type=int, help="rounds a tick (as the log was run)")
    parser.add_argument("--streams", help="as of run")
    parser.add_argument("--rows", type=int, default=25, help="rows printed (25)")
    parser.add_argument("--out", type=Path, help="of cpu: also a file for viewers of profiles")
    asked = parser.parse_args()
    if not asked.log.is_file():
        parser.error(f"there is no file {asked.log}")
    clock = KernelClock()
    if asked.kind == "kernels":
        clock.watch()
    with tempfile.TemporaryDirectory() as name, run_of(asked, Path(name)) as run:
        run.go(ticks=WARM, interval_ms=0)
        if asked.kind == "kernels":
            kernels(run, asked, clock)
        else:
            {"cpu": cpu, "memory": memory}[asked.kind](run, asked)


if __name__ == "__main__":
    main()
