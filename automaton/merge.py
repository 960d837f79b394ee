"""Results of cycles on their way into the log: as input, in the order of their seeds.

A cycle is no tick, so nobody who verifies a log could compute its lines again; what
is given through the inbox is input, which a batch copies and a replay believes. So
results go to `<log>.inbox`, and ticks are run until the program has read them. The
bytes depend on the results and on the log. Must not know how cycles are run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automaton.branch import Branch
from automaton.cycles import Result
from automaton.engine import identity
from automaton.inbox import give
from automaton.records import dump
from automaton.runner import Run
from automaton.world import World

#: Ticks in which the program may read its inbox; a `self-io` that does not come by then may never.
MOST_TICKS = 256


@dataclass(frozen=True)
class Merged:
    """What became of results: lines given, how many the log took, in how many ticks."""

    given: int
    taken: int
    ticks: int


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
    """Give the lines to the log and run it until it has read them, or will likely never."""
    rows = lines(branch, results)
    if not rows:
        return Merged(0, 0, 0)
    with Run(path) as run:  # holds the log: nobody else's ticks come between
        end = give(str(path), rows)
        most = MOST_TICKS if _reads(run.world) else 0
        before = run.world.state.counters["accepted"]
        first = run.tick
        while run.world.state.inbox < end and run.tick - first < most:
            run.step()
        run.background.wait()
        run.log.sync()
        taken = len(rows) if run.world.state.inbox >= end else 0
        taken = taken or run.world.state.counters["accepted"] - before
        return Merged(len(rows), taken, run.tick - first)


def _reads(world: World) -> bool:
    """Whether the program has a way to read its inbox at all."""
    actions = (transition.action for transition in world.program.transitions.values())
    return bool(world.current) and "self-io" in actions
