"""Who leaves an island at the end of an epoch: the best distinct winners, from columns.

The order, from the best: salience, descending (0 where no streams compete); the later
tick; the lower slot. Of winners with one term the best counts. So where streams compete
what they valued most leaves, and without them a fair sample of the epoch's last tick.
Pure; must not know: files, runs, how migrants travel.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from automaton.errors import DamagedError
from automaton.islands.archipelago import Archipelago
from automaton.terms.arrays import Words
from kernels import cpu
from kernels.chemistry import best_winners as kernel
from kernels.text.winner_lines import SPARE

#: Bytes that a node takes at most in a term's text: the digits of an index, and a space.
_NODE = 12


class WinnerColumns(NamedTuple):
    """A tick's winners as columns, in the order of their slots."""

    chosen: Any  # uint8 by row: where it is `wanted` stands a winner
    wanted: int
    slots: Any  # int64 by row, ascending; of length 0: row and slot are one
    salience: Any  # int32 by row, fixed point
    valued: bool  # False where no streams compete: salience is then 0
    starts: Any  # int64 by row: where its term begins in `words`
    sizes: Any  # int32 by row: nodes of its term
    words: Words  # packed terms


class Emigrant(NamedTuple):
    """A winner on the way out: how salient it was, where it won."""

    salience: int
    tick: int
    slot: int


class EmigrantSelection:
    """The best distinct winners of the ticks that were shown, each once, in any order."""

    def __init__(self, most: int, width: int) -> None:
        """At most so many, of terms of at most `width` nodes."""
        self.most, self._width, self._count = most, width, 0
        self._best = np.zeros(most * kernel.COLUMNS, dtype=np.int64)
        self._terms: Words = np.empty(most * width, dtype=np.int32)
        self.take = cpu.held(kernel.take_winners)

    def add(self, tick: int, winners: WinnerColumns) -> None:
        """Take a tick's winners into account."""
        self._count = self.take(
            *winners, tick, self.most, self._width, self._best, self._terms, self._count
        )

    @property
    def is_full(self) -> bool:
        """Whether as many leave as may."""
        return self._count == self.most

    @property
    def best(self) -> list[Emigrant]:
        """Those that leave, the best first."""
        numbers = self._best[: self._count * kernel.COLUMNS].tolist()
        rows = range(0, len(numbers), kernel.COLUMNS)
        return [Emigrant(*numbers[row : row + kernel.SIZE]) for row in rows]

    @property
    def texts(self) -> list[bytes]:
        """Their terms as they stand in logs."""
        nodes = int(self._best[kernel.SIZE :: kernel.COLUMNS][: self._count].sum())
        buffer = np.empty(_NODE * nodes + SPARE, dtype=np.uint8)
        ends, stack = np.empty(self._count, np.int64), np.empty(self._width, np.int32)
        cpu.held(kernel.write_terms)(
            self._best, self._terms, self._width, self._count, buffer, ends, stack
        )
        raw, marks = buffer.tobytes(), [0, *ends.tolist()]
        return [raw[a:b] for a, b in pairwise(marks)]


def migrant_lines(
    archipelago: Archipelago, island: int, selection: EmigrantSelection,
    log: tuple[str, Callable[[int], bytes]],
) -> list[bytes]:  # fmt: skip
    """The lines under which they enter, by rank; `log`: the source's prefix, chains by tick.

    Each names island, tick, chain, winner and rank, so that it can be looked up at its source.
    """
    prefix, chain_at = log
    best = selection.best
    chains = {tick: chain_at(tick).hex().encode() for tick in {one.tick for one in best}}
    # Of these members the prefixes alone could need escapes, and they are letters.
    return [
        b'{"id":"%s","type":"migrant","island":%d,"tick":%d,"winner":"%s","rank":%d,'
        b'"chain":"%s","term":"%s"}\n'
        % (
            archipelago.migrant_id(island, winner).encode(), island, one.tick, winner.encode(),
            rank, chains[one.tick], text,
        )
        for rank, (one, text) in enumerate(zip(best, selection.texts, strict=True))
        for winner in (f"{prefix}m{one.tick}.{one.slot}",)
    ]  # fmt: skip


class Migrant(NamedTuple):
    """What a migrant's line says of where it comes from."""

    island: int
    tick: int
    winner: str
    rank: int
    chain: bytes
    term: str


def parse_migrant(line: bytes) -> Migrant:
    """The migrant of a line; a `DamagedError` where it is none of ours."""
    try:
        members = json.loads(line)
        island, tick, rank = (members[name] for name in ("island", "tick", "rank"))
        if {type(island), type(tick), type(rank)} == {int}:
            winner, term = str(members["winner"]), str(members["term"])
            return Migrant(island, tick, winner, rank, bytes.fromhex(members["chain"]), term)
    except (ValueError, KeyError, TypeError):
        pass
    raise DamagedError(f"{line[:80]!r} is no line of a migrant")
