"""How fast terms are remembered and recalled, and what it costs: the embedded engine.

Different closed terms of 12 to 60 nodes, drawn by a seed, are embedded and put into a
store on the disk (half precision, HNSW with the settings of automaton/vector_store/qdrant_edge.py);
what is asked for are other terms of the same kind. Checked before it is timed: every
item is there, filters mean what they say, a term that is there is its own nearest.
recall@10 is against all vectors, by exact integer counts; of equal cosines any counts.
"""

from __future__ import annotations

import argparse
import mmap
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import psutil

from automaton.compute import embeddings
from automaton.vector_store import Filter, Store, open_store
from automaton.vector_store.indexer import MOST_UNINDEXED
from kernels import cpu
from kernels.terms import packed
from scripts.benchmarks.common import (
    Benchmark,
    Command,
    Figures,
    must,
    peak_bytes,
    reset_peak,
    write_run,
)

SMALLEST, LARGEST = 12, 60  # nodes of a term
PART = 50_000  # terms that are made and put in at once
QUERIES, K = 200, 10
BEYOND = 20  # asked of the index, ranked anew by exact counts, as `memory.alike` does


@numba.njit(nogil=True)
def drawn(seed: Any, code: Any, starts: Any, sizes: Any) -> int:  # noqa: D103  # see terms
    np.random.seed(seed)  # noqa: NPY002  # numba's own
    pending = np.empty((2 * LARGEST, 2), np.int64)
    at = 0
    for row in range(len(starts)):
        size = np.random.randint(SMALLEST, LARGEST + 1)  # noqa: NPY002
        starts[row], sizes[row] = at, size
        pending[0, 0], pending[0, 1] = size, 0
        top = 1
        while top:
            top -= 1
            nodes, depth = pending[top]
            if nodes == 1:
                code[at] = np.random.randint(0, depth) << 2  # noqa: NPY002
            elif nodes == 2 or depth == 0 or np.random.random() < 0.4:  # noqa: NPY002
                code[at] = packed.LAM
                pending[top] = nodes - 1, depth + 1
                top += 1
            else:
                left = np.random.randint(1, nodes - 1)  # noqa: NPY002
                code[at] = (1 + left) << 2 | packed.APP
                pending[top, 0], pending[top, 1] = nodes - 1 - left, depth
                pending[top + 1, 0], pending[top + 1, 1] = left, depth
                top += 2
            at += 1
    return at


@numba.njit(nogil=True)
def hashed(of: Any, code: Any, starts: Any, sizes: Any, ids: Any) -> None:  # noqa: D103
    for row in range(len(starts)):
        ids[row] = of(code, starts[row], sizes[row])


def terms(seed: int, count: int) -> tuple[Any, Any, Any]:
    """Ids, vectors and sizes of so many terms; a term may come twice."""
    code = np.empty(count * LARGEST, np.int32)
    starts, sizes = np.empty(count, np.int64), np.empty(count, np.int64)
    code = code[: drawn(seed, code, starts, sizes)]
    ids = np.empty(count, np.uint64)
    hashed(cpu.compiled(packed.term_hash), code, starts, sizes, ids)
    return ids, embeddings.embed(code, starts, sizes), sizes


def payloads(first: int, sizes: Any) -> list[dict[str, Any]]:
    """What a run says of each term; texts are of the length that such terms have."""
    return [
        {
            "id": f"m{(first + k) // 64}.{(first + k) % 64}", "term": "λ" * size,
            "dimension": k % 8, "stream": ("reason", "anchor", "memory")[k % 3],
            "tick": (first + k) // 64, "won": False, "strength": 8192, "since": 0, "until": 8,
        }
        for k, size in enumerate(sizes.tolist())
    ]  # fmt: skip


class Bench:
    """One store, and all that was put in, to compare with."""

    def __init__(self, items: int, folder: Path) -> None:
        self.process = psutil.Process()
        self.items, self.folder = items, folder
        self.ids = np.empty(items, np.uint64)
        self.counts = np.lib.format.open_memmap(  # not in our own memory: it would hide the store's
            str(folder / "counts.npy"), "w+", np.int16, (items, 256)
        )
        self.figures: dict[str, Any] = {"items": items, "index_s": 0.0, "index_cpu_s": 0.0}

    def rss(self) -> int:
        """Resident bytes of this process, our own copy of the vectors left out."""
        self.away()
        return int(self.process.memory_info().rss)

    def away(self) -> None:
        """Let go of the pages of our own copy; the file has them."""
        pages: Any = self.counts.base
        pages.madvise(mmap.MADV_DONTNEED)

    def fill(self, store: Store) -> None:
        """Put different terms in, part by part; only `upsert` and `flush` are timed."""
        seconds, busy, done, seed, bare = 0.0, 0.0, 0, 1, 0
        seen = np.empty(0, np.uint64)
        while done < self.items:
            ids, counts, sizes = terms(seed, PART)
            seed += 1
            new = np.unique(ids, return_index=True)[1]
            new = np.sort(new[~np.isin(ids[new], seen)])[: self.items - done]
            seen = np.concatenate([seen, ids[new]])
            rows, described = np.ascontiguousarray(counts[new]), payloads(done, sizes[new])
            begun, used = time.perf_counter(), time.process_time()
            store.upsert(ids[new], rows, described)
            seconds += time.perf_counter() - begun
            busy += time.process_time() - used
            self.ids[done : done + len(new)], self.counts[done : done + len(new)] = ids[new], rows
            self.away()
            done += len(new)
            bare += len(new)
            begun = time.perf_counter()
            store.flush()
            seconds += time.perf_counter() - begun
            if bare >= MOST_UNINDEXED:  # as a run's memory does
                self.index(store)
                bare = 0
            self.rss()
        self.figures["upsert_per_s"] = self.items / seconds
        self.figures["upsert_per_cpu_s"] = self.items / busy  # others' work does not count
        self.figures["rss_bytes_filled"] = self.rss()

    def index(self, store: Store) -> None:
        """Build the index of what has none."""
        begun, used = time.perf_counter(), time.process_time()
        store.optimize()
        self.figures["index_s"] += time.perf_counter() - begun
        self.figures["index_cpu_s"] += time.process_time() - used
        self.figures["rss_bytes_indexed"] = self.rss()

    def check(self, store: Store) -> None:
        """What must hold before any figure is worth something."""
        must(store.count() == self.items, "every item is there")
        tick = self.items // 128
        inside = Filter(first=tick, last=tick)
        must(store.count(inside) == 64, "a tick's items are its items")
        found = store.recall(self.counts[0], 5, inside)
        must(found and all(hit.payload["tick"] == tick for hit in found), "filters hold")
        for k in range(0, self.items, max(1, self.items // 50)):
            hit = store.recall(self.counts[k], 1)[0]
            must(hit.score > 0.998, "a term that is there is its own nearest")

    def recall(self, store: Store) -> None:
        """recall@10 and the time of a question."""
        _, asked, _ = terms(0, QUERIES)
        nearest = embeddings.NearestIndex(self.counts).nearest(asked, K)
        place = {identity: row for row, identity in enumerate(self.ids.tolist())}
        found, ms = [], []
        for query, best in zip(asked, nearest.cosines, strict=True):
            begun = time.perf_counter()
            hits = store.recall(query, BEYOND)
            ms.append(1000 * (time.perf_counter() - begun))
            rows = np.array([place[hit.id] for hit in hits])
            exact = embeddings.NearestIndex(np.ascontiguousarray(self.counts[rows])).nearest(
                query[None], K
            )
            found.append(float((exact.cosines[0] >= best[-1] - 1e-9).mean()))
        self.figures |= {
            "recall_at_10": float(np.mean(found)),
            "recall_ms_p50": float(np.quantile(ms, 0.5)),
            "recall_ms_p99": float(np.quantile(ms, 0.99)),
        }

    def reopened(self, log: Path) -> None:
        """A second opening: all is there."""
        begun = time.perf_counter()
        with open_store(log) as store:
            self.figures["open_s"] = time.perf_counter() - begun
            must(store.count() == self.items, "nothing is lost by closing")
            facts = store.facts()
        self.figures["disk_bytes"] = facts["disk_bytes"]
        self.figures["indexed"] = facts["in_graph"]
        self.figures["rss_bytes_opened"] = self.rss()


def measured(items: int, beside: Path | None) -> dict[str, Any]:
    """The figures of a store with so many items, made in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=beside))
    reset_peak()
    try:
        bench = Bench(items, folder)
        bench.figures["rss_bytes_before"] = bench.rss()
        with open_store(folder / "log.jsonl") as store:
            bench.fill(store)
            bench.index(store)
            bench.check(store)
            bench.figures["rss_bytes_peak"] = peak_bytes()
            bench.recall(store)
        bench.reopened(folder / "log.jsonl")
    finally:
        shutil.rmtree(folder)
    return bench.figures


def measure(asked: argparse.Namespace) -> Figures:
    """A store of each size."""
    return {
        "stores": [
            measured(items, asked.folder) for items in ([5000] if asked.quick else asked.items)
        ]
    }


def show(found: Figures) -> None:
    """A line a figure."""
    for store in found["stores"]:
        for name, value in store.items():
            digits = "18,.3f" if isinstance(value, float) else "14,"
            print(f"{name:20} {value:>{digits}}")
        print()


def flags(parser: argparse.ArgumentParser) -> None:
    """Sizes, and where."""
    parser.add_argument("--items", type=int, nargs="+", default=[100_000])
    parser.add_argument(
        "--folder", type=Path, help="where the stores are made (default: temporary)"
    )


BENCHMARK = Benchmark(
    measure,
    show,
    {
        "memory reindex": Command(
            "memory reindex log.jsonl",
            log=partial(write_run, words="--ticks 100 --parallel 64 --interval 0"),
        )
    },
    flags,
    turns=1,
)
