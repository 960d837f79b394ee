"""Simulated: how long islands on many nodes would take, from times that were measured on few.

A discrete-event simulation (simpy): an island waits for its sources, computes an epoch,
sends, and now and then its node is lost and noticed after a while. All that is measured
is an argument; what comes out is a simulation and says so. Must not know: logs, clocks.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from automaton.errors import UsageError
from automaton.islands.topology import Sources
from kernels import philox

Seconds = npt.NDArray[np.float64]  # by epoch and island

#: Purpose of the draws of simulated times: of no log's bytes. tick: epoch, slot: island.
SIMULATION = np.uint64(16)


@dataclass(frozen=True)
class Conditions:
    """What a simulation is made from."""

    epoch_seconds: float  # mean time of an epoch on a node
    spread: float = 0.0  # of that time: standard deviation by mean, log-normal
    travel: float = 0.002  # seconds from a source's end to its neighbours
    failures: float = 0.0  # of a node, an hour
    detection: float = 15.0  # seconds until a lost node is noticed and replaced
    slow: float = 1.0  # factor of the times of node 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epoch_seconds <= 0 or self.slow <= 0:
            raise UsageError("an epoch takes more than 0 seconds")
        if min(self.spread, self.travel, self.failures, self.detection) < 0:
            raise UsageError("spread, travel, failures and detection are 0 or more")


def epoch_times(conditions: Conditions, nodes: int, epochs: int) -> Seconds:
    """The time that each epoch takes on each node, losses of the node included; seconds."""
    ticks, slots = np.meshgrid(
        np.arange(epochs, dtype=np.uint64), np.arange(nodes, dtype=np.uint64), indexing="ij"
    )  # fmt: skip
    seed = np.uint64(conditions.seed)
    words = philox.draw(seed, ticks, slots, SIMULATION)  # type: ignore[no-untyped-call]
    first, second, third, fourth = ((word.astype(np.float64) + 0.5) / 2.0**32 for word in words)
    normal = np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
    variance = np.log1p(conditions.spread**2)
    times = conditions.epoch_seconds * np.exp(np.sqrt(variance) * normal - variance / 2)
    times[:, 0] *= conditions.slow
    lost = third < -np.expm1(-conditions.failures * times / 3600)
    return np.where(lost, times * (1 + fourth) + conditions.detection, times)  # type: ignore[no-any-return]


def simulate(sources: Sources, delay: int, times: Seconds, travel: float) -> Seconds:
    """When each island ends each epoch, in seconds; `times` by epoch and island."""
    simpy = _simpy()
    epochs, nodes = times.shape
    environment = simpy.Environment()
    arrived = [[environment.event() for _ in range(nodes)] for _ in range(epochs)]
    ends = np.zeros((epochs, nodes))

    def island(number: int) -> Generator[Any, Any, None]:
        for epoch in range(epochs):
            left = epoch - 1 - delay
            if left >= 0:
                for source in sources[number]:
                    yield arrived[left][source]
            yield environment.timeout(float(times[epoch, number]))
            ends[epoch, number] = environment.now
            environment.process(send(number, epoch))

    def send(number: int, epoch: int) -> Generator[Any, Any, None]:
        yield environment.timeout(travel)
        arrived[epoch][number].succeed()

    for number in range(nodes):
        environment.process(island(number))
    environment.run()
    return ends


def barrier(times: Seconds, travel: float) -> Seconds:
    """The same where every epoch begins on all nodes at once: what islands need not do."""
    ends = np.cumsum(times.max(axis=1) + travel) - travel
    return np.broadcast_to(ends[:, None], times.shape)


def _simpy() -> Any:
    """The library that simulates."""
    try:
        import simpy  # noqa: PLC0415  # only who wants it has it
    except ImportError:
        raise UsageError(
            "islands project needs simpy: pip install '.[scale]' in the checkout"
        ) from None
    return simpy
