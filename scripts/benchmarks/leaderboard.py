r"""A leaderboard file through `reduce` and through other reducers: who passes, in what time.

The file has a line a term: name, term, normal form, the latter two in binary lambda
calculus. Another reducer is a command that reads one term from standard input and
writes its normal form, in binary or as `\\`, backquote and digits; its time is that
of its process beyond the least that it takes for the identity.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automaton.calculator.answer_lines import ROWS
from automaton.calculator.text_batch import Segment, TextReducer
from automaton.compute.budgets import MOST_STEPS, Budgets
from scripts.benchmarks.common import Benchmark, Command, Figures

LIMIT_S = 5.0  # of processor time
WAIT_S = 4 * LIMIT_S  # of the clock: the machine may have other work
IDENTITY = "0010"
BUDGETS = Budgets(MOST_STEPS, 1 << 20, 1 << 16, 1 << 27)
OURS = "automaton-scalable reduce"


@dataclass(frozen=True)
class Case:
    """A term and the normal form that it has, in binary."""

    name: str
    term: str
    normal: str


@dataclass(frozen=True)
class Attempt:
    """What one reducer made of one term, and its processor time."""

    said: str  # passed, wrong, timeout, failed
    seconds: float


Reducer = Callable[[Case], Attempt]


def cases(path: Path) -> list[Case]:
    """The lines of a leaderboard file."""
    rows = (line.split("\t") for line in path.read_text("ascii").splitlines() if line.strip())
    return [Case(*(field.strip() for field in row)) for row in rows]


def ours() -> Reducer:
    """Read, reduced and printed by the kernels of `reduce --batch`, on one thread."""
    worker = TextReducer(BUDGETS, "blc", ROWS)

    def reduced(case: Case) -> Attempt:
        text = f"{case.term}\n".encode()
        before = time.thread_time()
        segment = Segment(text, 0, len(text))
        while not segment.done:
            worker.turn(segment)
        seconds = time.thread_time() - before
        normal, _, _, outcome = segment.release().decode().rstrip("\n").split("\t")[:4]
        said = "failed" if outcome != "normal" else judged(normal, case)
        return Attempt(said if seconds <= LIMIT_S else "timeout", seconds)

    return reduced


def judged(found: str, case: Case) -> str:
    """Whether a normal form is the right one."""
    return "passed" if found == case.normal else "wrong"


def other(command: list[str]) -> Reducer:
    """A reducer that is a program."""
    starting = min(spent(command, IDENTITY)[1] for _ in range(9))

    def reduced(case: Case) -> Attempt:
        output, seconds = spent(command, case.term)
        if output is None:
            return Attempt("timeout", LIMIT_S)
        try:
            said = judged(binary(output.strip()), case) if output.strip() else "failed"
        except ValueError:
            said = "failed"
        seconds = max(0.0, seconds - starting)
        return Attempt(said if seconds <= LIMIT_S else "timeout", seconds)

    return reduced


def spent(command: list[str], term: str) -> tuple[str | None, float]:
    """What a program says of a term (None: nothing in time), and its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(
            command, input=term.encode(), capture_output=True, timeout=WAIT_S, check=False
        )
        output = done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        output = None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return output, seconds


def binary(term: str) -> str:
    """A term in binary lambda calculus; ValueError where it is no term."""
    if set(term) <= {"0", "1"} and "\\" not in term and len(term) > 1:
        return term
    bits = {"\\": "00", "`": "01"}
    return "".join(bits.get(c) or "1" * (int(c, 36) + 1) + "0" for c in term)


def peak_megabytes(path: Path) -> float:
    """Most memory of a `reduce --batch` of the file, in MB."""
    with tempfile.NamedTemporaryFile("w", suffix=".blc") as file:
        file.write("".join(f"{case.term}\n" for case in cases(path)))
        file.flush()
        words = [sys.executable, "-m", "automaton", "reduce", "--batch", file.name]
        words += ["--notation", "blc", "--max-steps", "none"]
        root = str(Path(__file__).resolve().parents[2])
        with subprocess.Popen(
            words, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": root}
        ) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1000


def board_of(path: Path, peers: list[str], rounds: int) -> dict[str, Any]:
    """The table of all reducers, each term by each in turn; times are medians of the rounds."""
    board = cases(path)
    reducers = {OURS: ours()}
    for peer in peers:
        name, _, command = peer.partition("=")
        reducers[name] = other(shlex.split(command))
    reducers[OURS](Case("", IDENTITY, IDENTITY))  # loads the kernels
    found: dict[str, list[list[Attempt]]] = {name: [] for name in reducers}
    for case in board:
        attempts: dict[str, list[Attempt]] = {name: [] for name in reducers}
        for _ in range(rounds):
            for name, reducer in reducers.items():
                attempts[name].append(reducer(case))
        for name, some in attempts.items():
            found[name].append(some)
    rows = [row(name, some) for name, some in found.items()]
    return {
        "terms": len(board),
        "rounds": rounds,
        "peak_mb": round(peak_megabytes(path)),
        "rows": rows,
    }


def row(name: str, found: list[list[Attempt]]) -> dict[str, Any]:
    """One reducer's line of the table."""
    said = [next((a.said for a in some if a.said != "passed"), "passed") for some in found]
    seconds = [statistics.median(a.seconds for a in some) for some in found]
    counts = {word: said.count(word) for word in ("passed", "wrong", "timeout", "failed")}
    return {
        "reducer": name,
        **counts,
        "seconds": round(sum(seconds), 5),
        "longest_s": round(max(seconds), 5),
    }


def measure(asked: argparse.Namespace) -> Figures:
    """The table of the file that is asked for, under its name."""
    return {asked.file.name: board_of(asked.file, asked.peer, asked.turns)}


def show(figures: Figures) -> None:
    """Prints the tables."""
    for table in figures.values():
        if isinstance(table, dict) and "rows" in table:
            _show(table)


def _show(table: dict[str, Any]) -> None:
    """Prints the table."""
    print(f"{table['terms']} terms, {LIMIT_S:.0f} s each; processor time without start-up")
    print(
        f"{'reducer':<28}{'passed':>8}{'wrong':>8}{'timeout':>9}{'failed':>8}{'all':>12}{'longest':>12}"
    )
    for found in table["rows"]:
        times = f"{found['seconds'] * 1e3:>9.1f} ms{found['longest_s'] * 1e3:>9.1f} ms"
        print(
            f"{found['reducer']:<28}{found['passed']:>8}{found['wrong']:>8}{found['timeout']:>9}"
            f"{found['failed']:>8}{times}"
        )
    print(f"reduce --batch of the file needs {table['peak_mb']} MB at most")


def flags(parser: argparse.ArgumentParser) -> None:
    """The file, and who else reduces it."""
    parser.add_argument("file", type=Path, help="a term a line: name, term, normal form")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=COMMAND",
        help="another reducer, which reads a term and writes its normal form",
    )  # fmt: skip


BENCHMARK = Benchmark(
    measure,
    show,
    {"reduce one term": Command("reduce '(λx.x x) λx.x'")},
    flags=flags,
)
