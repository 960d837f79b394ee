"""Vectors of terms that can be recalled: one contract, and the engines that keep it.

What comes in is looked at here, before any engine sees it. An engine is a row of
`open_store`: `memory_edge` (in this process, a folder beside the log) or
`memory_server` (a Qdrant server). Nothing here decides a byte of a log. Must not
know: the log's format, ticks under way, the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from automaton.compute import embeddings
from automaton.terms import notation
from automaton.terms.arrays import Words
from automaton.terms.packed import is_closed
from automaton.vector_store.decay import DecayRule
from automaton.vector_store.engine import (
    ALL,
    DIMENSIONS,
    MOST_K,
    Engine,
    Filter,
    Hit,
    Ids,
    Payload,
    UnitVectors,
    Vectors,
)
from kernels import cpu
from kernels.checks import KernelArgumentError, array, same_length, whole
from kernels.terms import packed

#: Asked for beyond k: the engine ranks by rounded vectors, we by exact ones.
_BEYOND = 10
#: Float vectors are of length 1, to this much.
_TOLERANCE = 1e-3


class Store:
    """An engine behind a check: what is zero, not finite or of another width is refused."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def upsert(self, ids: Ids, rows: Vectors, payloads: Sequence[Payload]) -> None:
        """Put a batch in. ids uint64 [n], none twice; rows int16 counts or float32 units [n, 256].

        Raises `KernelArgumentError`, which names the argument, before anything is put in.
        """
        array("ids", ids, (np.uint64,), 1)
        if len(np.unique(ids)) < len(ids):
            raise KernelArgumentError("ids", "an id stands there twice; one batch holds it once")
        units = admitted("vectors", rows)
        same_length("vectors", units, len(ids), "ids")
        if len(payloads) != len(ids):
            raise KernelArgumentError("payloads", f"{len(payloads):,} for {len(ids):,} ids")
        if len(ids):
            self.engine.upsert(ids, units, payloads)

    def recall(
        self, row: Vectors, k: int, where: Filter = ALL, *, exact: bool = False
    ) -> list[Hit]:
        """The k items nearest to a vector (int16 or float32 [256]), the nearest first.

        `exact` looks at every item; else an index is asked, which may miss some.
        """
        whole("k", k, 1, MOST_K)
        array("vector", row, (np.int16, np.float32), 1)
        [unit] = admitted("vector", row.reshape(1, -1))
        return self.engine.nearest(unit, k, where, exact=exact)

    def known(self, ids: Ids) -> dict[int, Payload]:
        """The payloads of those of these ids that are there."""
        array("ids", ids, (np.uint64,), 1)
        return self.engine.payloads(ids) if len(ids) else {}

    def strengthen(self, uses: Mapping[int, int], now: int, rule: DecayRule) -> int:
        """Items used so often in period `now` gain strength; how many of them were there."""
        found = self.known(np.array(sorted(uses), dtype=np.uint64))
        ids = np.array(list(found), dtype=np.uint64)
        columns = [[row.get(name, 0) for row in found.values()] for name in ("strength", "since")]
        strengths, since = np.array(columns, dtype=np.int64)
        times = np.array([uses[identity] for identity in found], dtype=np.int64)
        new = rule.used(strengths, since, times, now)
        until = rule.until(new, np.full(len(new), now, dtype=np.int64))
        for value in np.unique(new).tolist():  # few: multiples of delta and decay
            same = new == value
            members = {"strength": value, "since": now, "until": int(until[same][0])}
            self.engine.change(ids[same], members)
        return len(ids)

    def prune(self, now: int) -> int:
        """Take out what nothing is left of at the end of period `now`; how many items."""
        gone = Filter(gone=now)
        count = self.engine.count(gone)
        if count:
            self.engine.prune(gone)
        return count

    def delete(self, ids: Ids) -> None:
        """Take items out by their ids."""
        array("ids", ids, (np.uint64,), 1)
        if len(ids):
            self.engine.delete(ids)

    def count(self, where: Filter = ALL) -> int:
        """How many items are meant."""
        return self.engine.count(where)

    def flush(self) -> None:
        """Acknowledge: all that was put in survives the end of this process."""
        self.engine.flush()

    def optimize(self) -> None:
        """Build the index of what has none yet."""
        self.engine.optimize()

    @property
    def read_only(self) -> bool:
        """Whether nothing that is changed here stays: the folder may only be read."""
        return bool(getattr(self.engine, "read_only", False))

    @property
    def answering(self) -> float:
        """The share of the memory that answers: less than 1 where shards are missing."""
        return float(getattr(self.engine, "answering", 1.0))

    @property
    def missing(self) -> dict[int, str]:
        """Shards that do not answer, and why."""
        found = getattr(self.engine, "missing", {})
        return {shard: str(error) for shard, error in sorted(found.items())}

    def facts(self) -> dict[str, int | str]:
        """The engine's name, how many items it holds, and what it knows besides."""
        return {"engine": self.engine.name, "items": self.count(), **self.engine.facts()}

    def close(self) -> None:
        """Flush and let go."""
        self.engine.close()


def admitted(argument: str, rows: Vectors) -> UnitVectors:
    """The rows as float32 of length 1, once they are such as can be compared."""
    array(argument, rows, (np.int16, np.float32), 2)
    if rows.shape[1] != DIMENSIONS:
        raise KernelArgumentError(argument, f"{rows.shape[1]} dimensions, not {DIMENSIONS}")
    if rows.dtype == np.int16:
        _none(argument, ~rows.any(axis=1), "is zero; it would be like nothing")
        return embeddings.units(rows)  # type: ignore[arg-type]  # int16, as just seen
    floats: UnitVectors = rows  # type: ignore[assignment]  # float32, as just seen
    _none(argument, ~np.isfinite(floats).all(axis=1), "holds NaN or infinity")
    _none(argument, ~floats.any(axis=1), "is zero; it would be like nothing")
    lengths = np.linalg.norm(floats, axis=1)
    _none(argument, np.abs(lengths - 1) > _TOLERANCE, "is not of length 1; give int16 counts")
    return floats


def _none(argument: str, wrong: Any, what: str) -> None:
    """None of the rows is wrong; bool [rows]."""
    if wrong.any():
        raise KernelArgumentError(argument, f"row {int(wrong.argmax())} {what}")


# Terms: what is remembered is a term, and its number is its hash.


def hashes(code: Words, starts: npt.NDArray[np.int64], sizes: npt.NDArray[Any]) -> Ids:
    """The numbers of terms in CSR form: equal terms have equal ones. uint64 [terms]."""
    of = cpu.compiled(packed.term_hash)
    spans = zip(starts.tolist(), sizes.tolist(), strict=True)
    return np.array([of(code, start, size) for start, size in spans], dtype=np.uint64)


def together(
    terms: Iterable[Words],
) -> tuple[Words, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Terms one behind the other: code, starts, sizes."""
    listed = list(terms)
    sizes = np.array([len(words) for words in listed], dtype=np.int64)
    code = np.concatenate([np.empty(0, np.int32), *listed])
    return code, np.cumsum(sizes) - sizes, sizes


@dataclass(frozen=True)
class Likeness:
    """A remembered term beside the one that was asked for; `cosine` by exact integer counts."""

    number: int
    cosine: float
    payload: Payload


def most_like(store: Store, words: Words, k: int, where: Filter = ALL) -> list[Likeness]:
    """The k remembered terms most like a closed term; ranked anew by their exact counts."""
    if not is_closed(words):
        raise KernelArgumentError("term", "a closed term is needed; bind its free variables")
    asked = embeddings.embed(*together([words]))
    hits = store.recall(asked[0], min(MOST_K, k + _BEYOND), where)
    if not hits:
        return []
    terms = together(notation.parse(hit.payload["term"]) for hit in hits)
    best = embeddings.NearestIndex(embeddings.embed(*terms)).nearest(asked, k)
    ranked = zip(best.rows[0].tolist(), best.cosines[0].tolist(), strict=True)
    return [Likeness(hits[row].id, cosine, hits[row].payload) for row, cosine in ranked]


# Where: beside a log, or a server.
