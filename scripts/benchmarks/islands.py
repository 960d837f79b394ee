"""Islands: four of them beside one log with two workers, what an exchange costs, memory.

Rates are of candidates once all is open and compiled; every contender runs in a process
of its own and all go in turn. Before anything is timed, islands in processes and islands
in turn must have written the same bytes. Ray goes along where it is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from automaton.format.records import Genesis
from automaton.islands.archipelago import FILE, Archipelago
from automaton.islands.carrier_choice import open_carrier
from automaton.islands.driver import Driver
from automaton.islands.folder import Folder
from automaton.islands.island import HostOptions, Island, Task
from automaton.islands.log_emigrants import emigrant_lines, selection_from, winners_of
from automaton.islands.schedule import Schedule
from automaton.islands.topology import named_topology
from automaton.run import Run
from automaton.workers.autoscale_policy import ScalingOptions
from scripts.benchmarks.common import (
    SHIPPED,
    Benchmark,
    Command,
    Figures,
    has,
    in_turn,
    lines_of,
    must,
    part,
    ratio,
)

OPTIONS = {"streams": "all", "parallel": 1024, "max_objects": 10_000}
EPOCH, MIGRANTS = 20, 8  # ticks; emigrants
_EPOCHS = 5  # whose exchange is measured
ONE_LOG, LOCAL, RAY, TURN = "one log, two workers", "local", "ray", "here"


def made(path: Path, count: int) -> Folder:
    """A new folder of islands with the shipped log."""
    genesis = SHIPPED.read_bytes()
    one = Archipelago(
        named_topology("ring", count), "ring", EPOCH, MIGRANTS, 7,
        Genesis(len(genesis), hashlib.sha256(genesis).digest()), options=OPTIONS,
    )  # fmt: skip
    path.mkdir()
    (path / FILE).write_bytes(one.lines)
    folder = Folder(path, one)
    for log in folder.logs:
        log.write_bytes(genesis)
    return folder


def rate_of_one(epochs: int) -> Figures:
    """Candidates a second, and a second of processors, of one log with two worker processes."""
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log.jsonl"
        log.write_bytes(SHIPPED.read_bytes())
        scaling = ScalingOptions(engine="process", workers=2, auto_scale=False)
        with Run(log, {**OPTIONS, "seed": 7}, scaling=scaling) as run:
            run.go(ticks=EPOCH, interval_ms=0)
            begin, used = time.perf_counter(), _used()
            run.go(ticks=epochs * EPOCH, interval_ms=0)
            candidates = epochs * EPOCH * run.world.slots
            return _rates(candidates, time.perf_counter() - begin, _used() - used)


def _rates(candidates: int, seconds: float, used: float) -> Figures:
    return {"rate": candidates / seconds, "a_processor_second": candidates / used}


def _used() -> float:
    """Processor time of this process and of all that come from it, living ones."""
    own = psutil.Process()
    times = [each.cpu_times() for each in (own, *own.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def rate_of_islands(carrier: str, epochs: int, count: int = 4) -> Figures:
    """Candidates a second of islands in two processes or on Ray, memory, digests of the logs."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = made(Path(scratch) / "islands", count)
        carried = open_carrier(carrier, folder, HostOptions(), 2)
        try:
            Driver(Schedule(folder.archipelago, None, 1), carried).go()
            begin, used = time.perf_counter(), _used()
            driver = Driver(Schedule(folder.archipelago, None, 1 + epochs), carried)
            must(driver.go(), f"islands on {carrier} did not come to their end")
            seconds, spent = time.perf_counter() - begin, _used() - used
            memory = sum(_own_bytes(child) for child in psutil.Process().children())
        finally:
            carried.close()
        digests = [hashlib.sha256(log.read_bytes()).hexdigest() for log in folder.logs]
        rates = _rates(driver.candidates, seconds, spent)
        return {**rates, "bytes": memory, "digests": digests}


def _own_bytes(process: psutil.Process) -> int:
    """Memory that is a process's share (PSS)."""
    return int(process.memory_full_info().pss)


def exchange() -> Figures:
    """Processor time of an epoch's exchange of 8 islands, by one island's ticks.

    What is measured stands between two ticks, where nothing of it is in the caches, and
    what reading the time costs there is measured in other ticks and taken off.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = made(Path(scratch) / "islands", 1)
        island = Island(folder, 0, HostOptions("off"))
        island.perform(Task(0, 0, ()))
        run, nothing = island.run, list[float]()
        spent = []
        for _ in range(_EPOCHS):
            spent.append(_exchanged(folder.archipelago, run))
            for _ in range(EPOCH):
                run.step()
                nothing.append(_processor(lambda: None))
        island.close()
        own = (EPOCH + 1) * statistics.median(nothing)
        return {"ms": 8 * (statistics.median(spent) - own) * 1000, "ticks": EPOCH}


def _exchanged(archipelago: Archipelago, run: Run) -> float:
    """Seconds of processor time that one epoch's choice took, and the lines of who leaves."""
    selection = selection_from(archipelago, run.log, ())
    winners, took = winners_of(run.space.batch), 0.0
    for _ in range(EPOCH):
        run.step()
        took += _processor(lambda: selection.add(run.tick, winners))
    run.settle()
    lines: list[bytes] = []
    took += _processor(lambda: lines.extend(emigrant_lines(archipelago, 0, run.log, selection)))
    must(len(lines) == MIGRANTS, "an epoch had too few emigrants")
    return took


def _processor(work: Callable[[], object]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def measure(flags: argparse.Namespace) -> Figures:
    """All figures."""
    epochs, turns = (1, 1) if flags.quick else (4, flags.turns)
    seen: dict[str, list[Figures]] = {}

    def contender(name: str, asked: str, *more: object) -> float:
        found: Figures = part(__name__, asked, *more)
        seen.setdefault(name, []).append(found)
        return float(found["rate"])

    digests = part(__name__, "islands", TURN, epochs)["digests"]
    works: dict[str, Callable[[], float]] = {
        ONE_LOG: lambda: contender(ONE_LOG, "one", epochs),
        LOCAL: lambda: contender(LOCAL, "islands", LOCAL, epochs),
    }
    if has("ray"):
        works[RAY] = lambda: contender(RAY, "islands", RAY, epochs)
    rates = in_turn(works, turns, warm=0)
    for name, rows in seen.items():
        same = all(row.pop("digests", digests) == digests for row in rows)
        must(same, f"the bytes of {name} are those of islands in turn")
    used = {name: [row["a_processor_second"] for row in rows] for name, rows in seen.items()}
    two, four = (part(__name__, "islands", LOCAL, 1, count)["bytes"] for count in (2, 4))
    return {
        "options": OPTIONS, "epoch": EPOCH, "epochs": epochs,
        "rates": {name: statistics.median(found) for name, found in rates.items()},
        "a_processor_second": {name: statistics.median(found) for name, found in used.items()},
        "turns": rates, "processor_turns": used,
        "to_one_log": ratio(rates[LOCAL], rates[ONE_LOG]),
        "to_one_log_by_processor": ratio(used[LOCAL], used[ONE_LOG]),
        "ray_to_local": ratio(rates[RAY], rates[LOCAL]) if RAY in rates else None,
        "exchange": part(__name__, "exchange"),
        "bytes_an_island": (four - two) / 2,
        "cores": len(os.sched_getaffinity(0)),
    }  # fmt: skip


def show(found: Figures) -> None:
    """A table."""
    rows: list[tuple[str, str, str]] = [
        (f"candidates/s, {name}", f"{rate:,.0f}", "") for name, rate in found["rates"].items()
    ]
    rows += [
        (f"a processor second, {name}", f"{rate:,.0f}", "")
        for name, rate in found["a_processor_second"].items()
    ]
    rows.append(("four islands to one log, two workers", f"{found['to_one_log']:.2f}", ">= 1"))
    rows.append(("by processor time", f"{found['to_one_log_by_processor']:.2f}", ""))
    if found["ray_to_local"] is not None:
        rows.append(("Ray to local", f"{found['ray_to_local']:.2f}", ">= 0.9"))
    spent = found["exchange"]
    rows.append(
        (f"exchange of 8 islands, {spent['ticks']} ticks, ms", f"{spent['ms']:.2f}", "< 2")
    )  # fmt: skip
    rows.append(("MB for one more island", f"{found['bytes_an_island'] / 1e6:.0f}", "<= 60"))
    print(lines_of(rows))


PARTS: dict[str, Any] = {"one": rate_of_one, "islands": rate_of_islands, "exchange": exchange}
BENCHMARK = Benchmark(
    measure,
    show,
    {
        "islands verify": Command("islands --help", n=1, quick=1),
    },
    parts=PARTS,
    turns=3,
)
