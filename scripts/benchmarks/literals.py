"""Measures the search for literals, fields and patterns of terms, beside rivals and limits.

Makes lines as logs hold them, checks that every contender finds the same lines, then
times them in turn, on CPU time and in memory, and takes medians. A rival that is not
there is said to be so: `pip install ahocorasick_rs polars` (anywhere, see --packages),
ripgrep, and libhyperscan (Debian: libhyperscan-dev) with a C compiler. Rivals only say
which lines hold any pattern, or where; the kernels say which line holds which.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from automaton.analysis import query_columns
from automaton.analysis.query_columns import ObjectColumns
from automaton.compute.matching import find
from automaton.program import selectors
from automaton.terms.notation import parse
from kernels import cpu
from kernels.search.literal_tables import prepared
from kernels.terms import match
from scripts.benchmarks.common import Benchmark, Command, Figures, cpu_seconds, in_turn

COUNTS = (1, 10, 100, 1000)
OURS, HYPERSCAN, LIMIT = "kernels", "libhyperscan", "reading the text (numpy max)"
GOALS = {1: 0.0, 10: 0.9, 100: 1.3, 1000: 1.5}  # times libhyperscan; for one there is none
WIDTH, DISTINCT = 300, 20_000  # bytes of a line, lines that differ
ROWS, TERMS = 1_300_000, 1_000_000
HARNESS = r"""
#include <hs/hs.h>
typedef struct { long n, cap; long long *to; unsigned *id; } found;
static int seen(unsigned id, unsigned long long from, unsigned long long to, unsigned f, void *c) {
  found *r = c;
  if (r->n < r->cap) { r->to[r->n] = to; r->id[r->n] = id; }
  r->n++;
  return 0;
}
void *compile(const char **p, const unsigned *f, const unsigned *ids, const size_t *n, unsigned k) {
  hs_database_t *db = 0; hs_compile_error_t *e = 0;
  return hs_compile_lit_multi(p, f, ids, n, k, HS_MODE_BLOCK, 0, &db, &e) ? 0 : db;
}
void *scratch(void *db) { hs_scratch_t *s = 0; return hs_alloc_scratch(db, &s) ? 0 : s; }
long scan(void *db, void *s, const char *b, unsigned n, long long *to, unsigned *id, long cap) {
  found r = {0, cap, to, id};
  return hs_scan(db, b, n, 0, s, seen, &r) ? -1 : r.n;
}
"""
Bytes = np.ndarray[Any, np.dtype[np.uint8]]


# Texts: lines of 300 bytes, most of them as a run appends them, or with words in them.


def text(size: int, seed: int = 1) -> Bytes:
    """Lines of JSON: ids, numbers, then a term or words of a small language."""
    rng = np.random.default_rng(seed)
    sounds = [
        "".join(pair)
        for pair in np.array(np.meshgrid(list("bdfgklmnprst"), list("aeiou"))).T.reshape(-1, 2)
    ]
    words = ["".join(rng.choice(sounds, rng.integers(1, 5))) for _ in range(6000)]
    weight = 1 / np.arange(1, 6001) ** 0.9
    parts = ["λ", "0", "1", "2", " (", ")", " 0", " 1"]
    lines = []
    for n in range(DISTINCT):
        tick, slot = divmod(n, 64)
        a, b, c, d, steps, nodes = rng.integers(0, 64, 6) * (tick + 1, 1, tick + 1, 1, 7, 4)
        head = f'{{"id":"m{tick}.{slot}","type":"modification","dimensionalLevel":{n % 8},'
        head += f'"parents":["m{a}.{b}","m{c}.{d}"],"beta":{steps},"size":{nodes},'
        if n % 2:
            body = '"term":"' + "".join(rng.choice(parts, 150))
        else:
            body = '"text":"' + " ".join(rng.choice(words, 60, p=weight / weight.sum()))
        raw = (head + body).encode()[: WIDTH - 3].decode(errors="ignore").encode()
        lines.append(raw + b" " * (WIDTH - 3 - len(raw)) + b'"}\n')
    whole = np.frombuffer(b"".join(lines), np.uint8).reshape(DISTINCT, WIDTH)
    return whole[rng.integers(0, DISTINCT, size // WIDTH)].ravel().copy()


def noise(size: int, seed: int = 6) -> Bytes:
    """Lines of random letters: no gram is common, which is the best of worlds for rivals."""
    letters = np.frombuffer(b"".join(bytes([65 + k, 97 + k]) for k in range(26)), np.uint8)
    whole = letters[np.random.default_rng(seed).integers(0, 52, (size // WIDTH, WIDTH), np.uint8)]
    whole[:, -1] = 10
    return whole.ravel()


def pieces(source: Bytes, count: int, seed: int = 2) -> list[bytes]:
    """Patterns of 8 to 24 bytes out of lines; two in three with a byte that makes them absent."""
    rng = np.random.default_rng(seed)
    found: set[bytes] = set()
    while len(found) < count:
        size = int(rng.integers(8, 25))
        at = int(rng.integers(0, len(source) // WIDTH)) * WIDTH + int(rng.integers(150, 297 - size))
        pattern = bytearray(source[at : at + size].tobytes())
        if rng.integers(3):
            pattern[rng.integers(size)] = ord("xyz!"[rng.integers(4)])
        with contextlib.suppress(UnicodeDecodeError):  # some contenders take text only
            found.add(bytes(pattern).decode().encode())
    return sorted(found)


def ids(_source: Bytes, count: int, seed: int = 3) -> list[bytes]:
    """Ids with their quotes, eight bytes or more; the text has a few of them."""
    rng = np.random.default_rng(seed)
    found: set[bytes] = set()
    while len(found) < count:
        found.add(b'"m%d.%d"' % (rng.integers(100, 3000), rng.integers(10, 64)))
    return sorted(found)


# Contenders: what is timed, and what tells from its answer how many lines hold a pattern.


class Contender(NamedTuple):
    """A search made ready for a text and patterns."""

    task: Callable[[], Any]
    lines: Callable[[Any], int] = int


def kernels(source: Bytes, patterns: list[bytes]) -> Contender:
    """Our own, as one call."""
    offsets = np.arange(0, len(source) + 1, WIDTH, dtype=np.int64)
    made = prepared(patterns, source)
    bits = np.zeros((len(offsets) - 1, -(-len(patterns) // 64)), np.uint64)
    return Contender(
        partial(find, made, source, offsets, bits=bits), lambda hits: int(hits.bits.any(1).sum())
    )


class Hyperscan:
    """libhyperscan's C API: literals compiled together, one scan, all occurrences noted."""

    def __init__(self, folder: Path) -> None:
        (folder / "harness.c").write_text(HARNESS)
        compiler = shutil.which("cc")
        if compiler is None:
            raise ImportError("no C compiler")
        command = [compiler, "-O3", "-shared", "-fPIC", "harness.c", "-o", "harness.so", "-lhs"]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
            raise ImportError("libhyperscan-dev is not installed")
        self.library = ctypes.CDLL(str(folder / "harness.so"))
        for name in ("compile", "scratch"):
            getattr(self.library, name).restype = ctypes.c_void_p
        self.library.scan.restype = ctypes.c_long
        self.ends, self.numbers = np.empty(1 << 25, np.int64), np.empty(1 << 25, np.uint32)

    def __call__(self, source: Bytes, patterns: list[bytes]) -> Contender:
        """The library's answer: where each occurrence ends, and of which pattern."""
        count, sizes = len(patterns), np.array([len(pattern) for pattern in patterns])
        numbers, flags = (ctypes.c_uint * count)(*range(count)), (ctypes.c_uint * count)()
        lengths = (ctypes.c_size_t * count)(*sizes.tolist())
        texts = (ctypes.c_char_p * count)(*patterns)
        made = ctypes.c_void_p(self.library.compile(texts, flags, numbers, lengths, count))
        scratch = ctypes.c_void_p(self.library.scratch(made))
        where = [ctypes.c_void_p(a.ctypes.data) for a in (source, self.ends, self.numbers)]
        size, room = ctypes.c_uint(len(source)), ctypes.c_long(len(self.ends))

        def task() -> tuple[Any, Any]:
            found = self.library.scan(made, scratch, where[0], size, where[1], where[2], room)
            assert 0 <= found <= len(self.ends)
            return self.ends[:found], self.numbers[:found]

        def lines(answer: tuple[Any, Any]) -> int:
            ends, found = answer
            pairs = np.unique((ends - sizes[found]) // WIDTH * count + found)
            self.counts = np.bincount(pairs % count, minlength=count).tolist()
            return len(np.unique(pairs // count))

        return Contender(task, lines)


def polars(source: Bytes, patterns: list[bytes]) -> Contender:
    """A column of strings, made beforehand."""
    module = importlib.import_module("polars")
    column = module.Series(source.tobytes().decode().split("\n")[:-1])
    texts = [pattern.decode() for pattern in patterns]
    if len(texts) == 1:
        return Contender(lambda: column.str.contains(texts[0], literal=True).sum())
    return Contender(lambda: column.str.contains_any(texts).sum())


def aho_corasick(source: Bytes, patterns: list[bytes]) -> Contender:
    """The joined text, matches without overlaps."""
    module = importlib.import_module("ahocorasick_rs")
    automaton, whole = module.BytesAhoCorasick(patterns), source.tobytes()
    return Contender(
        partial(automaton.find_matches_as_indexes, whole),
        lambda found: len({start // WIDTH for _, start, _ in found}),
    )


def bytes_find(source: Bytes, patterns: list[bytes]) -> Contender:
    """Python's own, on from the next line after a match."""
    if len(patterns) > 1:
        raise ImportError("takes one pattern")
    whole = source.tobytes()

    def task() -> int:
        count, at = 0, whole.find(patterns[0])
        while at >= 0:
            count += 1
            at = whole.find(patterns[0], (at // WIDTH + 1) * WIDTH)
        return count

    return Contender(task)


def ripgrep(folder: Path, source: Bytes, patterns: list[bytes]) -> Contender:
    """The program, its start and reading the file included."""
    program = shutil.which("rg")
    if program is None:
        raise ImportError("not installed")
    (folder / "text").write_bytes(source.tobytes())
    (folder / "patterns").write_bytes(b"".join(pattern + b"\n" for pattern in patterns))
    command = [program, "-j1", "-c", "--no-config", "-F", "-f", "patterns", "text"]
    run = partial(subprocess.run, command, cwd=folder, capture_output=True, check=False)
    return Contender(run, lambda answer: int(answer.stdout or b"0"))


# Checks and times.


def checked(contenders: dict[str, Contender], hyperscan: Hyperscan | None) -> int:
    """The lines with a match: as many for everyone, and for libhyperscan by pattern."""
    hits = contenders[OURS].task()
    expected = contenders[OURS].lines(hits)
    for name, contender in contenders.items():
        found = contender.lines(contender.task())
        assert found == expected, (name, found, expected)
    assert hyperscan is None or hyperscan.counts == hits.counts.tolist()
    return expected


def race(
    source: Bytes, patterns: list[bytes], makers: dict[str, Any], rounds: int
) -> dict[str, Any]:
    """Gigabytes a second of CPU time by contender, and what is not there."""
    contenders: dict[str, Contender] = {}
    absent: dict[str, str] = {}
    for name, make in makers.items():
        try:
            contenders[name] = make(source, patterns)
        except ImportError as error:
            absent[name] = str(error)
    lines = checked(contenders, makers.get(HYPERSCAN))
    contenders[LIMIT] = Contender(source.max)
    works = {name: partial(cpu_seconds, contender.task) for name, contender in contenders.items()}
    times = in_turn(works, rounds, warm=0)
    speeds = {n: round(len(source) / statistics.median(t) / 1e9, 2) for n, t in times.items()}
    return {"lines": lines, "gb_per_s_of_cpu": speeds, "absent": absent}


def two_threads(source: Bytes, patterns: list[bytes], rounds: int) -> float:
    """How many times faster two threads are than one, by the clock at its best; ten such texts."""
    text_ = np.tile(source, 10)
    offsets = np.arange(0, len(text_) + 1, WIDTH, dtype=np.int64)
    made, bits = prepared(patterns, source), np.zeros((len(offsets) - 1, 2), np.uint64)
    times: dict[int, list[float]] = {1: [], 2: []}
    for threads in [1, 2] * rounds:
        with ThreadPoolExecutor(threads) as pool:

            def run(task: Callable[[int, int], None], count: int, pool: Any = pool) -> None:
                edges = [count * k // 8 for k in range(9)]
                list(pool.map(task, edges[:-1], edges[1:]))

            before = time.perf_counter()
            find(made, text_, offsets, run, bits=bits)
            times[threads].append(time.perf_counter() - before)
    return round(min(times[1]) / min(times[2]), 2)


def milliseconds(task: Callable[[], Any], rounds: int) -> float:
    """CPU time of a call, the median of some."""
    task()
    return round(1e3 * statistics.median(cpu_seconds(task) for _ in range(rounds)), 3)


def fields(rounds: int) -> dict[str, Any]:
    """A predicate over the columns of 1.3 million objects; milliseconds of CPU."""
    rng = np.random.default_rng(4)
    kinds = ["modification", "rule", "text", "automaton"]
    column = {
        "kind": rng.integers(0, 4, ROWS, dtype=np.int32),
        "level": rng.integers(0, 8, ROWS, dtype=np.int32),
    }
    table = ObjectColumns([], kinds, np.empty(0, np.int32), {**column, "row": np.arange(ROWS)})
    found: dict[str, Any] = {
        "rows": ROWS,
        "limit: one int32 compare": milliseconds(lambda: column["level"] >= 5, rounds),
    }
    for said in ("type = rule", "type in (rule, text) and not level < 5"):
        selector = selectors.parse_checked(said)
        found[said] = milliseconds(partial(query_columns.chosen, table, selector, ()), rounds)
    with contextlib.suppress(ImportError):
        pl = importlib.import_module("polars")
        names = pl.Series("type", np.array(kinds)[column["kind"]]).cast(pl.Categorical)
        frame = pl.DataFrame([names, pl.Series("level", column["level"])])
        one = pl.col("type") == "rule"
        both = pl.col("type").is_in(["rule", "text"]) & (pl.col("level") >= 5)
        for said, wanted in (
            ("type = rule", one),
            ("type in (rule, text) and not level < 5", both),
        ):
            truth = query_columns.chosen(table, selectors.parse_checked(said), ())
            assert frame.select(wanted).to_series().to_numpy().tolist() == truth.tolist()
            found[f"polars: {said}"] = milliseconds(partial(frame.select, wanted), rounds)
    return found


def patterns_of_terms(rounds: int) -> dict[str, Any]:
    """Patterns against a million small terms: millions of terms a second of CPU."""
    some = [
        parse(t) for t in ("λx.x", "λf.λx.f (f x)", "λx.(λy.y) x", "λf.λg.λx.f (g x)", "λx.x x")
    ]
    drawn = np.random.default_rng(5).integers(0, len(some), TERMS)
    sizes = np.array([len(t) for t in some])[drawn]
    code, start = np.concatenate([some[k] for k in drawn]), np.cumsum(sizes) - sizes
    rows, found = np.arange(TERMS, dtype=np.int32), np.empty(TERMS, np.bool_)
    figures: dict[str, Any] = {"terms": TERMS}
    for said in ("λx.x", "λx.?f (?g x)", "λf.λx.?a (?a ?b)"):
        pattern = parse(said, pattern=True)
        bounds, spans = np.empty((2, 3), np.int64), np.empty((2, TERMS, 3), np.int64)
        for what, body, out in (
            ("", match.match_terms, bounds), (", spans kept", match.bind_terms, spans)
        ):  # fmt: skip
            task = partial(cpu.compiled(body), pattern, code, start, rows, found, out[0], out[1])
            figures[said + what] = round(TERMS / milliseconds(task, rounds) / 1e3, 1)
    return figures


def show_race(name: str, count: int, figures: dict[str, Any]) -> None:
    """One line a contender; the goal beside the ratio."""
    speeds = figures["gb_per_s_of_cpu"]
    print(f"\n{count} {name}, in {figures['lines']:,} lines")
    for contender, speed in speeds.items():
        ratio = ""
        if contender == OURS and HYPERSCAN in speeds:
            times = speed / speeds[HYPERSCAN]
            goal = f", goal {GOALS[count]}" if GOALS[count] else ""
            missed = "" if times >= GOALS[count] else "  missed"
            ratio = f"  {times:.2f} times libhyperscan{goal}{missed}"
        print(f"  {contender:<30}{speed:>8.2f} GB/s{ratio}")
    for contender, reason in figures["absent"].items():
        print(f"  {contender:<30}   absent: {reason}")


def measure(asked: argparse.Namespace) -> Figures:
    """Makes the texts, checks, times; races are printed as they end."""
    if asked.packages:
        sys.path.append(str(asked.packages))
    os.environ["POLARS_MAX_THREADS"] = "1"  # read when it is imported
    size = (3 if asked.quick else asked.megabytes) * 1_000_000
    report: Figures = {"bytes": size, "literals": []}
    source = text(size)
    with tempfile.TemporaryDirectory() as name:
        makers: dict[str, Any] = {OURS: kernels}
        try:
            makers[HYPERSCAN] = Hyperscan(Path(name))
        except ImportError as error:
            print(f"{HYPERSCAN} is absent: {error}")
        makers |= {"ripgrep": partial(ripgrep, Path(name)), "polars": polars}
        makers |= {"ahocorasick_rs": aho_corasick, "bytes.find": bytes_find}
        letters = noise(len(source))
        texts = (("pieces of lines", source, pieces), ("ids", source, ids))
        for what, lines, choose in (*texts, ("pieces of random letters", letters, pieces)):
            for count in COUNTS:
                figures = race(lines, choose(lines, count), makers, asked.turns)
                show_race(what, count, figures)
                report["literals"].append({"what": what, "patterns": count, **figures})
    report["two_threads"] = two_threads(source, pieces(source, 100), asked.turns)
    report["fields_ms"] = fields(asked.turns)
    report["terms_million_per_s"] = patterns_of_terms(asked.turns)
    return report


def show(report: Figures) -> None:
    """What comes after the races."""
    print(f"\ntwo threads are {report['two_threads']} times as fast as one (100 literals)")
    for title in ("fields_ms", "terms_million_per_s"):
        print(f"\n{title}")
        for said, figure in report[title].items():
            print(f"  {said:<50}{figure:>12,}")


def flags(parser: argparse.ArgumentParser) -> None:
    """The size of the text, and where rivals are."""
    parser.add_argument("--megabytes", type=int, default=100, help="size of the text (100)")
    parser.add_argument("--packages", type=Path, help="a site-packages folder with rivals")


def _lines(log: Path) -> None:
    log.write_bytes(text(60_000_000).tobytes())


BENCHMARK = Benchmark(
    measure,
    show,
    {
        "match, one literal, 60 MB": Command("match log.jsonl '\"m200.7\"' --count", log=_lines),
        "match, a field, 60 MB": Command(
            "match log.jsonl --field 'dimensionalLevel = 3' --count", log=_lines
        ),
    },
    flags,
    turns=7,
)
