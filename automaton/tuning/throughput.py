"""The rate of whole runs by their number of workers, measured on copies of a log.

Touches the clock and a temporary folder; the log is read and copied, never run. Every
number of workers has a copy of its own and goes in turn with the others, so that
what else the machine does falls on all of them. What the rates mean,
`automaton.tuning.scaling_model` says.
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

from automaton.errors import FileError
from automaton.format.options import NAMES
from automaton.log import Log
from automaton.run import Run, SidecarOptions
from automaton.tuning.scaling_model import Measured
from automaton.tuning.workload import Workload
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.sharding import ShardSizer

#: Ticks before the clock counts: kernels are loaded, sizes are learnt.
_BEFORE = 3
#: Turns of each number of workers.
REPEATS = 5
#: Share of the computing from which a tick counts as shared out among workers.
SHARED = 0.5
#: Files beside a log that make opening its copy quick and sure.
_BESIDE = (".genesis", ".durable", ".checkpoint")


@dataclass(frozen=True)
class Rates:
    """What was measured, and how."""

    measured: list[Measured]  # thoughts (candidates) a second, whole durable runs
    setting: Workload  # what the copies were run with
    folder: str  # where the copies stood
    turns: int  # turns that are finished, of REPEATS
    handed_out: dict[int, float]  # by workers: share of the computing (seconds) that was shared out

    planned: int = REPEATS

    @property
    def parallel(self) -> int:
        """Rounds a tick."""
        return self.setting.options.parallel

    @property
    def idle(self) -> list[int]:
        """Numbers of workers among whom most of the computing was not shared out."""
        return [n for n, share in self.handed_out.items() if n > 1 and share < SHARED]


class _Dealer(ShardSizer):
    """Also counts the seconds of what was cut into shards, and of what was not."""

    def __init__(self) -> None:
        super().__init__()
        self.forget()

    def learn(self, name: str, slots: int, busy: list[float]) -> None:
        """So many slots took workers these seconds, by shard."""
        super().learn(name, slots, busy)
        if len(busy) > 1:
            self.cut += sum(busy)
        else:
            self.whole += sum(busy)

    def forget(self) -> None:
        """Count anew."""
        self.whole = self.cut = 0.0

    def handed_out(self) -> float:
        """The share of the seconds that was shared out."""
        return self.cut / max(self.cut + self.whole, 1e-9)


def counts(most: int) -> list[int]:
    """Numbers of workers to measure: all up to 8, then doublings, and the greatest."""
    tried = set(range(1, min(most, 8) + 1)) | {most}
    step = 16
    while step < most:
        tried.add(step)
        step *= 2
    return sorted(tried)


def measure_throughput(  # noqa: PLR0913, PLR0917  # what is told and asked on the way is by name
    path: Path, given: Mapping[str, Any], most: int, seconds: float,
    say: Callable[[str], None] = lambda _text: None, stop: Callable[[], bool] = lambda: False,
) -> Rates:  # fmt: skip
    """Rates of 1 to `most` workers, in about so many seconds without the copying.

    Once `stop` says so, what was finished is the answer: whole turns of all numbers of
    workers, so that each has as many.
    """
    with Log.open(path, write=False) as log:  # says what is wrong before anything is copied
        source, size, setting = Path(log.path), log.size, Workload.of(log, given)
    tried = counts(most)
    assert given.keys() <= NAMES
    with tempfile.TemporaryDirectory(prefix="automaton-scale-") as folder, ExitStack() as runs:
        reserve = _room(folder, size * len(tried))
        opened: dict[int, Run] = {}
        dealers = {n: _Dealer() for n in tried}
        for n in tried:
            if stop():
                break
            opened[n] = run = runs.enter_context(
                _opened(source, Path(folder) / f"{n}.jsonl", given, n, setting.archive)
            )
            run.device.pool.dealer = dealers[n]
            for _ in range(_BEFORE):
                run.step()
            dealers[n].forget()
        rates = _turns(opened, seconds / len(tried) / REPEATS, reserve, say, stop)
    found = [Measured(n, tuple(turn[n] for turn in rates)) for n in opened if rates]
    handed = {n: dealers[n].handed_out() for n in opened}
    return Rates(found, setting, str(Path(folder).parent), len(rates), handed)


def _turns(
    runs: Mapping[int, Run], seconds: float, reserve: int, say: Callable[[str], None],
    stop: Callable[[], bool],
) -> list[dict[int, float]]:  # fmt: skip
    """The finished turns: the rate by number of workers, of one after the other."""
    done: list[dict[int, float]] = []
    while len(done) < REPEATS:
        if not stop():
            say(f"turn {len(done) + 1} of {REPEATS}")
        turn: dict[int, float] = {}
        for n, run in runs.items():
            turn[n] = 0.0 if stop() else _rate(run, seconds, reserve, stop)
        if stop():
            break
        done.append(turn)
    return done


def _room(folder: str, needed: int) -> int:
    """The free bytes that must be left; an error where the copies alone take more."""
    free = shutil.disk_usage(folder).free
    if needed > free // 2:
        raise FileError(
            f"the copies of the log need {needed} bytes and {folder} has {free}, of which half "
            "may be used; free some, name another folder with TMPDIR, or lower --max-workers"
        )
    return free // 2


def _opened(source: Path, copy: Path, given: Mapping[str, Any], workers: int, archive: int) -> Run:
    """A run of a copy with this number of threads, and an archive of so many bytes."""
    for suffix in ("", *_BESIDE):
        beside = source.with_name(source.name + suffix)
        if beside.exists():
            shutil.copyfile(beside, copy.with_name(copy.name + suffix))
    scaling = ScalingOptions("thread", workers, auto_scale=False)
    return Run(copy, given, scaling=scaling, keeping=SidecarOptions(archive))


def _rate(run: Run, seconds: float, reserve: int, stop: Callable[[], bool]) -> float:
    """Candidates a second over a turn, until the last byte of it is durable."""
    before, start = sum(run.outcomes.values()), time.perf_counter()
    run.step()
    while time.perf_counter() - start < seconds and not stop():
        if shutil.disk_usage(run.log.path).free < reserve:
            raise FileError(
                f"the copies beside {run.log.path} have grown until half of the free room was "
                "used; measure for fewer --seconds, or name another folder with TMPDIR"
            )
        run.step()
    run.background.wait()
    run.log.sync()
    return (sum(run.outcomes.values()) - before) / (time.perf_counter() - start)
