"""Who leaves an island at the end of an epoch: the best distinct winners, from columns.

The order, from the best: salience, descending (0 where no streams compete); the later
tick; the lower slot. Of winners with one term the best counts. So where streams compete
what they valued most leaves, and without them a fair sample of the epoch's last tick.
Pure; must not know: files, runs, how migrants travel.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from automaton.errors import DamagedError
from automaton.format.records import dump
from automaton.islands.archipelago import Archipelago
from automaton.terms import notation
from automaton.terms.arrays import Words


class WinnerColumns(NamedTuple):
    """A tick's winners as columns, in the order of their slots."""

    slots: Any  # int, ascending
    salience: Any  # int, fixed point, by winner; 0 where no streams compete
    index: Any  # int, by winner: where it stands in `starts` and `sizes`
    starts: Any  # int: where a term begins in `words`
    sizes: Any  # int: nodes of a term
    words: Words  # packed terms


class Emigrant(NamedTuple):
    """A winner on the way out: where it won, how salient it was, its term."""

    salience: int
    tick: int
    slot: int
    words: Words

    @property
    def order(self) -> tuple[int, int, int]:
        """Sorts emigrants, the best first."""
        return -self.salience, -self.tick, self.slot


class EmigrantSelection:
    """The best distinct winners of an epoch so far; ticks are shown in ascending order."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.best: list[Emigrant] = []  # at most so many, distinct, the best first

    def add(self, tick: int, winners: WinnerColumns) -> None:
        """Take a tick's winners into account."""
        if not self.most or not len(winners.slots):
            return
        found = self._best_of(tick, winners)
        if found:
            self.best = _distinct(sorted([*found, *self.best], key=lambda one: one.order))
            del self.best[self.most :]

    def _best_of(self, tick: int, winners: WinnerColumns) -> list[Emigrant]:
        """The tick's own best distinct winners, as far as they can count."""
        salience = winners.salience
        if len(self.best) == self.most:
            rows = np.flatnonzero(salience >= self.best[-1].salience)
            if not len(rows):
                return []
        else:
            rows = np.arange(len(salience))
        valued = salience[rows]
        if len(rows) and valued.min() != valued.max():  # else they stand in their order
            rows = rows[np.argsort(-valued.astype(np.int64), kind="stable")]
        found: dict[bytes, Emigrant] = {}
        for row in map(int, rows):  # few of them: no list is made of all
            at = winners.index[row]
            words = winners.words[winners.starts[at] : winners.starts[at] + winners.sizes[at]]
            key = words.tobytes()
            if key not in found:
                own = int(salience[row]), tick, int(winners.slots[row])
                found[key] = Emigrant(*own, words.copy())
            if len(found) == self.most:
                break
        return list(found.values())


def _distinct(ordered: Iterable[Emigrant]) -> list[Emigrant]:
    """The first of each term."""
    found: dict[bytes, Emigrant] = {}
    for one in ordered:
        found.setdefault(one.words.tobytes(), one)
    return list(found.values())


def migrant_line(
    archipelago: Archipelago, island: int, rank: int, emigrant: Emigrant, log: tuple[str, bytes]
) -> bytes:
    """The line under which a migrant enters; `log`: the source's prefix, the chain after the tick.

    It names island, tick, chain, winner and rank, so that it can be looked up at its source.
    """
    prefix, chain = log
    winner = f"{prefix}m{emigrant.tick}.{emigrant.slot}"
    members = {
        "id": archipelago.migrant_id(island, winner),
        "type": "migrant",
        "island": island,
        "tick": emigrant.tick,
        "winner": winner,
        "rank": rank,
        "chain": chain.hex(),
        "term": notation.format_term(emigrant.words),
    }
    return dump(members) + b"\n"


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
