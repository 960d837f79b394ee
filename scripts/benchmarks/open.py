"""Measures how fast a large log opens, beside its goals and its rivals.

Makes a file of real-sized objects in a temporary folder, checks that the index
is right, then times every contender in turn, on CPU time and a hot page cache,
and takes medians. A rival that is not installed is said to be so:
`pip install duckdb pysimdjson`, and libsimdjson (Debian: libsimdjson-dev) with
a C++ compiler.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from automaton.log.id_index import IdIndex
from scripts.benchmarks.common import (
    Benchmark,
    Command,
    Figures,
    has,
    in_turn,
    must,
    part,
    peak_bytes,
    reset_peak,
)

NOT_INSTALLED = "not installed"
PARSERS = ("DuckDB", "pysimdjson,", "simdjson")
SIMDJSON_IN_MEMORY = "  the same, file already in its memory"
SMALL_LOG = 200_000  # objects
SAMPLE = 20_000  # ids whose last line is compared one by one
OURS, ORJSON_DICT = "index", "orjson into a last-wins dict"
PARAGRAPHS = (
    "A reaction applies one term to another and reduces what comes of it.",
    "Operator: `λm.λn.λf.λx.m f (n f x)`\\n- closed, normal, size 13",
    '(define (compose f g)\\n  (lambda (x)\\n    (f (g x))))  ;; \\"after\\"',
    "What won is appended; what lost is kept where it can be searched.",
    "**Level** `λf.λx.f (f x)` sums to two; its successor sums to three.",
    "Lines are never edited. The last one with an id is the one that counts.",
)
SIMDJSON_SOURCE = r"""
#include <simdjson.h>
#include <cstdio>
#include <sys/resource.h>
static double cpu() {
  rusage r; getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
int main(int, char **argv) {
  simdjson::padded_string json;
  if (simdjson::padded_string::load(argv[1]).get(json)) return 1;
  double loaded = cpu();
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document_stream documents;
  if (parser.iterate_many(json).get(documents)) return 1;
  size_t count = 0, length = 0;
  for (auto document : documents) {
    std::string_view id;
    if (document["id"].get(id)) return 1;
    length += id.size(); ++count;
  }
  double parsed = cpu();
  std::printf("%zu %zu %.6f %.6f\n", count, length, parsed, parsed - loaded);
}
"""


def write_log(path: Path, megabytes: int) -> int:
    """Writes objects of about 770 bytes with distinct ids; returns how many."""
    count = size = 0
    with path.open("wb") as file:
        while size < megabytes * 1_000_000:
            rows = "".join(row(number) for number in range(count, count + 1000)).encode()
            size += file.write(rows)
            count += 1000
    return count


def row(number: int) -> str:
    """One object in the shape of those that automata leave behind."""
    text = "\\n\\n".join(PARAGRAPHS[(number * k + k) % len(PARAGRAPHS)] for k in (1, 2, 3, 5, 7))
    padding = "abcdefghij " * (number * 7 % 27)
    level = number % 8
    return (
        f'{{"id":"change-{1_700_000_000_000 + number * 37}","type":"text",'
        f'"currentState":"modified","dimensionalLevel":{level},"selfReference":'
        f'{{"file":"./log.jsonl","line":{number + 1},"pattern":"Pair rewriting ({level}D)"}},'
        f'"x":{number % 977}.{number % 89:02d}3358568542,"y":{number % 613}.27107067,'
        f'"width":280,"height":140,"color":"{number % 7}",'
        f'"text":";; {level}D change\\n{text}\\n{padding}"}}\n'
    )


def check(path: Path) -> None:
    """Stops unless the index is what a loop of orjson says."""
    offsets, last, at = [], {}, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            offsets.append(at)
            last[orjson.loads(line)["id"]] = number
            at += len(line)
        index = IdIndex.build(file.fileno())
        step = max(1, len(last) // SAMPLE)
        wrong = index.ids != len(last) or index.line_count != len(offsets)
        wrong |= any(index.offset(n) != start for n, start in enumerate(offsets, 1))
        wrong |= any(index.last_line(i) != last[i] for i in list(last)[::step])
    must(not wrong, "the index differs from a loop of orjson")


# Contenders: each takes the file and returns CPU seconds.


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of all threads of this process, without the garbage collector."""
    gc.collect()
    gc.disable()
    before = time.process_time()
    kept = work()
    seconds = time.process_time() - before
    gc.enable()
    del kept
    return seconds


def index_file(path: Path) -> float:
    """Our index."""
    with path.open("rb") as file:
        return timed(lambda: IdIndex.build(file.fileno()))


def orjson_dict(path: Path) -> float:
    """Every object by its id; the last one stays."""
    with path.open("rb") as file:
        return timed(lambda: {(o := orjson.loads(line))["id"]: o for line in file})


def orjson_loop(path: Path) -> float:
    """Every object parsed and dropped."""
    with path.open("rb") as file:
        return timed(lambda: sum(orjson.loads(line)["id"] is not None for line in file))


def duckdb_columns(path: Path) -> float:
    """Three columns, one thread, nothing kept."""
    duckdb = importlib.import_module("duckdb")
    query = (
        "SELECT count(id), count(type), sum(length(text)) FROM read_json(?, format="
        "'newline_delimited', columns={id: 'VARCHAR', type: 'VARCHAR', text: 'VARCHAR'})"
    )
    with duckdb.connect(config={"threads": 1}) as connection:
        return timed(lambda: connection.execute(query, [str(path)]).fetchall())


def pysimdjson_loop(path: Path) -> float:
    """Every line parsed, its id read."""
    parser = importlib.import_module("simdjson").Parser()
    with path.open("rb") as file:
        return timed(lambda: sum(parser.parse(line)["id"] is not None for line in file))


def simdjson_program(folder: Path) -> str | None:
    """The C++ rival, built; None where compiler or library are absent."""
    compiler = shutil.which("c++")
    if compiler is None:
        return None
    source, program = folder / "rival.cpp", folder / "rival"
    source.write_text(SIMDJSON_SOURCE)
    flags = ["-O3", "-march=native", "-std=c++17"]
    command = [compiler, *flags, str(source), "-o", str(program), "-lsimdjson"]
    done = subprocess.run(command, capture_output=True, check=False)
    return str(program) if done.returncode == 0 else None


def contenders(folder: Path) -> dict[str, Callable[[Path], float] | None]:
    """Everything that is timed, by name; None is not installed."""
    program = simdjson_program(folder)

    def simdjson(field: int, path: Path) -> float:
        command = [str(program), str(path)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        return float(done.stdout.split()[field])

    return {
        OURS: index_file,
        "orjson loop": orjson_loop,
        ORJSON_DICT: orjson_dict,
        "DuckDB read_json, 3 columns": duckdb_columns if has("duckdb") else None,
        "pysimdjson, a line at a time": pysimdjson_loop if has("simdjson") else None,
        "simdjson C++ iterate_many": partial(simdjson, 2) if program else None,
        SIMDJSON_IN_MEMORY: partial(simdjson, 3) if program else None,
    }


def race(path: Path, folder: Path, rounds: int) -> dict[str, float | None]:
    """GB/s of CPU by name, medians over rounds in which each runs once."""
    runners = contenders(folder)
    works = {name: partial(run, path) for name, run in runners.items() if run is not None}
    seconds = in_turn(works, rounds, warm=0)
    size = path.stat().st_size / 1e9
    return {
        name: size / statistics.median(seconds[name]) if name in seconds else None
        for name in runners
    }


# Memory and the small log, in a process of their own.


def alone(name: str) -> Figures:
    """What a fresh process needs: seconds for the small log, bytes for the large one."""
    path = Path(name)
    with path.open("rb") as file:
        fd = file.fileno()
        start = time.perf_counter()
        small = IdIndex.build(fd, 0, small_stop(path))
        first = time.perf_counter() - start
        start = time.perf_counter()
        small = IdIndex.build(fd, 0, small_stop(path))
        again = time.perf_counter() - start
        counted = small.line_count
        del small
        reset_peak()
        before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        index = IdIndex.build(fd)
        grown = peak_bytes() - before
    report = {"first": first, "again": again, "small": counted, "grown": grown}
    return {**report, "nbytes": index.nbytes, "objects": index.line_count}


def small_stop(path: Path) -> int:
    """Where the first objects end, as many as the goal for small logs names."""
    beside = path.with_suffix(".stop")
    if not beside.exists():
        with path.open("rb") as file:
            beside.write_text(str(sum(len(line) for line in islice(file, SMALL_LOG))))
    return int(beside.read_text())


# Report.


def goals(speeds: dict[str, float | None], fresh: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a goal: what, the goal, the figure, whether it is met."""
    ours, dict_speed = speeds[OURS] or 0.0, speeds[ORJSON_DICT] or 0.0
    readers = [v for k, v in speeds.items() if v and k.partition(" ")[0] in PARSERS]
    counted, grown = (fresh[k] / fresh["objects"] for k in ("nbytes", "grown"))
    rows: list[tuple[str, str, float, bool]] = [
        ("index, GB/s of CPU", ">= 1.5", ours, ours >= 1.5),
        ("times orjson into a dict", ">= 6", ours / dict_speed, ours >= 6 * dict_speed),
        ("bytes an object, counted", "<= 64", counted, counted <= 64),
        ("bytes an object, growth of the process", "<= 64", grown, grown <= 64),
    ]
    if readers:
        best = max(readers)
        rows.append(("times the faster of DuckDB and simdjson", "> 1", ours / best, ours > best))
    if fresh["small"] == SMALL_LOG:
        name = "seconds to open 200,000 objects, "
        rows.append((name + "first in a process", "< 0.3", fresh["first"], fresh["first"] < 0.3))
        rows.append((name + "again", "< 0.3", fresh["again"], fresh["again"] < 0.3))
    keys = ("what", "goal", "figure", "met")
    return [dict(zip(keys, (w, g, round(f, 3), met), strict=True)) for w, g, f, met in rows]


def show(found: Figures) -> None:
    """Prints both tables."""
    speeds, rows = found["gb_per_s_of_cpu"], found["goals"]
    print(f"{'contender':<50}{'GB/s of CPU':>14}")
    for name, speed in speeds.items():
        print(f"{name:<50}{NOT_INSTALLED if speed is None else format(speed, '.2f'):>14}")
    print(f"\n{'what':<50}{'goal':>10}{'figure':>10}")
    for row_ in rows:
        mark = "" if row_["met"] else "  missed"
        print(f"{row_['what']:<50}{row_['goal']:>10}{row_['figure']:>10.2f}{mark}")


def measure(asked: argparse.Namespace) -> Figures:
    """Makes the file, checks, times."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "log.jsonl"
        count = write_log(path, 20 if asked.quick else asked.megabytes)
        size = path.stat().st_size
        print(f"{count:,} objects of {size / count:.0f} bytes on average")
        check(path)
        speeds = race(path, Path(name), asked.turns)
        small_stop(path)  # before the process that is measured
        rows = goals(speeds, part(__name__, "alone", str(path)))
    rivals = {name: speed and round(speed, 3) for name, speed in speeds.items()}
    return {"bytes": size, "objects": count, "gb_per_s_of_cpu": rivals, "goals": rows}


def flags(parser: argparse.ArgumentParser) -> None:
    """The size of the log."""
    parser.add_argument("--megabytes", type=int, default=1000, help="size of the log (1000)")


def _large(log: Path) -> None:
    write_log(log, 100)


BENCHMARK = Benchmark(
    measure,
    show,
    {
        "check, 100 MB": Command("check log.jsonl", log=_large),
        "show an object, 100 MB": Command("show log.jsonl change-1700000000037", log=_large),
    },
    flags,
    {"alone": alone},
)
