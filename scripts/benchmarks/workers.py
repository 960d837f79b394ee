"""Measures workers: two against one, threads against processes, and against other pools.

The same batch (the shipped log's dimension 4 at 65,536 rounds) is reacted and its
lines are written, again and again, by each of them in turn; medians of the rounds
are shown, because machines are shared and noisy. Other pools compute the same shards
on the same shared arrays, told by a tuple a shard, so that the difference is theirs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from automaton.backends import CpuBackend, opened, shards
from automaton.backends.batch import BatchJob, WinnerTemplate
from automaton.chemistry import tick as chemistry_tick
from automaton.chemistry.tick_plan import plan_tick
from automaton.log import Log
from automaton.replay import MalformedLines
from automaton.replay.restore import restore_world
from automaton.replay.run_options import options_for
from automaton.run.warmup import warm_up
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.sharding import ShardTask, idle, spans
from automaton.workers.shared_memory import MappedArena
from automaton.workers.worker import function_by_name, function_name
from kernels import philox
from scripts.benchmarks.common import (
    Benchmark,
    Clock,
    Command,
    Figures,
    copy_shipped,
    in_turn,
    lines_of,
    part,
    ratio,
    write_terms,
)

SLOTS = 1 << 16
PER_SHARD = 1 << 13
OTHERS = ("multiprocessing.Pool (spawn)", "concurrent.futures (spawn)", "loky")
_STATE: dict[str, Any] = {}


class Bench:
    """A snapshot, and everything to compute its next batch with."""

    def __init__(self, parallel: int = SLOTS) -> None:
        warm_up()
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log.jsonl"
            copy_shipped(log)
            with Log.open(log, write=False) as opened_log:
                given = {"parallel": parallel, "max_objects": 20_000, "lock_dimension": 4}
                self.options = options_for(opened_log, given)
                self.world = restore_world(
                    opened_log, self.options, MalformedLines(), lambda _tick: None
                )
        choice = plan_tick(self.world, 1)
        self.job = BatchJob(self.world.population, choice, 1, philox.REACTANTS)
        self.fragments = WinnerTemplate.of("", 1, choice.level)

    def device(self, engine: Any, workers: int) -> CpuBackend:
        """A device with workers of an engine."""
        device = CpuBackend(
            self.options, pool=opened(self.options, ScalingOptions(engine, workers), print)
        )
        device.take_in(self.world.population)
        return device

    def ticker(self, device: CpuBackend) -> Callable[[], float]:
        """Computes a batch; its seconds."""
        batch, buffer = device.batch(self.options.parallel), device.buffer()

        def tick() -> float:
            start = time.perf_counter()
            device.react(self.job, batch)
            device.write(self.job, batch, self.fragments, buffer)
            return time.perf_counter() - start

        return tick


def best_of_three(tick: Callable[[], float]) -> Callable[[], float]:
    """A tick three times, the best of them: what else the machine does falls on others."""
    return lambda: min(tick() for _ in range(3))


def ticks_in_turn(
    tickers: dict[str, Callable[[], float]], turns: int, warm: int = 4
) -> dict[str, list[float]]:
    """Seconds of each, once all are warm."""
    in_turn(tickers, 0, warm)
    return in_turn({name: best_of_three(tick) for name, tick in tickers.items()}, turns, 0)


# -- other pools, on the same shards ---------------------------------------------------------


def other_start(blocks: list[tuple[int, int, int]], recipe: tuple[str, tuple[int, ...]]) -> None:
    """A worker of another pool: map the parent's blocks, as ours do."""
    mapped = MappedArena()
    for number, length, descriptor in blocks:
        path = f"/proc/{os.getppid()}/fd/{descriptor}"
        mapped.take(number, length, os.open(path, os.O_RDWR))
    _STATE.update(mapped=mapped, scratch=function_by_name(recipe[0])(*recipe[1]))


def other_shard(task: tuple[str, list[Any], int, int]) -> int:
    """A shard, as other pools are told it."""
    name, arguments, low, high = task
    mapped = _STATE["mapped"]
    values = [mapped.array(a) if isinstance(a, tuple) else a for a in arguments]
    result: int = function_by_name(name)(low, high, _STATE["scratch"], *values)
    return result


def others(bench: Bench, device: CpuBackend, workers: int) -> dict[str, Callable[[], float]]:
    """Tickers of multiprocessing.Pool, concurrent.futures and loky (where it is installed)."""
    import concurrent.futures

    # By a name that workers can import: loky copies functions of a program, not what they share.
    here = importlib.import_module(__name__)

    recorded: list[ShardTask] = []
    run = device.pool.run
    device.pool.run = lambda call, *rest: (recorded.append(call), run(call, *rest))[1]  # type: ignore[method-assign]
    bench.ticker(device)()
    del device.pool.run  # type: ignore[attr-defined]
    memory = device.pool._memory  # type: ignore[attr-defined]  # noqa: SLF001
    calls = []
    memory.clear_mail()
    for call in recorded:
        arguments = [memory.reference(a) if hasattr(a, "dtype") and getattr(a, "ndim", 0) else a
                     for a in call.arguments]  # fmt: skip
        calls.append((function_name(call.function), arguments))
    _STATE["keep"] = recorded
    blocks = [(b.number, b.length, b.descriptor) for b in memory.blocks.values()]
    o = bench.options
    start = (blocks, (function_name(shards.scratch), (o.max_steps, o.max_size, o.max_depth)))
    tasks = [[(*call, low, high) for low, high in spans(SLOTS, PER_SHARD)] for call in calls]
    spawn = multiprocessing.get_context("spawn")
    found_pools: dict[str, Any] = {
        OTHERS[0]: spawn.Pool(workers, here.other_start, start).map,
        OTHERS[1]: concurrent.futures.ProcessPoolExecutor(
            workers, spawn, here.other_start, start
        ).map,
    }
    try:
        import loky
    except ImportError:
        pass  # its row says so
    else:
        found_pools[OTHERS[2]] = loky.ProcessPoolExecutor(
            workers, initializer=here.other_start, initargs=start
        ).map

    def ticker(run_all: Any) -> Callable[[], float]:
        def tick() -> float:
            begin = time.perf_counter()
            for some in tasks:
                if "Pool.map" in getattr(run_all, "__qualname__", ""):
                    run_all(here.other_shard, some, 1)
                else:
                    list(run_all(here.other_shard, some))
            return time.perf_counter() - begin

        return tick

    return {name: ticker(run_all) for name, run_all in found_pools.items()}


# -- the parts ----------------------------------------------------------------------------------


def speed(rounds: int) -> dict[str, Any]:
    """Candidates a second of every engine and number of workers, and of other pools."""
    tickers, devices = {}, []
    for engine, workers in (("serial", 1), ("thread", 1), ("thread", 2), ("process", 1),
                            ("process", 2)):  # fmt: skip
        bench = Bench()  # a population of its own, in memory that its workers see
        device = bench.device(engine, workers)
        devices.append(device)
        tickers[f"{engine} {workers}"] = bench.ticker(device)
    bench = Bench()
    devices.append(bench.device("process", 1))
    tickers.update(others(bench, devices[-1], 2))
    times = ticks_in_turn(tickers, rounds)
    rate = {name: SLOTS / statistics.median(seconds) for name, seconds in times.items()}
    rate |= {name: None for name in OTHERS if name not in times}
    paired = {kind: ratio(times[f"{kind} 1"], times[f"{kind} 2"]) for kind in ("thread", "process")}
    versus = ratio(times["process 2"], times["thread 2"])
    for device in devices:
        device.close()
    sys.stdout.flush()
    print(
        json.dumps(
            {"candidates_per_s": rate, "two_against_one": paired, "thread_to_process": versus}
        ),
        flush=True,
    )
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGKILL)  # they hold this process's output open
    os._exit(0)  # other pools wait for their workers at exit


def dispatch(rounds: int) -> dict[str, Any]:
    """Milliseconds to hand out and collect a tick's shards that do nothing, and to start."""
    bench = Bench()
    result: dict[str, Any] = {}
    for engine in ("thread", "process"):
        begin = time.perf_counter()
        device = bench.device(engine, 2)
        device.pool.run(ShardTask(idle, ()), 16, 1)
        ready = time.perf_counter() - begin
        tick = bench.ticker(device)
        for _ in range(4):
            tick()
        real = device.pool.run
        call = idle_call(device, bench)
        times = []
        for _ in range(rounds * 10):
            begin = time.perf_counter()
            for _ in range(2):  # reactions, then lines
                real(call, 8, 1)
            times.append(time.perf_counter() - begin)
        result[engine] = {"ready_s": ready, "dispatch_ms": statistics.median(times) * 1e3}
        device.close()
    return result


def idle_call(device: CpuBackend, bench: Bench) -> ShardTask:
    """Arrays as a tick has them, and nothing to do."""
    batch = device.batch(bench.options.parallel)
    column = bench.world.population.column
    arrays = (batch.outcomes, batch.out, column["start"], column["size"], bench.job.choice.a,
              bench.world.population.code, bench.fragments.text, bench.fragments.mark)  # fmt: skip
    return ShardTask(idle, arrays)


def memory() -> dict[str, Any]:
    """PSS of the tree at 10,000 live objects and two workers, beside processes with numba alone."""
    import psutil

    alone = [
        subprocess.Popen(
            [sys.executable, "-c", "import numba; print(flush=True); input()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in alone:
        assert process.stdout is not None
        process.stdout.readline()
    numba_alone = sum(psutil.Process(p.pid).memory_full_info().pss for p in alone)
    for process in alone:
        process.communicate(b"\n")
    from automaton.run import Run

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        write_terms(log, 10_000)
        given = {"operator": "λλ1 0", "parallel": 4096}
        scaling = ScalingOptions("process", 2, auto_scale=False)
        with Run(log, given, durability="off", scaling=scaling) as run:
            run.go(ticks=20, interval_ms=0)
            me = psutil.Process()
            tree = [me, *me.children()]
            pss = sum(p.memory_full_info().pss for p in tree)
    return {"processes": len(tree), "pss_mb": pss / 1e6, "numba_alone_mb": numba_alone / 1e6}


WRITER = "append"  # of the steps below: beside the others, on a thread of its own


def watched(run: Any) -> dict[str, float]:
    """Processor seconds of the thread that makes each step of a run, from now on."""
    clock = Clock(time.thread_time)
    clock.wrap(run, "step", "a whole tick, without the writer")
    clock.wrap(chemistry_tick, "plan_tick", "choose operator and reactants")
    clock.wrap(run.device, "react", "draw, reduce, judge")
    clock.wrap(run.device, "write", "winners' lines")
    clock.wrap(chemistry_tick, "fold_batch", "fold")
    clock.wrap(run.log, "append", WRITER)
    ahead = run.background.ahead

    def begun(task: Any, *arguments: Any) -> Any:
        return ahead(clock.timed(task, WRITER), *arguments)

    run.background.ahead = begun
    return clock.seconds


def durable(rounds: int) -> dict[str, Any]:
    """Whole runs, a commit synced every tick: engines in turn, and where one core's time goes."""
    from automaton.run import Run

    result: dict[str, Any] = {}
    for parallel, ticks in ((1 << 14, 32), (SLOTS, 8)):
        given = {"parallel": parallel, "max_objects": 20_000, "lock_dimension": 4}
        with contextlib.ExitStack() as stack:
            runs: dict[str, Any] = {}
            for engine, workers in (("serial", 1), ("thread", 1), ("thread", 2), ("process", 1),
                                    ("process", 2)):  # fmt: skip
                log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log.jsonl"
                copy_shipped(log)
                scaling = ScalingOptions(engine, workers, auto_scale=False)
                runs[f"{engine} {workers}"] = stack.enter_context(Run(log, given, scaling=scaling))

            def slice_of(run: Any, ticks: int = ticks) -> Callable[[], float]:
                return lambda: run.go(ticks=ticks, interval_ms=0).seconds

            alone = runs.pop("serial 1")
            for _ in range(3):  # the page cache is given back behind the log from then on
                slice_of(alone)()
            spent = watched(alone)
            slice_of(alone)()
            candidates = parallel * ticks
            slices = {name: slice_of(run) for name, run in runs.items()}
            times = ticks_in_turn(slices, rounds, warm=1)
        whole = spent["a whole tick, without the writer"]
        result[str(parallel)] = {
            "candidates_per_s": {
                name: candidates / statistics.median(seconds) for name, seconds in times.items()
            },
            "two_against_one": {
                engine: ratio(times[f"{engine} 1"], times[f"{engine} 2"])
                for engine in ("thread", "process")
            },
            "ns_a_candidate": {name: s / candidates * 1e9 for name, s in spent.items()},
            "most_on_two_cores": 2 * whole / (whole + spent[WRITER]),
        }
    return result


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "speed": speed, "dispatch": dispatch, "durable": durable,
    "memory": lambda _rounds: memory(),
}  # fmt: skip


def show(results: Figures) -> None:
    """The figures beside their goals, of the parts that were measured."""
    rows: list[tuple[str, str, str]] = []
    if speeds := results.get("speed"):
        rows += [(f"candidates/s: {name}", f"{rate:,.0f}" if rate else "not installed", "")
                 for name, rate in speeds["candidates_per_s"].items()]  # fmt: skip
        rows += [(f"two {name} workers against one", f"{figure:.2f}", "1.60")
                 for name, figure in speeds["two_against_one"].items()]  # fmt: skip
        rows.append(("threads against processes", f"{speeds['thread_to_process']:.2f}", "0.90"))
    for engine, figures in results.get("dispatch", {}).items():
        rows.append((f"dispatch of a tick, {engine} (ms)", f"{figures['dispatch_ms']:.2f}", "2.00"))
        rows.append((f"two workers ready, {engine} (s)", f"{figures['ready_s']:.2f}", "1.00"))
    for parallel, runs in results.get("durable", {}).items():
        rows += _durable_rows(parallel, runs)
    if used := results.get("memory"):
        more = used["pss_mb"] - used["numba_alone_mb"]
        rows.append(("MB above processes with numba alone", f"{more:.0f}", "150"))
    print(lines_of(rows))


def _durable_rows(parallel: str, runs: Figures) -> list[tuple[str, str, str]]:
    """Of whole runs with so many rounds a tick."""
    said = f"durable, {parallel} rounds: "
    return [
        *((f"{said}{name}, candidates/s", f"{rate:,.0f}", "")
          for name, rate in runs["candidates_per_s"].items()),
        *((f"{said}two {name} workers against one", f"{figure:.2f}", "1.60")
          for name, figure in runs["two_against_one"].items()),
        (f"{said}the most that two cores allow", f"{runs['most_on_two_cores']:.2f}", ""),
    ]  # fmt: skip


def measure(asked: argparse.Namespace) -> Figures:
    """All parts, each in a process of its own."""
    return {name: part(__name__, name, asked.turns) for name in asked.only or PARTS}


_WORDS = "log.jsonl --lock-dimension 4 --max-objects 20000 --interval 0 --no-auto-scale"
BENCHMARK = Benchmark(
    measure,
    show,
    {
        f"{workers} {engine}, {parallel:,} rounds": Command(
            f"{_WORDS} --engine {engine} --workers {workers} --parallel {parallel} --ticks {{n}}",
            n=(1 << 21) // parallel, quick=2,
        )
        for engine in ("thread", "process")
        for workers in (1, 2)
        for parallel in (1 << 14, SLOTS)
    },
    parts=PARTS,
    names=tuple(PARTS),
    turns=9,
)  # fmt: skip
