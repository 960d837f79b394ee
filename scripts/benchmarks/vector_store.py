#!/usr/bin/env python3
"""How fast terms are remembered and recalled, and what it costs: the embedded engine.

    scripts/bench vector_store [--items N ...] [--json docs/benchmarks/memory.json]

Different closed terms of 12 to 60 nodes, drawn by a seed, are embedded and put into a
store on the disk (half precision, HNSW with the settings of automaton/vector_store/qdrant_edge.py);
what is asked for are other terms of the same kind. Checked before it is timed: every
item is there, filters mean what they say, a term that is there is its own nearest.
recall@10 is against all vectors, by exact integer counts; of equal cosines any counts.
Prints a table; JSON with --json.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

import numba  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402

from automaton.compute import embeddings  # noqa: E402
from automaton.vector_store import Filter, Store, open_store  # noqa: E402
from automaton.vector_store.indexer import MOST_UNINDEXED  # noqa: E402
from kernels import cpu  # noqa: E402
from kernels.terms import packed  # noqa: E402

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


def peak_of_process() -> int:
    """The largest resident size that the system saw (VmHWM)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def must(holds: object, what: str) -> None:
    """End the bench where this does not hold."""
    if not holds:
        raise SystemExit(f"wrong: {what}")


def measured(items: int, beside: Path | None) -> dict[str, Any]:
    """The figures of a store with so many items, made in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=beside))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM begins anew
    try:
        bench = Bench(items, folder)
        bench.figures["rss_bytes_before"] = bench.rss()
        with open_store(folder / "log.jsonl") as store:
            bench.fill(store)
            bench.index(store)
            bench.check(store)
            bench.figures["rss_bytes_peak"] = peak_of_process()
            bench.recall(store)
        bench.reopened(folder / "log.jsonl")
    finally:
        shutil.rmtree(folder)
    return bench.figures


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[100_000])
    parser.add_argument(
        "--folder", type=Path, help="where the stores are made (default: temporary)"
    )
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    stores = []
    for items in asked.items:
        stores.append(measured(items, asked.folder))
        for name, value in stores[-1].items():
            print(
                f"{name:20} {value:>18,.3f}"
                if isinstance(value, float)
                else f"{name:20} {value:>14,}"
            )
        print(flush=True)
    if asked.json:
        machine = {"cores": os.cpu_count(), "machine": platform.machine()}
        text = json.dumps({"machine": machine, "stores": stores}, indent=2)
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
