"""Winner lines that a log leaves out of its file, computed again for whoever reads them.

A snapshot goes forward from the beginning, or from a checkpoint, to the tick that is
asked for; every batch on the way is held to the digest that its commit seals. What
was computed last stays in memory, with the log. Must not know: who reads, or why.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from automaton.backends import CpuBackend
from automaton.format.options import Options
from automaton.log import LogReader, checkpoint
from automaton.replay import world_checkpoint
from automaton.replay.genesis import MalformedLines
from automaton.replay.recompute import TickRecomputer
from automaton.replay.restore import genesis_world


class OmittedBatches:
    """The batches of one log, by tick; going back begins anew, going on does not."""

    def __init__(self, log: LogReader, *, checkpoints: bool = True) -> None:
        self._log, self._checkpoints = log, checkpoints
        self._again: TickRecomputer | None = None
        self._tick = 0  # the last that was folded

    def batch(self, tick: int) -> bytes:
        """The whole batch of a tick that leaves out its winner lines."""
        if self._again is None or tick <= self._tick:
            self._begin(tick)
        assert self._again is not None
        try:
            while self._tick < tick:
                self._again.follow(self._tick + 1)
                self._tick += 1
        except BaseException:
            self.close()  # the snapshot is of no tick
            raise
        return bytes(self._log.batch(tick))  # it is held now

    def _begin(self, tick: int) -> None:
        """Take the snapshot that is nearest before a tick."""
        self.close()
        log = self._log
        kept = checkpoint.read(log.path) if self._checkpoints else None
        world = world_checkpoint.decode(log, kept) if kept and kept.tick < tick else None
        self._tick = kept.tick if kept and world else 0
        self._again = TickRecomputer(
            log, world or genesis_world(log, Options(), MalformedLines()), CpuBackend
        )

    def close(self) -> None:
        """End the threads."""
        if self._again is not None:
            self._again.close()
            self._again = None


@contextmanager
def with_omitted_batches(log: LogReader, *, checkpoints: bool = True) -> Iterator[OmittedBatches]:
    """Have a log give the lines that its file leaves out, until the block ends."""
    refill = OmittedBatches(log, checkpoints=checkpoints)
    log.refill = refill.batch
    try:
        yield refill
    finally:
        log.refill = None
        refill.close()
