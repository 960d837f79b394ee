"""Measures the reducer: small terms and Church arithmetic on one core, and the whole command.

Everything is checked against known answers before it is timed: counts of the
published sequences, step totals of a second method, one answer for each line.
Every figure is the median of several rounds. With --leaderboard it runs a file of terms with
known normal forms instead, beside other reducers whose commands are given.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from automaton.calculator.answer_lines import ROWS
from automaton.calculator.text_batch import Segment, TextReducer
from automaton.compute.budgets import Budgets, MachineScratch
from automaton.terms.arrays import Words
from automaton.terms.encodings import ADDITION, numeral, numeral_value
from automaton.terms.notation import NOTATIONS, format_term, parse
from automaton.terms.packed import apply
from kernels import cpu
from kernels.terms import reduce, substitute
from scripts.benchmarks.common import ROOT, Benchmark, Command, Figures, in_turn, must
from scripts.benchmarks.invented_terms import closed_terms

BITS = 24
CLOSED, NORMAL, LARGEST = 8574, 8549, 30  # OEIS A114852, A333958; bits of the largest normal form
SMALL = Budgets(500, 256, 256)  # a run's; no term of so many bits that halts takes as long
CHURCH = Budgets(1_000_000, 65_536, 4_096)  # the command's
UP_TO = 31
LARGEST_POWER = (CHURCH.max_size - 3) // 2  # its normal form has 2n + 3 nodes
MULTIPLICATION = parse("λm.λn.λf.m (n f)")
POWER = parse("λm.λn.n m")
TERMS, STEPS = 1_000_000, 20_000_000  # a timed round is about so much


# What is reduced.


def church() -> tuple[list[Words], list[int], int]:
    """Sums, products and powers of numerals: terms, their values, beta steps in all.

    A sum takes 6 steps, m times n takes 2m + 3; m to the n takes 4 + m T(n - 1)
    where T(0) = 0 and T(k) = 2 + m T(k - 1).
    """
    batch, values, steps = [], [], 0
    for m, n in product(range(UP_TO + 1), repeat=2):
        rows = [(ADDITION, m + n, 6), (MULTIPLICATION, m * n, 2 * m + 3)]
        if n > 0 and m**n <= LARGEST_POWER:
            rows.append((POWER, m**n, 4 + m * inner_steps(m, n - 1)))
        for operator, value, taken in rows:
            batch.append(apply(apply(operator, numeral(m)), numeral(n)))
            values.append(value)
            steps += taken
    return batch, values, steps


def inner_steps(m: int, k: int) -> int:
    """The steps of a power's k inner numerals, applied."""
    steps = 0
    for _ in range(k):
        steps = 2 + m * steps
    return steps


class Work:
    """Terms as the kernel takes them, repeated, and its results."""

    def __init__(self, batch: Sequence[Words], budgets: Budgets, times: int) -> None:
        sizes = [len(term) for term in batch] * times
        self.count, self.budgets = len(sizes), budgets
        self.code = np.concatenate(list(batch) * times)
        self.starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
        self.free = np.zeros(self.count, dtype=np.int32)
        self.outcomes = np.empty(self.count, dtype=np.uint8)
        self.steps, self.sizes = (np.empty(self.count, dtype=np.int32) for _ in range(2))
        self.places = np.empty(self.count, dtype=np.int64)
        self.out: Words = np.empty(max(2 * budgets.max_size, 1 << 18), dtype=np.int32)
        self.machine = MachineScratch.of(budgets)

    def run(self, look: Callable[[int, int], None] | None = None) -> None:
        """Reduce all; `look` sees each stretch of results while its normal forms stand."""
        b, done = self.budgets, 0
        while done < self.count:
            upto = cpu.compiled(reduce.reduce_terms)(
                self.code, self.starts, self.free, done, self.count,
                b.max_steps, b.max_size, b.max_depth, self.out, len(self.out),
                self.outcomes, self.steps, self.sizes, self.places, *self.machine,
            )  # fmt: skip
            if look:
                look(done, upto)
            done = upto

    def normal_forms(self) -> list[Words | None]:
        """The normal forms, None for any other outcome."""
        found: list[Words | None] = []

        def look(low: int, high: int) -> None:
            for i in range(low, high):
                stretch = slice(self.places[i], self.places[i] + self.sizes[i])
                normal = self.outcomes[i] == reduce.NORMAL
                found.append(self.out[stretch].copy() if normal else None)

        self.run(look)
        return found


# Checks.


def check_small(batch: list[Words]) -> int:
    """Counts and sizes against the published ones, normal forms and steps by substitution."""
    work = Work(batch, SMALL, 1)
    found = work.normal_forms()
    normal = [words for words in found if words is not None]
    must((len(batch), len(normal)) == (CLOSED, NORMAL), "the terms are not as many")
    largest = max(len(format_term(words, "blc")) for words in normal)
    must(largest == LARGEST, "the largest normal form is another")
    total = 0
    for i, term in enumerate(batch):
        if (words := found[i]) is not None:
            other, steps = substituted(term)
            must(np.array_equal(other, words), "a normal form is another")
            must(steps == work.steps[i], "a number of steps is another")
            total += steps
    return total


def substituted(term: Words) -> tuple[Words, int]:
    """Normal form and steps by literal substitution."""
    room = 1 << 12
    here, there, *marks = (np.empty(n, dtype=np.int32) for n in (2 * room, 2 * room, room, room))
    here[: len(term)] = term
    _, steps, size = cpu.compiled(substitute.substitute)(
        here, len(term), SMALL.max_steps, room, there, *marks
    )
    return here[:size], int(steps)


def check_church(batch: list[Words], values: list[int], steps: int) -> None:
    """Values by arithmetic, and the steps that they take."""
    work = Work(batch, CHURCH, 1)
    found = [None if words is None else numeral_value(words) for words in work.normal_forms()]
    must(found == values, "a number is another")
    must(int(work.steps.sum(dtype=np.int64)) == steps, "the steps are not as many")


def check_rows(rows: bytes, batch: list[Words], notation: str, times: int) -> None:
    """The lines of the command against those of single terms."""
    worker = TextReducer(SMALL, notation)
    once = [ROWS.line(worker.answer(format_term(term, notation))) for term in batch]
    must(rows == b"".join(once) * times, f"the command answers otherwise ({notation})")


# Times.


def median_seconds(work: Callable[[], object], rounds: int, clock: Callable[[], float]) -> float:
    """The median of several rounds, after one that is not counted."""

    def timed() -> float:
        before = clock()
        work()
        return clock() - before

    return statistics.median(in_turn({"": timed}, rounds)[""])


def time_reduction(
    batch: list[Words], budgets: Budgets, times: int, rounds: int
) -> tuple[float, float]:
    """Terms/s and beta steps/s of CPU of one thread."""
    work = Work(batch, budgets, times)
    seconds = median_seconds(work.run, rounds, time.thread_time)
    return work.count / seconds, float(work.steps.sum(dtype=np.int64)) / seconds


def time_lines(text: bytes, notation: str, rounds: int) -> float:
    """Terms/s of CPU that one thread reads, reduces and prints."""
    worker = TextReducer(SMALL, notation)

    def answer() -> None:
        segment = Segment(text, 0, len(text))
        while not segment.done:
            worker.turn(segment)
            segment.release()

    return text.count(b"\n") / median_seconds(answer, rounds, time.thread_time)


def start_seconds(rounds: int) -> float:
    """Seconds that the command takes for a file without terms."""
    empty = Path(os.devnull)
    return median_seconds(lambda: command(empty, "lambda", empty), rounds, time.perf_counter)


def command(path: Path, notation: str, out: Path) -> None:
    """The whole command on a file of terms."""
    words = [sys.executable, "-m", "automaton", "reduce", "--batch", str(path)]
    words += ["--notation", notation, "--max-steps", str(SMALL.max_steps)]
    words += ["--max-size", str(SMALL.max_size), "--max-depth", str(SMALL.max_depth)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with out.open("wb") as stdout:
        subprocess.run(words, check=True, stdout=stdout, env=environment)


def time_command(
    folder: Path, batch: list[Words], notation: str, rounds: int, times: int
) -> tuple[float, float]:
    """Terms/s of the whole command, start of the program included, and of one core."""
    path, out = folder / "terms", folder / "answers"
    text = "".join(f"{format_term(term, notation)}\n" for term in batch).encode() * times
    path.write_bytes(text)
    command(path, notation, out)
    check_rows(out.read_bytes(), batch, notation, times)
    seconds = median_seconds(lambda: command(path, notation, out), rounds, time.perf_counter)
    core = time_lines(text, notation, rounds)
    return times * len(batch) / seconds, core


# Report.


def figures(rounds: int, terms: int, steps_timed: int) -> list[dict[str, Any]]:
    """Checks, then times so many terms or steps a round; one row a figure."""
    small = closed_terms(BITS)
    total = check_small(small)
    arithmetic, values, steps = church()
    check_church(arithmetic, values, steps)
    print(f"checked: {CLOSED:,} terms, {total:,} steps to {NORMAL:,} normal forms;")
    print(f"         {len(arithmetic):,} sums, products and powers, {steps:,} steps\n")
    times = -(-terms // len(small))
    rates = [*time_reduction(small, SMALL, times, rounds)]
    rates += time_reduction(arithmetic, CHURCH, -(-steps_timed // steps), rounds)
    rows = [
        row(f"closed terms of {BITS} bits, terms/s of one core", rates[0], 5_000_000),
        row("    beta steps/s", rates[1]),
        row(f"Church add, mult, exp up to {UP_TO}, terms/s of one core", rates[2]),
        row("    beta steps/s", rates[3], 20_000_000),
    ]
    with tempfile.TemporaryDirectory() as name:
        for notation in NOTATIONS:
            whole, core = time_command(Path(name), small, notation, rounds, times)
            rows += [
                row(f"reduce --batch, {notation}, terms/s of the command", whole),
                row("    read, reduced and printed, terms/s of one core", core),
            ]
    return rows


def row(what: str, figure: float, goal: int | None = None) -> dict[str, Any]:
    """A figure beside its goal."""
    return {"what": what, "goal": goal, "figure": round(figure), "met": not goal or figure >= goal}


def show(result: Figures) -> None:
    """Prints the table."""
    print(f"{'what':<64}{'goal':>14}{'figure':>14}")
    for found in result["figures"]:
        goal = f">= {found['goal'] / 1e6:.0f} M" if found["goal"] else ""
        mark = "" if found["met"] else "  missed"
        print(f"{found['what']:<64}{goal:>14}{found['figure'] / 1e6:>12.2f} M{mark}")
    print(f"\nthe command needs {result['start_s']:.2f} s of each run to start")


def measure(asked: argparse.Namespace) -> Figures:
    """The rows, and how long the command takes to start."""
    share = 20 if asked.quick else 1
    rows = figures(asked.turns, TERMS // share, STEPS // share)
    return {"figures": rows, "start_s": round(start_seconds(asked.turns), 2)}


def _terms(log: Path) -> None:
    text = "".join(f"{format_term(term, 'blc')}\n" for term in closed_terms(BITS))
    log.with_name("terms").write_text(text * 20, encoding="utf-8")


BENCHMARK = Benchmark(
    measure,
    show,
    {
        "reduce --batch, 171,480 terms": Command(
            "reduce --batch terms --notation blc --max-steps 500 --max-size 256 --max-depth 256",
            log=_terms,
        ),
        "reduce one term": Command("reduce '(λx.x x) λx.x'", log=_terms),
        "church mult 200 300": Command("church mult 200 300", log=_terms),
    },
)
