"""A memory in shards: many engines as one, each with the items whose ids fall to it.

An id is the hash of a term, so shards are of about equal size. Questions go to all of them
at the same time and answers are merged. Who only reads goes on without a shard that is
missing, and can say which and why; who writes does not. Must not know: which engines these
are, terms, logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from automaton.errors import AutomatonError
from automaton.vector_store.engine import Engine, Filter, Hit, Ids, Payload, UnitVectors

Answer = TypeVar("Answer")


class ShardedEngine:
    """Engines as one engine; see `automaton.vector_store.engine`."""

    name = "shards"

    def __init__(self, openers: Sequence[Callable[[], Engine]], *, reading: bool = False) -> None:
        """Open all; where one cannot be and nobody only reads, none stays open."""
        self._reading = reading
        self._count = len(openers)
        self._pool = ThreadPoolExecutor(self._count, "shards")
        self.missing: dict[int, AutomatonError] = {}
        self._engines: dict[int, Engine] = {}
        try:
            self._each({k: self._opening(k, opener) for k, opener in enumerate(openers)})
        except BaseException:
            self.close()
            raise
        if not self._engines:
            self.close()
            raise next(iter(self.missing.values()))
        self.read_only = any(getattr(e, "read_only", False) for e in self._engines.values())

    def _opening(self, shard: int, opener: Callable[[], Engine]) -> Callable[[], None]:
        def opened() -> None:
            self._engines[shard] = opener()

        return opened

    @property
    def answering(self) -> float:
        """The share of all shards that answer."""
        return len(self._engines) / self._count

    def _each(self, questions: Mapping[int, Callable[[], Answer]]) -> dict[int, Answer]:
        """The answers of shards, all asked at the same time; a reader does without some."""
        asked = {k: self._pool.submit(question) for k, question in questions.items()}
        found: dict[int, Answer] = {}
        failed: AutomatonError | None = None
        for k, future in asked.items():
            try:
                found[k] = future.result()
            except AutomatonError as error:
                failed = failed or error
                self.missing[k] = error
                self._leave(k)
        if failed is not None and not self._reading:
            raise failed
        return found

    def _leave(self, shard: int) -> None:
        """Do without a shard from now on."""
        engine = self._engines.pop(shard, None) if self._reading else None
        if engine is not None:
            with suppress(AutomatonError):
                engine.close()

    def _all(self, question: Callable[[Engine], Answer]) -> list[Answer]:
        """What all engines answer, in order."""
        asked = {k: lambda e=e: question(e) for k, e in self._engines.items()}
        return list(self._each(asked).values())

    def _by_shard(self, ids: Ids, question: Callable[[Engine, Any], Answer]) -> list[Answer]:
        """What each engine answers about its own rows; one that has none is not asked."""
        shard = (ids % np.uint64(self._count)).astype(np.int64)
        asked = {}
        for k, engine in self._engines.items():
            rows = np.flatnonzero(shard == k)
            if len(rows):
                asked[k] = lambda e=engine, r=rows: question(e, r)
        return list(self._each(asked).values())

    def upsert(self, ids: Ids, units: UnitVectors, payloads: Sequence[Payload]) -> None:
        """Each item to its shard."""
        self._by_shard(
            ids, lambda e, r: e.upsert(ids[r], units[r], [payloads[k] for k in r.tolist()])
        )

    def nearest(self, unit: UnitVectors, k: int, where: Filter, *, exact: bool) -> list[Hit]:
        """The nearest of all shards' nearest."""
        found = self._all(lambda e: e.nearest(unit, k, where, exact=exact))
        hits = sorted((hit for some in found for hit in some), key=lambda h: (-h.score, h.id))
        return hits[:k]

    def payloads(self, ids: Ids) -> dict[int, Payload]:
        """By id, those that are there."""
        found = self._by_shard(ids, lambda e, r: e.payloads(ids[r]))
        return {number: row for some in found for number, row in some.items()}

    def change(self, ids: Ids, members: Payload) -> None:
        """Set members of many items to the same."""
        self._by_shard(ids, lambda e, r: e.change(ids[r], members))

    def delete(self, ids: Ids) -> None:
        """By id."""
        self._by_shard(ids, lambda e, r: e.delete(ids[r]))

    def prune(self, where: Filter) -> None:
        """By what they are."""
        self._all(lambda e: e.prune(where))

    def count(self, where: Filter) -> int:
        """Of all shards that answer."""
        return sum(self._all(lambda e: e.count(where)))

    def flush(self) -> None:
        """All of them."""
        self._all(lambda e: e.flush())

    def optimize(self) -> None:
        """All of them, at the same time."""
        self._all(lambda e: e.optimize())

    def facts(self) -> dict[str, int | str]:
        """How many shards there are and answer; numbers added up, words in a row."""
        total: dict[str, int | str] = {"shards": self._count, "answering": len(self._engines)}
        for facts in self._all(lambda e: e.facts()):
            for name, value in facts.items():
                if isinstance(value, int):
                    total[name] = int(total.get(name, 0)) + value
                else:
                    total[name] = f"{total[name]}, {value}" if name in total else value
        return total

    def close(self) -> None:
        """Close all, whatever becomes of one."""
        engines, self._engines = list(self._engines.values()), {}
        futures = [self._pool.submit(engine.close) for engine in engines]
        self._pool.shutdown()
        for future in futures:
            error = future.exception()
            if error is not None and not self._reading:
                raise error
