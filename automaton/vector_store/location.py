"""Opens the vector store beside a log, embedded or on a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from automaton.vector_store.engine import Engine
from automaton.vector_store.store import Store


def folder(log: Path) -> Path:
    """Where the embedded engine keeps what belongs to a log."""
    beside = log.resolve()
    return beside.with_name(beside.name + ".memory")


def open_store(log: Path, url: str | None = None, *, reading: bool = False) -> Store:
    """The memory of a log: its folder, or what a Qdrant server at `url` holds for it.

    Who is only `reading` may have a folder that cannot be written: a copy is opened then.

    Raises `DeviceError` without the package or without an answer of the server,
    `LockedError` where another process has the folder open, `FileError` where it cannot
    be read.
    """
    opened: Callable[[], Engine]
    if url is None:
        from automaton.vector_store.qdrant_edge import QdrantEdge  # noqa: PLC0415  # an extra, and it takes a while

        opened = lambda: QdrantEdge(folder(log), reading=reading)  # noqa: E731
    else:
        from automaton.vector_store.qdrant_server import QdrantServer  # noqa: PLC0415  # as above

        opened = lambda: QdrantServer(url, log)  # noqa: E731
    return Store(opened())
