"""Results of cycles on their way into the log: as input, in the order of their seeds.

A cycle is no tick, so nobody who verifies a log could compute its lines again; input
is what a batch copies and a replay believes. So results are given to a tick of their
own, whether the log's program reads its inbox or not: one batch, one write, all of
them or none. The bytes depend on the results and on the log. Must not know how cycles
are run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automaton.branch import Branch
from automaton.cycles import Result
from automaton.deciding import identity
from automaton.records import dump
from automaton.runner import Run


@dataclass(frozen=True)
class Merged:
    """What became of results: the lines that the log took in, and the tick that took them."""

    lines: int
    tick: int | None  # None: there was no line


def lines(branch: Branch, results: Iterable[Result]) -> list[bytes]:
    """The best new candidate of each cycle that has one, by seed; equal terms once."""
    found: dict[bytes, bytes] = {}
    for result in sorted(results, key=lambda one: one.seed):
        best = next((c for c in result.built.candidates if c.new), None)
        if best is None or best.words.tobytes() in found:
            continue
        members: dict[str, Any] = {
            "id": identity(branch.tick, result.seed),
            "type": "modification",
            "catalyst": result.catalyst,
            "parents": list(best.parents),
            "steps": best.steps,
            "size": len(best.words),
            "score": best.score,
            "term": best.term,
        }
        found[best.words.tobytes()] = dump(members) + b"\n"
    return list(found.values())


def merge(path: Path, branch: Branch, results: Iterable[Result]) -> Merged:
    """Run one tick of the log that takes the lines in, durably; none where there are none."""
    rows = lines(branch, results)
    if not rows:
        return Merged(0, None)
    with Run(path) as run:  # holds the log: nobody else's ticks come between
        run.step(rows)
        run.background.wait()
        run.log.sync()
        return Merged(len(rows), run.tick)
