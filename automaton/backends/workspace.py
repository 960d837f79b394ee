"""Where the ticks of one snapshot are computed: its backend, columns and buffers, made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from automaton.backends.batch import CandidateBatch, LineBuffer
from automaton.backends.cpu import CpuBackend
from automaton.compute.reduction import SubstitutionReducer
from automaton.population import Population
from automaton.population.selection import Matcher

#: Reactions that a trial of an operator makes.
TRIALS = 64


class Snapshot(Protocol):
    """What a backend must know of a snapshot."""

    population: Population

    @property
    def slots(self) -> int:
        """The candidates of a tick."""

    @property
    def stream_names(self) -> list[str]:
        """The streams that compete."""

    def use_matcher(self, matcher: Matcher) -> None:
        """Who looks at terms from now on."""


@dataclass(frozen=True)
class Workspace:
    """A backend with the columns of a tick's batch, of a trial's, and buffers of lines."""

    device: CpuBackend
    batch: CandidateBatch
    trials: CandidateBatch
    reference: SubstitutionReducer
    buffers: tuple[LineBuffer, LineBuffer]

    def buffer(self, tick: int) -> LineBuffer:
        """The buffer of a tick's lines: that of the tick before is still being written."""
        return self.buffers[tick % 2]


def attach(device: CpuBackend, world: Snapshot) -> Workspace:
    """Have a snapshot's ticks computed by a backend from now on."""
    device.take_in(world.population)
    world.use_matcher(device.matcher)
    return Workspace(
        device,
        device.batch(world.slots, len(world.stream_names)),
        device.batch(TRIALS),
        SubstitutionReducer(),
        (device.buffer(), device.buffer()),
    )
