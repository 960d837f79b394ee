"""From a log on the disk to the branch that cycles explore, and to what it remembers.

Opens the log for reading and changes nothing. Must not know cycles.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from automaton.chemistry import World
from automaton.chemistry.batch_replay import read_winners
from automaton.cycles.frozen_population import (
    MEMORY,
    FrozenPopulation,
    PastCandidate,
    balanced,
    branch_of,
    hashed,
    live_winners,
)
from automaton.log import Log
from automaton.log.side_files import archive
from automaton.replay import MalformedLines
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.replay.restore import restore_world
from automaton.replay.run_options import options_for
from automaton.terms.arrays import Hashes


def nobody(_: int) -> None:
    """Nobody is told."""


def load_population(path: Path, progress: Callable[[int], None] = nobody) -> FrozenPopulation:
    """The branch after a log's last commit; `progress` is told every tick folded.

    The terms of all winners and of the archive are hashed: 8 bytes each, distinct ones.
    """
    with Log.open(path, write=False) as log, with_omitted_batches(log):
        world = restore_world(log, options_for(log, {}), MalformedLines(), progress)
        found = archive.ReadReport()
        known, lost = _archived(log, found)
        known = np.union1d(known, _winners(log, world))
        return branch_of(
            world, len(log.commits), known, balanced(lost, live_winners(world.population)),
            chain=log.head.hex(), note=found.note(log),
        )  # fmt: skip


def _winners(log: Log, world: World) -> Hashes:
    """The hashes of all terms that ever won, ascending."""
    found: list[Hashes] = []
    for tick in range(1, len(log.commits) + 1):
        with log.batch(tick) as raw:
            begin = _first_winner(raw, world.prefix, tick)
            if begin < 0:
                continue
            batch = np.frombuffer(raw, dtype=np.uint8)
            entering = read_winners(batch, begin, log.commit(tick).lines, world, tick).entering
            found.append(hashed(entering.source, entering.starts, entering.sizes))
            del batch
        if len(found) == _TOGETHER:
            found = [_united(found)]
    return _united(found)


_TOGETHER = 256  # batches after which hashes are made distinct


def _united(found: list[Hashes]) -> Hashes:
    return np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *found]))


def _first_winner(raw: memoryview, prefix: str, tick: int) -> int:
    """Where the winners' lines of a batch begin; -1 where it has none."""
    head = f'{{"id":"{prefix}m{tick}.'.encode()
    data = bytes(raw)
    if data.startswith(head):
        return 0
    return data.find(b"\n" + head) + 1 or -1


def _archived(log: Log, counted: archive.ReadReport) -> tuple[Hashes, list[PastCandidate]]:
    """The hashes of what the archive holds, and its newest candidates, oldest first."""
    found: list[Hashes] = []
    newest: list[PastCandidate] = []
    for frame in archive.read(log, counted):
        found.append(hashed(frame.code, frame.starts, frame.sizes.astype(np.int32)))
        rows = zip(
            frame.starts[-MEMORY:].tolist(), frame.sizes[-MEMORY:].tolist(),
            frame.slots[-MEMORY:].tolist(), frame.steps[-MEMORY:].tolist(), strict=True,
        )  # fmt: skip
        newest += [
            PastCandidate(frame.code[at : at + n], frame.tick, slot, steps, won=False)
            for at, n, slot, steps in rows
        ]
        newest = newest[-MEMORY:]
        if len(found) == _TOGETHER:
            found = [_united(found)]
    return _united(found), newest
