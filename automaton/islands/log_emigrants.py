"""The emigrants of an epoch out of an island's log: a pure function of its lines.

Reads an opened log. Winner lines become columns by the kernel that replay uses; the
choice is `automaton.islands.emigrant_selection`'s. Must not know: runs, other islands.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from automaton.backends.batch import CandidateBatch
from automaton.chemistry.batch_replay import read_winners
from automaton.compute.reduction import NORMAL
from automaton.format.options import Options, from_record
from automaton.format.stream_options import parse_streams
from automaton.islands.archipelago import Archipelago
from automaton.islands.emigrant_selection import EmigrantSelection, WinnerColumns, migrant_lines
from automaton.log import LogReader


class LoggedWinners:
    """The winners of a log's ticks as columns, by the options of its last run record."""

    def __init__(self, log: LogReader) -> None:
        assert log.run is not None
        self.prefix, self.format = log.prefix, log.format
        self.options = from_record(log.run.options)
        self.stream_names = [stream.name for stream in parse_streams(self.options.streams)]
        self._log = log

    def show(self, ticks: Iterable[int], selection: EmigrantSelection) -> None:
        """Show ticks to a selection, the latest first, as far as they can count."""
        for tick in sorted(ticks, reverse=True):
            if selection.is_full and not self.stream_names:
                return  # all are worth the same, and later ticks come first
            selection.add(tick, self.columns(tick))

    def columns(self, tick: int) -> WinnerColumns:
        """A tick's winners; a batch that its file leaves out must be computable."""
        raw = self._log.batch(tick)
        begin = _first_winner(raw, b'{"id":"%sm%d.' % (self.prefix.encode(), tick))
        batch = np.frombuffer(raw, dtype=np.uint8)
        lines = self._log.commits.row(tick).lines
        found = read_winners(batch, begin, lines, self, tick).entering
        return WinnerColumns(
            np.ones(len(found.slots), dtype=np.uint8), 1, found.slots, found.salience,
            bool(self.stream_names), found.starts, found.sizes, found.source,
        )  # fmt: skip


def _first_winner(raw: memoryview, head: bytes) -> int:
    """Where the first line with this head begins; input never has it (`format.admission`)."""
    if raw[: len(head)] == head:
        return 0
    data = bytes(raw)
    at = data.find(b"\n" + head)
    return len(data) if at < 0 else at + 1


#: Of columns in which row and slot are one.
_EVERY_SLOT = np.empty(0, dtype=np.int64)


def winners_of(batch: CandidateBatch) -> WinnerColumns:
    """The winners of a tick that was just computed; views of its columns, for every tick."""
    compete = batch.streams > 0
    chosen, wanted = (batch.won, 1) if compete else (batch.outcomes, NORMAL)
    return WinnerColumns(
        chosen, wanted, _EVERY_SLOT, batch.salience, compete, batch.results, batch.sizes, batch.out
    )


def selection_from(
    archipelago: Archipelago, log: LogReader, ticks: Iterable[int]
) -> EmigrantSelection:
    """The best distinct winners of some ticks of a log."""
    winners = LoggedWinners(log) if log.run is not None else None
    # A log that somebody made up may have other options than its archipelago says.
    options = Options(**archipelago.options) if winners is None else winners.options
    selection = EmigrantSelection(archipelago.migrants, options.max_size)
    if winners is not None:
        winners.show(ticks, selection)
    return selection


def emigrants(archipelago: Archipelago, log: LogReader, epoch: int) -> EmigrantSelection:
    """Who leaves at the end of an epoch that the log has behind it."""
    ticks = range(archipelago.first_tick(epoch), archipelago.last_tick(epoch) + 1)
    return selection_from(archipelago, log, ticks)


def emigrant_lines(
    archipelago: Archipelago, island: int, log: LogReader, selection: EmigrantSelection
) -> list[bytes]:
    """The lines under which they enter at their destinations, by rank."""
    return migrant_lines(archipelago, island, selection, (log.prefix, log.chain_at))
