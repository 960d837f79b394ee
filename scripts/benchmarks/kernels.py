"""Measures kernels on one core, each beside its limit and its rivals in the same run.

Every part checks its results before it times them, runs all contenders in turn
in every round, on CPU time, and shows medians. The limit of a figure is what
moving its bytes alone costs (a copy or a read of arrays of that size), or the
matrix product of the BLAS at hand. A rival that is not installed is said to be
so: `pip install faiss-cpu`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # read once, when the libraries load

import numpy as np  # noqa: E402

from automaton.compute import church as batches  # noqa: E402
from automaton.compute.embeddings import COSINE, DOT, NearestIndex  # noqa: E402
from automaton.terms.arrays import Words  # noqa: E402
from automaton.terms.packed import APP, LAM, linked  # noqa: E402
from kernels import cpu  # noqa: E402
from kernels.search import nearest  # noqa: E402
from kernels.terms import church, embed, reduce  # noqa: E402
from scripts.benchmarks.common import Benchmark, Command, Figures, in_turn, must  # noqa: E402
from scripts.benchmarks.invented_terms import closed_terms  # noqa: E402

Row: TypeAlias = dict[str, Any]
Contenders: TypeAlias = dict[str, Callable[[], object]]

LIMIT = "limit: "  # what a contender's name begins with that does the bytes or products alone
NEEDS = 0.02  # seconds of CPU that a timed call should take at least


class Bench:
    """How often things run, and what was found."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.rows: list[Row] = []

    def race(self, part: str, unit: str, items: float, contenders: Contenders) -> None:
        """Items a second of CPU for each contender; the first one is ours."""
        repeats = {name: _repeats(work) for name, work in contenders.items()}
        works = {name: partial(_timed, work, repeats[name]) for name, work in contenders.items()}
        seconds = in_turn(works, self.rounds, warm=0)
        ours = statistics.median(next(iter(seconds.values())))
        for name, found in seconds.items():
            median = statistics.median(found)
            row = {"part": part, "what": name, "unit": unit, "per_s": items / median}
            self.rows.append({**row, "milliseconds": median * 1e3, "ours_times": median / ours})
            show(self.rows[-1])


def _timed(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of one call."""
    before = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - before) / repeats


def _repeats(work: Callable[[], object]) -> int:
    """Calls that take long enough to be timed; the first one compiles."""
    work()
    return max(1, round(NEEDS / max(_timed(work, 1), 1e-6)))


def show(row: Row) -> None:
    """Prints a row."""
    per_s = row["per_s"]
    scale, prefix = next(
        (s, p) for s, p in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, " ")) if per_s >= s or s == 1
    )
    print(
        f"{row['part']:<8}{row['what']:<52}{per_s / scale:>9.2f} {prefix} {row['unit']:<12}"
        f"{row['milliseconds']:>10.3f} ms{row['ours_times']:>9.2f}x"
    )


def copies(size: int) -> Callable[[], object]:
    """A copy that reads and writes `size` bytes together."""
    source, target = (np.zeros(size // 2, dtype=np.uint8) for _ in range(2))
    return lambda: np.copyto(target, source)


# Vectors.


def large_terms(count: int, nodes: int) -> list[Words]:
    """Random closed terms of at least so many nodes, about."""
    random = np.random.default_rng(1)
    found: list[Words] = []
    while len(found) < count:
        words, depths = [], [0]
        while depths:
            depth, draw = depths.pop(), random.random()
            room = len(words) + len(depths) < nodes
            if room and draw < 0.4:
                words.append(APP)
                depths += [depth, depth]
            elif depth == 0 or (room and draw < 0.75):
                words.append(LAM)
                depths.append(depth + 1)
            else:
                words.append(int(random.integers(depth)) << 2)
        if len(words) >= nodes:
            found.append(linked(words))
    return found


def together(terms: list[Words], count: int) -> tuple[Words, Any, Any]:
    """So many terms in CSR form, the list repeated and shuffled."""
    order = np.random.default_rng(2).permutation(np.arange(count) % len(terms))
    sizes = np.array([len(terms[i]) for i in order], dtype=np.int64)
    return np.concatenate([terms[i] for i in order]), np.cumsum(sizes) - sizes, sizes


def bench_embed(bench: Bench) -> None:
    """Small terms (all closed ones of 24 bits), large ones, and unit vectors."""
    for kind, terms in (("24-bit", closed_terms(24)), ("100-node", large_terms(2000, 100))):
        code, starts, sizes = together(terms, 100_000)
        count = len(starts)
        vectors = np.empty((count, embed.DIMENSIONS), dtype=np.int16)
        scratch = np.empty(4 * int(sizes.max()), dtype=np.uint64)
        sums = np.empty(embed.DIMENSIONS, dtype=np.int32)
        arguments = (code, starts, sizes, 0, count, scratch, sums, vectors)
        cpu.compiled(embed.embed_terms)(*arguments)
        must((vectors.sum(axis=1) & 1).all(), "some vector's sum is even")
        name = f"{kind} terms, {sizes.mean():.1f} nodes"
        bench.race(
            "embed", "terms/s", count,
            {
                f"embed {name}": lambda a=arguments: cpu.compiled(embed.embed_terms)(*a),
                f"{LIMIT}copying its bytes": copies(code.nbytes + vectors.nbytes),
            },
        )  # fmt: skip
    units = np.empty(vectors.shape, dtype=np.float32)
    bench.race(
        "embed", "vectors/s", count,
        {
            "unit vectors": lambda: cpu.compiled(embed.unit_rows)(vectors, 0, count, units),
            "numpy": lambda: vectors / np.sqrt((vectors.astype(np.float32) ** 2).sum(1))[:, None],
            f"{LIMIT}copying its bytes": copies(vectors.nbytes + units.nbytes),
        },
    )  # fmt: skip
    must(np.allclose(np.linalg.norm(units, axis=1), 1), "some vector's length is not 1")


# The nearest of 100,000 vectors.

STORED, K = 100_000, 10


def faiss_search(floats: Any, queries: Any) -> Callable[[], object] | None:
    """A flat index of faiss, filled; None where it is not installed."""
    with contextlib.suppress(ImportError):
        faiss = importlib.import_module("faiss")
        faiss.omp_set_num_threads(1)
        index = faiss.IndexFlatIP(floats.shape[1])
        index.add(floats)
        return lambda: index.search(queries, K)
    print("faiss: not installed")
    return None


def exact(stored: Any, queries: Any, *, by_cosine: bool) -> Any:
    """The k best by numpy in 64-bit integers; cosines in long doubles."""
    dots = queries.astype(np.int64) @ stored.astype(np.int64).T
    similarity = dots.astype(np.longdouble)
    if by_cosine:
        similarity *= np.abs(similarity) / (stored.astype(np.int64) ** 2).sum(axis=1)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :K]


def bench_topk(bench: Bench) -> None:
    """One, ten and a hundred queries over real vectors of terms."""
    terms = large_terms(5000, 40)
    code, starts, sizes = together(terms, 5000)
    vectors = np.empty((5000, embed.DIMENSIONS), dtype=np.int16)
    cpu.compiled(embed.embed_terms)(
        code, starts, sizes, 0, 5000, np.empty(4 * int(sizes.max()), dtype=np.uint64),
        np.empty(embed.DIMENSIONS, dtype=np.int32), vectors,
    )  # fmt: skip
    noise = np.random.default_rng(3).integers(-2, 3, (STORED, embed.DIMENSIONS))
    wide = (np.resize(vectors, (STORED, embed.DIMENSIONS)) + noise).clip(-127, 127)
    for dtype in (np.int16, np.int8):
        stored = wide.astype(dtype)
        for count, metric in product((1, 10, 100), (COSINE, DOT)):
            if dtype == np.int8 and (metric == DOT or count == 10):
                continue
            race_topk(bench, stored, count, metric)


def race_topk(bench: Bench, stored: Any, count: int, metric: str) -> None:
    """One number of queries by one metric."""
    index, queries = NearestIndex(stored), stored[:: STORED // count][:count].copy()
    few = slice(0, 3)
    found = index.nearest(queries, K, metric).rows[few]
    must(
        (found == exact(stored, queries[few], by_cosine=metric == COSINE)).all(),
        "topk is not exact",
    )
    floats, asked = stored.astype(np.float32), queries.astype(np.float32)
    if metric == COSINE:
        floats /= np.linalg.norm(floats, axis=1, keepdims=True)
    shape = (len(queries), K)
    dots, rows = (np.empty(shape, dtype=np.int64) for _ in range(2))
    norms = (queries.astype(np.int64) ** 2).sum(axis=1)
    arguments = (
        stored, index.norms, index._inverses, 0, STORED, queries, norms, metric == COSINE,  # noqa: SLF001
        dots, rows, np.empty(nearest.BLOCK, dtype=np.int64),
    )  # fmt: skip
    name = f"{metric}, {count} queries, {stored.dtype}"
    contenders: Contenders = {name: lambda: cpu.compiled(nearest.nearest)(*arguments)}
    faiss = faiss_search(floats, asked)
    if faiss:
        contenders["  faiss IndexFlatIP, float32"] = faiss
    similar = np.empty((len(queries), STORED), dtype=np.float32)

    def by_numpy() -> object:
        np.matmul(asked, floats.T, out=similar)
        return np.argpartition(similar, -K, axis=1)[:, -K:]

    contenders["  numpy float32 product and argpartition"] = by_numpy
    if count == 1:
        words = stored.reshape(-1).view(np.int64)
        contenders[f"  {LIMIT}reading the vectors once"] = words.max
    else:
        contenders[f"  {LIMIT}the BLAS float32 product alone"] = lambda: np.matmul(
            asked, floats.T, out=similar
        )
    bench.race("topk", "queries/s", count, contenders)


# Church numerals.


def bench_church(bench: Bench) -> None:
    """Encoding, counts, and closed forms beside the machine."""
    random = np.random.default_rng(4)
    ns = random.integers(0, 64, 100_000)
    packed = batches.encode(ns)
    code, starts, sizes = packed
    values = np.empty(len(ns), dtype=np.int64)
    cpu.compiled(church.decode_numerals)(code, starts, sizes, 0, len(ns), values)
    must((values == ns).all(), "a numeral does not decode to its count")
    count, other = len(ns), np.empty_like(code)
    encode, decode = cpu.compiled(church.encode_numerals), cpu.compiled(church.decode_numerals)
    contenders: Contenders = {
        "encode, counts to 63": lambda: encode(ns, starts, 0, count, other),
        "  decode": lambda: decode(code, starts, sizes, 0, count, values),
        f"  {LIMIT}copying the words": copies(code.nbytes + 16 * count),
    }
    bench.race("church", "numerals/s", count, contenders)
    bench_counts(bench, random)
    for kind, name, m, n in (
        (church.ADDITION, "addition", 60, 60),
        (church.MULTIPLICATION, "multiplication", 11, 11),
        (church.IDENTITY, "identity (powers)", 4, 4),
        (church.SUCCESSOR, "successor (powers)", 3, 4),
        (church.PAIR, "pair", 60, 60),
    ):
        pairs = random.integers(0, (m, n), (20_000, 2)).T.copy()
        race_reactions(bench, kind, name, *pairs)


def bench_counts(bench: Bench, random: Any) -> None:
    """Sums and products of counts, a third of them too large."""
    m, n = random.integers(0, 2**33, (2, 1_000_000))
    values, status = np.empty_like(m), np.empty(len(m), dtype=np.uint8)
    for body in (church.add_counts, church.mult_counts):
        run = cpu.compiled(body)
        run(m, n, 0, len(m), values, status)
        sums = body is church.add_counts
        wide = [
            a + b if sums else a * b
            for a, b in zip(*np.stack((m, n))[:, :999].tolist(), strict=True)
        ]
        must(values[:999].tolist() == [w if w < 2**63 else -1 for w in wide], "a count is wrong")
        bench.race(
            "church", "elements/s", len(m),
            {
                body.__name__: lambda run=run: run(m, n, 0, len(m), values, status),
                "  numpy, wrapping": lambda sums=sums: (np.add if sums else np.multiply)(
                    m, n, out=values
                ),
                f"  {LIMIT}copying 25 bytes": copies(25 * len(m)),
            },
        )  # fmt: skip


def race_reactions(bench: Bench, kind: int, name: str, ms: Any, ns: Any) -> None:
    """Reactions of an operator on numerals: closed form, and the machine on the same terms."""
    limits = (True, 500, 256, 256, 3 * 256 + 2)  # copies count as normal; a run's budgets
    operator, count = church.OPERATORS[kind], len(ms)
    left, right = batches.encode(ms), batches.encode(ns)
    code = np.concatenate([operator, left.code, right.code])
    a, b = left.starts + len(operator), right.starts + len(operator) + len(left.code)
    columns = [np.empty((2, count), dtype=t) for t in (np.uint8, np.int32, np.int32)]
    places, out = np.empty(count, dtype=np.int64), np.empty(count * 256, dtype=np.int32)
    scratch = [np.empty(1 + 500 + 256, dtype=np.int32) for _ in range(3)]
    scratch += [np.empty(256, dtype=np.int32) for _ in range(4)]
    by_machine = cpu.compiled(church.operate)
    by_form = cpu.compiled(church.church_reactions)

    def form() -> None:
        mine = [column[0] for column in columns]
        by_form(kind, len(operator), ms, ns, 0, count, *limits, out, 0, *mine, places)

    def machine() -> None:
        mine = [column[1] for column in columns]
        by_machine(code, 0, 2, a, b, 0, count, *limits[1:4], out, len(out), *mine, places, *scratch)

    form()
    words = out[: int(columns[2][0].sum())].copy()
    machine()
    must(all((column[0] == column[1]).all() for column in columns), f"{name}: outcomes differ")
    must((words == out[: len(words)]).all(), f"{name}: normal forms differ")
    normal = (columns[0][0] == reduce.NORMAL).mean()
    title = f"{name}, {columns[1][0].mean():.0f} steps, {normal:.0%} normal, closed form"
    bench.race("church", "reactions/s", count, {title: form, "  the machine of reduce": machine})


# Report.

PARTS: dict[str, Callable[[Bench], None]] = {
    "embed": bench_embed,
    "topk": bench_topk,
    "church": bench_church,
}


def measure(asked: argparse.Namespace) -> Figures:
    """Each part; figures are printed as they come."""
    print(f"one core, CPU time, medians of {asked.turns}; last: time beside ours")
    bench = Bench(asked.turns)
    for name in asked.only or PARTS:
        PARTS[name](bench)
    return {"figures": bench.rows}


def shown(_: Figures) -> None:
    """Nothing: rows were printed when they came."""


def _pairs(log: Path) -> None:
    rows = "".join(f"{k % 12} {k // 12 % 12}\n" for k in range(20_000))
    log.with_name("pairs").write_text(rows, encoding="utf-8")


BENCHMARK = Benchmark(
    measure,
    shown,
    {
        f"church {name}, 20,000 pairs": Command(f"church {name} --batch pairs", log=_pairs)
        for name in ("add", "mult")
    },
    names=tuple(PARTS),
    turns=7,
)
