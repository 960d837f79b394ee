"""The embedded engine: Qdrant's own storage and search, in this process, in a folder.

The package holds Python's global lock in every call, so that a run never calls it:
a process of its own does (`automaton.vector_store.worker`). Durable is what was flushed;
there is no write-ahead log, since every vector can be computed again. Must not
know: terms, logs, ticks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from automaton.errors import DeviceError, FileError, LockedError, StorageError
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
from automaton.workers.memory_limits import give_back

#: Edges a node, and candidates looked at while a node is entered and while one asks: what
#: docs/memory.md's figures were measured with.
M, EF_CONSTRUCT, EF = 16, 100, 128
#: KB of vectors in a segment from which it is indexed; below, every vector is looked at.
INDEXED_FROM = 10_000
#: KB of vectors in a segment, 250,000 of them: neither is a larger graph built at once, which
#: bounds memory, nor an indexed segment built again.
LARGEST_SEGMENT = 125_000
#: Points handed over at a time: a call holds the global lock for about half a millisecond.
POINTS = 128


def _package() -> Any:
    try:
        return import_module("qdrant_edge")
    except ImportError as error:
        raise DeviceError(
            f"the embedded memory is not installed ({error}); {install_advice()}"
        ) from None


class QdrantEdge:
    """A shard in a folder; one process at a time has it open."""

    name = "embedded"

    def __init__(self, folder: Path, *, reading: bool = False) -> None:
        """Open a folder, or make it; one that may only be read, if `reading`, by a copy of it."""
        self._qdrant = _package()
        self._folder = folder
        self.read_only = reading and _may_only_be_read(folder)
        self._lock = _locked(folder, write=not self.read_only)
        self._copy: Path | None = None
        try:
            if self.read_only:
                self._copy = _copied(folder)
            self._shard = self._opened((self._copy or folder) / "shard")
        except BaseException:
            self._forget_copy()
            os.close(self._lock)
            raise

    def _forget_copy(self) -> None:
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)

    def _opened(self, shard: Path) -> Any:
        if (shard / "edge_config.json").exists():
            try:
                return self._qdrant.EdgeShard.load(str(shard))
            except Exception as error:  # noqa: BLE001  # theirs are of no common kind
                what = f"{self._folder} cannot be opened as a memory ({error})"
                raise FileError(
                    f"{what}; move it away and run `memory reindex`: it holds nothing of its own"
                ) from None
        shard.mkdir(parents=True, exist_ok=True)
        try:
            opened = self._qdrant.EdgeShard.create(str(shard), self._config())
        except Exception as error:  # noqa: BLE001  # theirs are of no common kind
            raise StorageError(
                f"no memory can be made in {self._folder}: {error}; make room or check the disk, "
                "or keep the memory in a Qdrant server (--memory-url)"
            ) from None
        q = self._qdrant
        for name in EQUALLED:
            self._index(opened, name, q.IntegerIndexParams(lookup=True, range=False))
        for name in COMPARED:  # with links of its own in the graph for every range, it takes twice
            ranges = q.IntegerIndexParams(lookup=False, range=True, enable_hnsw=False)
            self._index(opened, name, ranges)
        for name in NAMED:
            self._index(opened, name, q.KeywordIndexParams())
        opened.flush()
        return opened

    def _config(self) -> Any:
        q = self._qdrant
        return q.EdgeConfig(
            # Half precision: half the memory; what is shown is computed from exact counts.
            vectors=q.EdgeVectorParams(
                size=DIMENSIONS, distance=q.Distance.Dot, datatype=q.VectorStorageDatatype.Float16
            ),
            hnsw_config=q.HnswIndexConfig(M, EF_CONSTRUCT, INDEXED_FROM),
            optimizers=q.EdgeOptimizersConfig(
                indexing_threshold=INDEXED_FROM, max_segment_size=LARGEST_SEGMENT
            ),
            wal_enabled=False,
            id_tracker_memory=q.Memory.Pinned,  # every new id is looked for in every segment
        )

    def _index(self, shard: Any, name: str, kind: Any) -> None:
        shard.update(self._qdrant.UpdateOperation.create_field_index(name, kind))

    def _filter(self, where: Filter) -> Any:
        q = self._qdrant
        must = [
            q.FieldCondition(name, match=q.MatchValue(value))
            for name, value in (("dimension", where.dimension), ("stream", where.stream))
            if value is not None
        ]
        if where.first is not None or where.last is not None:
            ticks = q.RangeFloat(gte=where.first, lte=where.last)
            must.append(q.FieldCondition("tick", range=ticks))
        if where.gone is not None:
            must.append(q.FieldCondition("until", range=q.RangeFloat(lte=where.gone)))
        return q.Filter(must=must) if must else None

    # -- what the contract asks; see `memory.Engine` --------------------------

    def upsert(self, ids: Ids, units: UnitVectors, payloads: Sequence[Payload]) -> None:
        """Put items in, some at a time."""
        point, upsert = self._qdrant.Point, self._qdrant.UpdateOperation.upsert_points
        numbers = ids.tolist()
        for low in range(0, len(numbers), POINTS):
            part = slice(low, low + POINTS)  # lists are taken faster than arrays
            rows = zip(numbers[part], units[part].tolist(), payloads[part], strict=True)
            self._shard.update(upsert([point(*row) for row in rows]))

    def nearest(self, unit: UnitVectors, k: int, where: Filter, *, exact: bool) -> list[Hit]:
        """Ask the index, and look through what is not indexed yet."""
        q = self._qdrant
        found = self._shard.query(
            q.QueryRequest(
                limit=k,
                query=q.Query.Nearest(unit),
                filter=self._filter(where),
                with_payload=True,
                params=q.SearchParams(hnsw_ef=max(EF, 2 * k), exact=exact),
            )
        )
        return [Hit(hit.id, hit.score, hit.payload or {}) for hit in found]

    def payloads(self, ids: Ids) -> dict[int, Payload]:
        """By id, those that are there."""
        rows = self._shard.retrieve(ids.tolist(), True, False)  # noqa: FBT003  # theirs
        return {row.id: row.payload or {} for row in rows}

    def change(self, ids: Ids, members: Payload) -> None:
        """Set members of many items to the same."""
        self._shard.update(self._qdrant.UpdateOperation.set_payload(ids.tolist(), members))

    def delete(self, ids: Ids) -> None:
        """By id."""
        self._shard.update(self._qdrant.UpdateOperation.delete_points(ids.tolist()))

    def prune(self, where: Filter) -> None:
        """By what they are."""
        condition = self._filter(where) or self._qdrant.Filter()
        self._shard.update(self._qdrant.UpdateOperation.delete_points_by_filter(condition))

    def count(self, where: Filter) -> int:
        """Exactly."""
        counted = self._qdrant.CountRequest(exact=True, filter=self._filter(where))
        return int(self._shard.count(counted))

    def flush(self) -> None:
        """To files."""
        self._shard.flush()

    def optimize(self) -> None:
        """Merge segments and build their graphs; holds the global lock meanwhile."""
        self._shard.flush()
        self._shard.optimize()
        self._shard.flush()
        give_back()  # half of what building took would stay with this process

    def facts(self) -> dict[str, int | str]:
        """Segments, vectors in their graphs, bytes on the disk, and where."""
        info = self._shard.info()
        return {
            "in_graph": int(info.indexed_vectors_count),
            "segments": int(info.segments_count),
            "disk_bytes": _bytes_in(self._folder),
            "folder": str(self._folder),
        }

    def close(self) -> None:
        """Flush, close, unlock."""
        if self._lock < 0:
            return
        try:
            self._shard.flush()
            self._shard.close()
        finally:
            self._forget_copy()
            os.close(self._lock)
            self._lock = -1


def _may_only_be_read(folder: Path) -> bool:
    """Whether it is there, and cannot be written to: the engine writes wherever it reads."""
    return folder.is_dir() and not all(
        os.access(path, os.W_OK) for path in (folder, folder / "lock") if path.exists()
    )


def _copied(folder: Path) -> Path:
    """A copy of a memory for as long as somebody reads it."""
    copy = Path(tempfile.mkdtemp(prefix="memory-"))
    try:
        shutil.copytree(folder / "shard", copy / "shard", copy_function=_copied_file)
    except (OSError, shutil.Error) as error:
        shutil.rmtree(copy, ignore_errors=True)
        raise StorageError(
            f"{folder} may only be read, and a copy of it for that cannot be made in "
            f"{copy.parent}: {error}; make room there, or set TMPDIR"
        ) from None
    (copy / "shard").chmod(0o700)
    return copy


def _copied_file(source: str, target: str) -> None:
    """The bytes alone: the rights are those of what may not be written."""
    shutil.copyfile(source, target)


def _locked(folder: Path, *, write: bool = True) -> int:
    """A descriptor that holds the folder's lock; the engine itself has none."""
    flags = os.O_RDWR | os.O_CREAT if write else os.O_RDONLY
    try:
        if write:
            folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / "lock", flags | os.O_CLOEXEC, 0o644)
    except OSError as error:
        use = "kept" if write else "read"
        raise FileError(f"{folder}: no memory can be {use} here: {error.strerror}") from None
    try:
        fcntl.flock(lock, (fcntl.LOCK_EX if write else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise LockedError(
            f"{folder} is open in another process, likely a run; wait until it ends, "
            "or keep the memory in a Qdrant server (--memory-url)"
        ) from None
    return lock


def _bytes_in(folder: Path) -> int:
    """What the folder takes on the disk; files may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_blocks * 512
    return total
