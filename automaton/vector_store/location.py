"""Opens the vector store beside a log, embedded or on servers, in one piece or in shards.

Touches the file that says in how many shards an embedded memory is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from automaton.errors import FileError, UsageError
from automaton.vector_store.engine import Engine
from automaton.vector_store.sharded_engine import ShardedEngine
from automaton.vector_store.store import Store

#: Most shards of a memory: each is a process while it is open.
MOST_SHARDS = 64
#: What says that an embedded memory is in shards, and in how many.
SHARDS = "shards.json"


def folder(log: Path) -> Path:
    """Where the embedded engine keeps what belongs to a log."""
    beside = log.resolve()
    return beside.with_name(beside.name + ".memory")


def open_store(
    log: Path, url: str | None = None, *, reading: bool = False, shards: int | None = None
) -> Store:
    """The memory of a log: its folder, or what Qdrant servers hold for it.

    `url`: of a server, or of several with commas between, each a shard. `shards`: in how
    many a memory that is not there yet is made (None: one piece). Who is only `reading` may
    have a folder that cannot be written: a copy is opened then; and goes on without a shard
    that cannot be had, see `Store.missing`.

    Raises `DeviceError` without the package or without an answer of the server,
    `LockedError` where another process has the folder open, `FileError` where it cannot
    be read, `UsageError` where it is in another number of shards.
    """
    if url is None:
        return Store(_embedded(folder(log), shards, reading=reading))
    urls = [part.strip() for part in url.split(",")]
    if shards not in {None, len(urls)}:
        raise UsageError(f"--shards {shards}: {len(urls)} --memory-url make as many shards")
    if len(urls) == 1:
        return Store(_server(urls[0], log)())
    return Store(ShardedEngine([_server(each, log) for each in urls], reading=reading))


def _server(url: str, log: Path) -> Callable[[], Engine]:
    def opened() -> Engine:
        from automaton.vector_store.qdrant_server import QdrantServer  # noqa: PLC0415  # an extra, and it takes a while

        return QdrantServer(url, log)

    return opened


def _embedded(place: Path, shards: int | None, *, reading: bool) -> Engine:
    found = _shards_of(place)
    if shards is not None and found not in {None, shards}:
        raise UsageError(
            f"{place} is in {found} {'shard' if found == 1 else 'shards'}; to have it in {shards}, "
            "move it away: it holds nothing of its own"
        )
    count = found or shards or 1
    if count == 1:
        from automaton.vector_store.qdrant_edge import QdrantEdge  # noqa: PLC0415  # as above

        return QdrantEdge(place, reading=reading)
    if found is None:
        place.mkdir(parents=True, exist_ok=True)
        (place / SHARDS).write_text(json.dumps({"shards": count}), encoding="ascii")
    return ShardedEngine([_process(place / str(k), reading=reading) for k in range(count)],
                  reading=reading)  # fmt: skip


def _process(place: Path, *, reading: bool) -> Callable[[], Engine]:
    def opened() -> Engine:
        from automaton.vector_store.shard_process import ShardProcess  # noqa: PLC0415  # as above

        if reading and not place.is_dir():
            raise FileError(f"{place} is not there")
        return ShardProcess(place, reading=reading)

    return opened


def _shards_of(place: Path) -> int | None:
    """In how many shards a memory is; None: there is none yet."""
    try:
        count = json.loads((place / SHARDS).read_text(encoding="ascii"))["shards"]
    except FileNotFoundError:
        return 1 if (place / "shard").is_dir() else None
    except (OSError, ValueError, KeyError, TypeError):
        count = None
    if type(count) is int and 2 <= count <= MOST_SHARDS:
        return count
    raise FileError(
        f"{place / SHARDS} does not say in how many shards this memory is; move {place} away and "
        "run `memory reindex`: it holds nothing of its own"
    )
