"""The engine that is a Qdrant server, by its own client; one collection for each log.

`:memory:` in place of a URL is the client's own imitation of a server, which looks
at every vector and keeps nothing: for tests. Must not know: terms, logs' contents,
ticks.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from automaton.errors import DeviceError, UsageError
from automaton.vector_store.engine import (
    COMPARED,
    DIMENSIONS,
    EQUALLED,
    NAMED,
    Filter,
    Hit,
    Ids,
    Payload,
    UnitVectors,
    install_advice,
)

Answer = TypeVar("Answer")

IMITATION = ":memory:"
#: As `memory_edge` has them.
M, EF_CONSTRUCT, EF = 16, 100, 128
POINTS = 512  # in one request
TIMEOUT = 30  # seconds for one request
#: The key of a server that asks for one; never an option, which others could read in a list.
KEY = "AUTOMATON_QDRANT_API_KEY"


def collection(log: Path) -> str:
    """The name of a log's collection: its file name, and a hash of where it stands."""
    path = str(log.resolve())
    return f"automaton-{hashlib.sha256(path.encode()).hexdigest()[:16]}"


class QdrantServer:
    """A collection on a server, made where it is not there."""

    name = "server"

    def __init__(self, url: str, log: Path) -> None:
        try:
            client = import_module("qdrant_client")
        except ImportError as error:
            raise DeviceError(
                f"Qdrant's client is not installed ({error}); {install_advice()}"
            ) from None
        self._models: Any = client.models
        self._failure = import_module("qdrant_client.http.exceptions").ApiException
        self._url, self._collection = url, collection(log)
        if url != IMITATION and not url.startswith(("http://", "https://")):
            raise UsageError(f"--memory-url: {url!r} is no address; give http://host:6333")
        self._client: Any = self._asked(lambda: _client(client, url))
        self._asked(self._make)

    def _make(self) -> None:
        m = self._models
        if self._client.collection_exists(self._collection):
            return
        self._client.create_collection(
            self._collection,
            vectors_config=m.VectorParams(
                size=DIMENSIONS, distance=m.Distance.DOT, datatype=m.Datatype.FLOAT16
            ),
            hnsw_config=m.HnswConfigDiff(m=M, ef_construct=EF_CONSTRUCT),
        )
        if self._url == IMITATION:
            return  # it has no indexes, and warns where one is asked for
        numbers = dict.fromkeys((*EQUALLED, *COMPARED), "integer")
        kinds = {**numbers, **dict.fromkeys(NAMED, "keyword")}
        for name, kind in kinds.items():
            schema = m.PayloadSchemaType(kind)
            self._client.create_payload_index(self._collection, name, schema)

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        """What the server answers; whatever goes wrong on the way is said in one line."""
        try:
            return question()
        except (OSError, self._failure) as error:
            reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise DeviceError(
                f"the Qdrant server at {self._url} does not answer as it should ({reason[0]}); "
                "start it (docs/memory.md), or leave --memory-url out"
            ) from error

    def _filter(self, where: Filter) -> Any:
        m = self._models
        must: list[Any] = [
            m.FieldCondition(key=name, match=m.MatchValue(value=value))
            for name, value in (("dimension", where.dimension), ("stream", where.stream))
            if value is not None
        ]
        if where.first is not None or where.last is not None:
            ticks = m.Range(gte=where.first, lte=where.last)
            must.append(m.FieldCondition(key="tick", range=ticks))
        if where.gone is not None:
            must.append(m.FieldCondition(key="until", range=m.Range(lte=where.gone)))
        return m.Filter(must=must)

    # -- what the contract asks; see `memory.Engine` --------------------------

    def upsert(self, ids: Ids, units: UnitVectors, payloads: Sequence[Payload]) -> None:
        """Put items in, some at a time; each request is answered when it is done."""
        numbers = ids.tolist()
        for low in range(0, len(numbers), POINTS):
            batch = self._models.Batch(
                ids=numbers[low : low + POINTS],
                vectors=units[low : low + POINTS].tolist(),
                payloads=list(payloads[low : low + POINTS]),
            )
            self._asked(lambda b=batch: self._client.upsert(self._collection, b, wait=True))  # type: ignore[misc]

    def nearest(self, unit: UnitVectors, k: int, where: Filter, *, exact: bool) -> list[Hit]:
        """Ask the server."""
        params = None  # the imitation has no index, and warns where it is told how to use one
        if self._url != IMITATION:
            params = self._models.SearchParams(hnsw_ef=max(EF, 2 * k), exact=exact)
        found = self._asked(
            lambda: self._client.query_points(
                self._collection, query=unit.tolist(), limit=k, with_payload=True,
                query_filter=self._filter(where), search_params=params,
            )
        )  # fmt: skip
        return [Hit(int(hit.id), float(hit.score), hit.payload or {}) for hit in found.points]

    def payloads(self, ids: Ids) -> dict[int, Payload]:
        """By id, those that are there."""
        rows = self._asked(lambda: self._client.retrieve(self._collection, ids.tolist()))
        return {int(row.id): row.payload or {} for row in rows}

    def change(self, ids: Ids, members: Payload) -> None:
        """Set members of many items to the same."""
        numbers = ids.tolist()
        self._asked(lambda: self._client.set_payload(self._collection, members, points=numbers))

    def delete(self, ids: Ids) -> None:
        """By id."""
        numbers = ids.tolist()
        self._asked(lambda: self._client.delete(self._collection, numbers, wait=True))

    def prune(self, where: Filter) -> None:
        """By what they are."""
        selector = self._models.FilterSelector(filter=self._filter(where))
        self._asked(lambda: self._client.delete(self._collection, selector, wait=True))

    def count(self, where: Filter) -> int:
        """Exactly."""
        condition = self._filter(where)
        counted = self._asked(
            lambda: self._client.count(self._collection, count_filter=condition, exact=True)
        )
        return int(counted.count)

    def flush(self) -> None:
        """Nothing is left to do: a request is answered when its write-ahead log has it."""

    def optimize(self) -> None:
        """Nothing: a server does so by itself."""

    def facts(self) -> dict[str, int | str]:
        """Vectors in the graph, and where."""
        info = self._asked(lambda: self._client.get_collection(self._collection))
        in_graph = int(info.indexed_vectors_count or 0)
        return {"in_graph": in_graph, "url": self._url, "collection": self._collection}

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def _client(package: Any, url: str) -> Any:
    """The client of a server, or of the imitation."""
    if url == IMITATION:
        return package.QdrantClient(IMITATION)
    key = os.environ.get(KEY)
    return package.QdrantClient(url=url, api_key=key, timeout=TIMEOUT, check_compatibility=False)
