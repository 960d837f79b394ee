"""What is put into a memory, and when it gains strength or goes: batches into a store.

Used by the process that a run feeds (`memory_worker`) and by `memory reindex`. A
term is remembered once: its first occurrence stays, a later win is a use of it.
Must not know: sockets, logs, the terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from automaton.compute import embeddings
from automaton.terms import notation
from automaton.terms.arrays import Bytes, Ints, Numbers, Words
from automaton.vector_store.decay import DecayRule
from automaton.vector_store.engine import Ids, Payload
from automaton.vector_store.store import Store, hashes

#: Nodes of the largest term that is remembered; its vector would say little of a larger one.
MOST_NODES = 8192
#: Items a store may hold.
MOST_ITEMS = 2_000_000
#: Items that are counted as used in one period; more are counted as lost.
MOST_USED = 1 << 16
#: Seconds between two acknowledgements, while batches come.
FLUSH_S = 1.0
#: Items without an index from which one is built: a third of all, but not fewer or more than
#: these, since every one of them is looked at by a question.
UNINDEXED, MOST_UNINDEXED = 20_000, 100_000


class TermBatch(NamedTuple):
    """Terms with what is said of each, as columns; code holds them one behind the other.

    ticks, slots int64; sizes, levels (the dimension), code int32; streams (a number of
    `names`), won uint8.
    """

    ticks: Numbers
    slots: Numbers
    sizes: Ints
    levels: Ints
    code: Words
    streams: Bytes
    won: Bytes

    @property
    def starts(self) -> Numbers:
        """Where each term begins in code."""
        sizes = self.sizes.astype(np.int64)
        starts: Numbers = np.cumsum(sizes) - sizes
        return starts

    def packed(self) -> bytes:
        """As a message: two counts and the columns, the widest first, so that all are aligned."""
        head = np.array([len(self.slots), len(self.code)], dtype=np.int64)
        return b"".join([head.tobytes(), *(column.tobytes() for column in self)])

    @classmethod
    def unpacked(cls, message: bytes) -> TermBatch:
        """The batch of a message."""
        rows, words = np.frombuffer(message, np.int64, 2).tolist()
        at, columns = 16, []
        for name, kind in _KINDS.items():
            count = words if name == "code" else rows
            columns.append(np.frombuffer(message, kind, count, at).copy())
            at += columns[-1].nbytes
        return cls(*columns)


_KINDS: dict[str, Any] = {
    "ticks": np.int64, "slots": np.int64, "sizes": np.int32, "levels": np.int32,
    "code": np.int32, "streams": np.uint8, "won": np.uint8,
}  # fmt: skip


@dataclass
class IndexCounts:
    """What became of the terms that came, cumulative: they add up to `rows`."""

    rows: int = 0
    indexed: int = 0  # put into the store
    known: int = 0  # of these terms the store held one already
    large: int = 0  # over MOST_NODES
    full: int = 0  # the store holds MOST_ITEMS
    strengthened: int = 0  # items that gained strength, once a period
    pruned: int = 0
    uses_lost: int = 0  # more used items in a period than MOST_USED
    durable: int = 0  # of `indexed`, so many survive the end of the process
    items: int = 0  # in the store


class Indexer:
    """A store that batches come to in the order of their ticks.

    Where a `period` is given they come in any order: all items are of that period, and
    none gains strength or goes.
    """

    def __init__(  # noqa: PLR0913  # settings
        self, store: Store, prefix: str, names: list[str], rule: DecayRule,
        most: int = MOST_ITEMS, *, period: int | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self.store = store
        self.learned = IndexCounts(items=store.count())
        self._prefix, self._names, self._rule, self._most = prefix, names, rule, most
        self._clock, self._flushed = clock, clock()
        self._fixed = period
        self._period: int | None = None
        self._uses: dict[int, int] = {}
        self._dirty = False  # whether the store holds what it has not acknowledged
        self._bare = self.learned.items - int(store.facts()["in_graph"])  # without an index

    def learn(self, batch: TermBatch) -> None:
        """Put in what is new; count the wins of what is there as uses."""
        self.learned.rows += len(batch.slots)
        if not len(batch.slots):
            return
        self._pass_to(self._rule.period(int(batch.ticks.max())))
        ids = hashes(batch.code, batch.starts, batch.sizes)
        fits = batch.sizes <= MOST_NODES
        self.learned.large += int((~fits).sum())
        first = np.zeros(len(ids), dtype=np.bool_)
        first[np.unique(ids, return_index=True)[1]] = True
        there = self.store.known(ids[first & fits])
        held = np.array([identity in there for identity in ids.tolist()], dtype=np.bool_)
        again = fits & (held | ~first)
        self.learned.known += int(again.sum())
        self._use(ids[again & (batch.won > 0)])
        self._enter(batch, ids, np.flatnonzero(fits & first & ~held))

    def _enter(self, batch: TermBatch, ids: Ids, rows: npt.NDArray[np.intp]) -> None:
        room = max(0, self._most - self.learned.items)
        self.learned.full += max(0, len(rows) - room)
        rows = rows[:room]
        if not len(rows):
            return
        starts = batch.starts[rows]
        counts = embeddings.embed(batch.code, starts, batch.sizes[rows])
        spans = zip(rows.tolist(), starts.tolist(), strict=True)
        payloads = [self._payload(batch, row, start) for row, start in spans]
        self.store.upsert(ids[rows], counts, payloads)
        self._dirty = True
        self.learned.indexed += len(rows)
        self.learned.items += len(rows)
        self._bare += len(rows)

    def _payload(self, batch: TermBatch, row: int, start: int) -> Payload:
        tick = int(batch.ticks[row])
        since = self._rule.period(tick) if self._fixed is None else self._fixed
        strength = np.array([self._rule.delta])
        return {
            "id": f"{self._prefix}m{tick}.{int(batch.slots[row])}",
            "term": notation.format_term(batch.code[start : start + int(batch.sizes[row])]),
            "dimension": int(batch.levels[row]),
            "stream": self._names[int(batch.streams[row])],
            "tick": tick,
            "won": bool(batch.won[row]),
            "strength": self._rule.delta,
            "since": since,
            "until": int(self._rule.until(strength, np.array([since]))[0]),
        }

    def _use(self, ids: Ids) -> None:
        for identity in ids.tolist() if self._fixed is None else ():
            if identity in self._uses or len(self._uses) < MOST_USED:
                self._uses[identity] = self._uses.get(identity, 0) + 1
            else:
                self.learned.uses_lost += 1

    def _pass_to(self, period: int) -> None:
        """Consolidate what the period before has left, once a later one begins."""
        if self._fixed is not None:
            return
        if self._period is not None and period > self._period:
            self.consolidate(self._period)
            self._forget(period - 1)
        self._period = period if self._period is None else max(period, self._period)

    def consolidate(self, now: int) -> None:
        """What was used in period `now` gains strength."""
        if self._uses:
            self.learned.strengthened += self.store.strengthen(self._uses, now, self._rule)
            self._uses.clear()
            self._dirty = True

    def _forget(self, now: int) -> None:
        gone = self.store.prune(now)
        self.learned.pruned += gone
        self.learned.items -= gone
        self._dirty = self._dirty or gone > 0

    def rest(self) -> None:
        """Between two batches: acknowledge what is there, and build an index where it pays."""
        if self._dirty and self._clock() - self._flushed >= FLUSH_S:
            self.flush()
        if self._bare >= min(MOST_UNINDEXED, max(UNINDEXED, self.learned.items // 3)):
            self.store.optimize()
            self._bare = 0

    def flush(self) -> None:
        """Acknowledge what is there."""
        self.store.flush()
        self.learned.durable = self.learned.indexed
        self._flushed, self._dirty = self._clock(), False

    def close(self) -> None:
        """Strengthen what was used so far, and acknowledge all."""
        if self._period is not None:
            self.consolidate(self._period)
        self.flush()

    def figures(self) -> dict[str, int]:
        """The counts."""
        return asdict(self.learned)
