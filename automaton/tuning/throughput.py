"""The rate of whole runs by their number of workers, measured on copies of a log.

Every number of workers has a copy of its own and goes in turn with the others, so that
what else the machine does falls on all of them. What a rate is,
`automaton.tuning.measurement` says; what the rates mean, `automaton.tuning.scaling_model`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automaton.run import Run
from automaton.tuning.measurement import LogCopies, copies_of
from automaton.tuning.scaling_model import RateSamples
from automaton.tuning.workload import Workload
from automaton.workers.autoscale_policy import ScalingOptions
from automaton.workers.sharding import ShardSizer

#: Ticks before the clock counts: kernels are loaded, sizes are learnt.
_BEFORE = 3
#: Turns of each number of workers.
REPEATS = 5
#: Share of the computing from which a tick counts as shared out among workers.
SHARED = 0.5


@dataclass(frozen=True)
class Rates:
    """What was measured, and how."""

    measured: list[RateSamples]  # candidates a second, whole durable runs
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

    def times(self, name: str, slots: int) -> bool:  # noqa: ARG002 - of the contract
        """Every batch counts."""
        return True

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
    tried = counts(most)
    with copies_of(path, given, len(tried)) as copies, ExitStack() as runs:
        opened: dict[int, Run] = {}
        dealers = {n: _Dealer() for n in tried}
        for n in tried:
            if stop():
                break
            scaling = ScalingOptions("thread", n, auto_scale=False)
            opened[n] = run = runs.enter_context(copies.run(given, scaling))
            run.device.pool.dealer = dealers[n]
            run.go(ticks=_BEFORE, interval_ms=0)
            dealers[n].forget()
        rates = _turns(copies, opened, seconds / len(tried) / REPEATS, say, stop)
        found = [RateSamples(n, tuple(turn[n] for turn in rates)) for n in opened if rates]
        handed = {n: dealers[n].handed_out() for n in opened}
        return Rates(found, copies.setting, str(copies.folder.parent), len(rates), handed)


def _turns(
    copies: LogCopies, runs: Mapping[int, Run], seconds: float, say: Callable[[str], None],
    stop: Callable[[], bool],
) -> list[dict[int, float]]:  # fmt: skip
    """The finished turns: the rate by number of workers, of one after the other."""
    done: list[dict[int, float]] = []
    while len(done) < REPEATS:
        if not stop():
            say(f"turn {len(done) + 1} of {REPEATS}")
        turn: dict[int, float] = {}
        for n, run in runs.items():
            turn[n] = 0.0 if stop() else copies.rate(run, seconds, stop=stop)
        if stop():
            break
        done.append(turn)
    return done
