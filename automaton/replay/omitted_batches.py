"""Winner lines that a log leaves out of its file, computed again for whoever reads them.

A snapshot goes forward from the beginning, or from a checkpoint, to the tick that is
asked for; every batch on the way is held to the digest that its commit seals. What
was computed last stays in memory, with the log. Must not know: who reads, or why.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from automaton.log import LogReader
from automaton.log.side_files import checkpoint
from automaton.replay.recompute import TickRecomputer
from automaton.replay.restore import recomputer


class OmittedBatches:
    """The batches of one log, by tick; going back begins anew, going on does not."""

    def __init__(self, log: LogReader, *, checkpoints: bool = True) -> None:
        self._log, self._checkpoints = log, checkpoints
        self._again: TickRecomputer | None = None

    def batch(self, tick: int) -> bytes:
        """The whole batch of a tick that leaves out its winner lines."""
        if self._again is None or tick <= self._again.done:
            self._again = self._before(tick)
        try:
            self._again.run_to(tick)
        except BaseException:
            self.close()  # the snapshot is of no tick
            raise
        return bytes(self._log.batch(tick))  # it is held now

    def _before(self, tick: int) -> TickRecomputer:
        """The snapshot that is nearest before a tick."""
        self.close()
        kept = checkpoint.read(self._log.path) if self._checkpoints else None
        return recomputer(self._log, kept if kept and kept.tick < tick else None)

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
