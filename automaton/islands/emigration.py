"""The emigrants of an epoch out of an island's log: a pure function of its lines.

Reads an opened log. Winner lines become columns by the kernel that replay uses; the
choice is `automaton.islands.migration`'s. Must not know: runs, other islands.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from automaton.backends.batch import CandidateBatch
from automaton.chemistry.batch_replay import read_winners
from automaton.compute.reduction import NORMAL
from automaton.format.options import from_record
from automaton.format.stream_options import parse_streams
from automaton.islands.archipelago import Archipelago
from automaton.islands.migration import (
    Emigrant,
    EmigrantSelection,
    WinnerColumns,
    migrant_line,
)
from automaton.log import LogReader


class LoggedWinners:
    """The winners of a log's ticks as columns, by the options of its last run record."""

    def __init__(self, log: LogReader) -> None:
        assert log.run is not None
        self.prefix, self.format = log.prefix, log.format
        self.options = from_record(log.run.options)
        self.stream_names = [stream.name for stream in parse_streams(self.options.streams)]
        self._log = log

    def columns(self, tick: int) -> WinnerColumns:
        """A tick's winners; a batch that its file leaves out must be computable."""
        raw = self._log.batch(tick)
        begin = _first_winner(raw, b'{"id":"%sm%d.' % (self.prefix.encode(), tick))
        batch = np.frombuffer(raw, dtype=np.uint8)
        lines = self._log.commits.row(tick).lines
        found = read_winners(batch, begin, lines, self, tick).entering
        return WinnerColumns(found.slots, found.salience, found.starts, found.sizes, found.source)


def _first_winner(raw: memoryview, head: bytes) -> int:
    """Where the first line with this head begins; input never has it (`format.admission`)."""
    if raw[: len(head)] == head:
        return 0
    data = bytes(raw)
    at = data.find(b"\n" + head)
    return len(data) if at < 0 else at + 1


def winners_of(batch: CandidateBatch) -> WinnerColumns:
    """The winners of a tick that was just computed; views of its columns."""
    won = batch.won != 0 if batch.streams else batch.outcomes == NORMAL
    slots = np.flatnonzero(won)
    salience = batch.salience[slots] if batch.streams else np.zeros(len(slots), dtype=np.int32)
    return WinnerColumns(slots, salience, batch.results[slots], batch.sizes[slots], batch.out)


def selection_from(
    archipelago: Archipelago, log: LogReader, ticks: Iterable[int]
) -> EmigrantSelection:
    """The best distinct winners of some ticks of a log, in ascending order."""
    selection = EmigrantSelection(archipelago.migrants)
    winners = LoggedWinners(log) if log.run is not None else None
    for tick in ticks:
        assert winners is not None
        selection.add(tick, winners.columns(tick))
    return selection


def emigrants(archipelago: Archipelago, log: LogReader, epoch: int) -> list[Emigrant]:
    """Who leaves at the end of an epoch that the log has behind it, the best first."""
    ticks = range(archipelago.first_tick(epoch), archipelago.last_tick(epoch) + 1)
    return selection_from(archipelago, log, ticks).best


def emigrant_lines(
    archipelago: Archipelago, island: int, log: LogReader, best: Iterable[Emigrant]
) -> list[bytes]:
    """The lines under which they enter at their destinations, by rank."""
    return [
        migrant_line(archipelago, island, rank, one, (log.prefix, log.chain_at(one.tick)))
        for rank, one in enumerate(best)
    ]
