"""Results of cycles on their way into the log: as input, in the order of their seeds.

A cycle is no tick, so nobody who verifies a log could compute its lines again; input
is what a batch copies and a replay believes. So results are given to a tick of their
own, whether the log's program reads its inbox or not: one batch, one write, all of
them or none. The bytes depend on the results and on the log. Must not know how cycles
are run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automaton.cycles.decision_writer import identity
from automaton.cycles.frozen_population import FrozenPopulation
from automaton.cycles.results import Result
from automaton.format.objects import Object, object_id, parse_line
from automaton.format.records import dump
from automaton.log import Log
from automaton.log.side_files import archive
from automaton.run import Run, SidecarOptions

#: Where there is an archive: so large that it is not rotated, which is for the user's own bound.
_WHOLE = 1 << 62


@dataclass(frozen=True)
class MergeResult:
    """What became of results: the lines that the log took in, and the tick that took them."""

    lines: int
    tick: int | None  # None: there was no line


def lines(branch: FrozenPopulation, results: Iterable[Result]) -> list[bytes]:
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


def merge(
    path: Path, branch: FrozenPopulation, results: Iterable[Result],
    say: Callable[[str], None] = lambda _text: None,
) -> MergeResult:  # fmt: skip
    """Run one tick of the log that takes the lines in, durably; none where there are none.

    Lines that the log holds already are not given again. An archive that there is takes
    what lost in the tick; no file is begun. `say` hears what was mended or not kept.
    """
    rows = lines(branch, results)
    if not rows:
        return MergeResult(0, None)
    with Run(path, keeping=_keeping(path)) as run:  # nobody else's ticks come between
        for text in run.log.notices:
            say(text)
        try:
            return _given(run, [row for row in rows if not _holds(run.log, row)])
        finally:
            for text in run.aside.troubles() if run.aside else ():
                say(text)


def _given(run: Run, rows: list[bytes]) -> MergeResult:
    """One tick that takes these lines, once they are on the disk."""
    if not rows:
        return MergeResult(0, None)
    run.step(rows)
    run.background.wait()
    run.log.sync()
    return MergeResult(len(rows), run.tick)


def _keeping(path: Path) -> SidecarOptions:
    """What stands beside the log goes on, and nothing else is begun."""
    return SidecarOptions(_WHOLE if any(file.is_file() for file in archive.paths(path)) else 0)


def _holds(log: Log, row: bytes) -> bool:
    """Whether this very line stands in the log."""
    parsed = parse_line(row)
    name = object_id(parsed.members) if isinstance(parsed, Object) else None
    return any(log.line(number) == row[:-1] for number in log.find(name or ""))
