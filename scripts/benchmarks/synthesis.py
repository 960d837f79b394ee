#!/usr/bin/env python3
"""Holds syntheses against the plain enumeration of closed terms, problem by problem.

Each problem is asked of the shipped log, whose terms that solve it already are taken
out of the building blocks; then all closed terms are enumerated in order of size until
one solves it, for as many candidates as the syntheses' budgets are worth. Both use the
same kernels and as many threads.

    scripts/bench synthesis [--out docs/benchmarks/synthesis.json] [PROBLEM...]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Those that must be found, then what else has a name and can be hard.
PROBLEMS = (
    "succ", "add", "mult", "swap", "not", "and", "or", "pred",
    "is-zero", "sub", "exp", "even", "xor", "leq", "tail", "length", "append", "reverse",
    "max", "half", "factorial",
)  # fmt: skip


def asked(problem: str, options: list[str]) -> dict[str, Any]:
    """What the command says of a problem."""
    command = [
        sys.executable, "-m", "automaton", "synthesize", str(ROOT / "automaton.jsonl"),
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


def main() -> None:
    """Measure, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("problems", nargs="*", default=PROBLEMS)
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    parser.add_argument("--budget", type=int, default=1 << 27, help="beta steps a synthesis")
    parser.add_argument("--parallel", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    options = ["--budget", str(given.budget), "--parallel", str(given.parallel)]
    asked("not", ["--budget", "100000"])  # compiles the kernels
    head = "nodes bits steps, candidates, to the first, seconds"
    print(f"{'problem':10} | syntheses: {head} | enumeration: the same")
    rows = []
    for problem in given.problems:
        rows.append(row(asked(problem, options)))
        print(line(rows[-1]), flush=True)
    if given.out:
        about = {
            "machine": platform.processor() or platform.machine(), "cores": os.cpu_count(),
            "python": platform.python_version(), "budget": given.budget, "domains": 15, "seed": 0,
            "parallel": given.parallel, "log": "automaton.jsonl",
        }  # fmt: skip
        text = json.dumps({**about, "rows": rows}, ensure_ascii=False, indent=1)
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
