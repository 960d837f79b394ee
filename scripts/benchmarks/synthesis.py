"""Holds syntheses against the plain enumeration of closed terms, problem by problem.

Each problem is asked of the shipped log, whose terms that solve it already are taken
out of the building blocks; then all closed terms are enumerated in order of size until
one solves it, for as many candidates as the syntheses' budgets are worth. Both use the
same kernels and as many threads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from scripts.benchmarks.common import ROOT, SHIPPED, Benchmark, Command, Figures

#: Those that must be found, then what else has a name and can be hard.
PROBLEMS = (
    "succ", "add", "mult", "swap", "not", "and", "or", "pred",
    "is-zero", "sub", "exp", "even", "xor", "leq", "tail", "length", "append", "reverse",
    "max", "half", "factorial",
)  # fmt: skip


def asked(problem: str, options: list[str]) -> dict[str, Any]:
    """What the command says of a problem."""
    command = [
        sys.executable, "-m", "automaton", "synthesize", str(SHIPPED),
        "--problem", problem, "--compare", "--json", *options,
    ]  # fmt: skip
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    environment = {**os.environ, "PYTHONPATH": path}
    run = subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def row(answer: dict[str, Any]) -> dict[str, Any]:
    """The figures of a problem, for both."""
    plain = answer["baseline"]
    both = {}
    for name, best, facts in (
        ("syntheses", next(iter(answer["solutions"]), None), answer),
        ("enumeration", plain["solution"], plain),
    ):
        found = {key: best[key] for key in ("term", "nodes", "bits", "beta_steps")} if best else {}
        figures = {key: facts[key] for key in ("candidates", "seconds")}
        both[name] = {"found": best is not None, **found, **figures}
    both["syntheses"] |= {key: answer[key] for key in ("first_candidates", "first_seconds")}
    best = next(iter(answer["solutions"]), {"synthesis": None, "lineage": []})
    way = {s["number"]: s["way"] for s in answer["syntheses"]}.get(best["synthesis"])
    both["syntheses"] |= {"way": way, "lineage": best["lineage"]}
    return {"problem": answer["problem"], "known": answer["known"], **both}


def line(figures: dict[str, Any]) -> str:
    """A row of the table."""
    cells = [f"{figures['problem']:10}"]
    for name, first in (("syntheses", "first_candidates"), ("enumeration", "candidates")):
        of = figures[name]
        size = f"{'not found':15}"
        if of["found"]:
            size = f"{of['nodes']:3} {of['bits']:4} {of['beta_steps']:6}"
        cells.append(f"{size} {of['candidates']:13,} {of[first]:13,} {of['seconds']:8.2f} s")
    return " | ".join(cells)


def measure(asked_for: argparse.Namespace) -> Figures:
    """A row for each problem, printed as it comes: the larger ones take minutes."""
    budget = 1 << 20 if asked_for.quick else asked_for.budget
    problems = asked_for.problems or (PROBLEMS[:3] if asked_for.quick else PROBLEMS)
    options = ["--budget", str(budget), "--parallel", str(asked_for.parallel)]
    asked("not", ["--budget", "100000"])  # compiles the kernels
    head = "nodes bits steps, candidates, to the first, seconds"
    print(f"{'problem':10} | syntheses: {head} | enumeration: the same")
    rows = []
    for problem in problems:
        rows.append(row(asked(problem, options)))
        print(line(rows[-1]), flush=True)
    return {
        "budget": budget, "domains": 15, "seed": 0, "parallel": asked_for.parallel,
        "log": SHIPPED.name, "rows": rows,
    }  # fmt: skip


def show(_: Figures) -> None:
    """Nothing: rows were printed when they came."""


def flags(parser: argparse.ArgumentParser) -> None:
    """Problems and budgets."""
    parser.add_argument("problems", nargs="*", metavar="PROBLEM", help="those with a name (all)")
    parser.add_argument("--budget", type=int, default=1 << 27, help="beta steps a synthesis")
    parser.add_argument("--parallel", type=int, default=len(os.sched_getaffinity(0)))


BENCHMARK = Benchmark(
    measure,
    show,
    {
        f"synthesize {problem}": Command(
            f"synthesize log.jsonl --problem {problem} --budget {{n}} --json",
            n=1 << 24,
            quick=1 << 18,
        )
        for problem in ("add", "pred")
    },
    flags,
    turns=1,
)
