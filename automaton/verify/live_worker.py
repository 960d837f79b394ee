"""A process that verifies a log while another one writes it; started by `automaton.verify.live`.

It reads the file by its name, with a snapshot of its own that it folds forward:
nothing of the writer's memory is believed. It takes what cores are free, and ends
with the channel, or when its parent does. Must not know: the runner, the terminal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from time import monotonic
from typing import Any

from automaton.compute import draws
from automaton.log import LogFollower
from automaton.log.integrity import Fault
from automaton.replay.omitted_batches import OmittedBatches
from automaton.replay.recompute import TickRecomputer, open_cpu
from automaton.replay.restore import recomputer
from automaton.verify.commit_verifier import CommitVerifier, VerifyRequest
from automaton.workers.spawn import LONGEST_TEXT, Channel

#: Seconds between two notes of how far it is, while there is more to do.
NOTE_S = 0.05
_ALL = 1 << 32

Say = Callable[[Mapping[str, Any]], object]


def drawn(seed: int, tick: int, share: int) -> bool:
    """Whether a tick is computed again; `share` is a probability in units of 2**-32."""
    return share >= _ALL or int(draws.words(seed, tick, 0, draws.SAMPLE)[0]) < share


class Verifier:
    """How far one log is verified: every chain checked, the drawn ticks computed again."""

    def __init__(self, first: int, seed: int, share: int, say: Say) -> None:
        self._first, self._seed, self._share = first, seed, share
        self._say = say
        self._noted = 0.0
        self._log: LogFollower | None = None
        self._again: TickRecomputer | None = None
        self._refill: OmittedBatches | None = None
        self.tick = self.computed = 0

    def go_to(self, end: int, path: str) -> Fault | None:
        """Verify all commits up to byte `end` of the log, now at `path`; the first fault."""
        if self._log is None:
            self._log = LogFollower.open(path)
            self._refill = OmittedBatches(self._log, checkpoints=False)
            self._log.refill = self._refill.batch
        log = self._log
        beyond = log.grow(end)
        truth = CommitVerifier(log, VerifyRequest(), open_cpu, lambda *_: None)
        for tick in range(self.tick + 1, len(log.commits) + 1):
            fault = log.check(tick, tick) or self._checked(truth, tick)
            if fault is not None:
                return fault
            self.tick = tick
            if monotonic() - self._noted > NOTE_S:
                self.note()
        return beyond

    def _checked(self, truth: CommitVerifier, tick: int) -> Fault | None:
        """Compute a tick again or fold it, and compare."""
        if self._again is None:
            self._again = recomputer(truth.log)
        compute = tick >= self._first and drawn(self._seed, tick, self._share)
        fault = truth.one(self._again, tick, compute=compute)
        self.computed += compute and fault is None
        return fault

    def note(self) -> None:
        """Say how far it is."""
        self._noted = monotonic()
        self._say({"tick": self.tick, "computed": self.computed})

    def close(self) -> None:
        """End the threads, let go of the file."""
        if self._again is not None:
            self._again.close()
        if self._refill is not None:
            self._refill.close()
        if self._log is not None:
            self._log.close()


def handle(channel: Channel) -> None:
    """Heed the parent: first what is asked, then up to which byte which path is written."""

    def say(what: Mapping[str, Any]) -> None:
        channel.send(json.dumps(what).encode())

    asked = channel.receive()
    if not asked:
        return
    verifier = Verifier(**json.loads(asked), say=say)
    say({"idle": True})  # what it is told from now on is as it stands now
    try:
        while message := channel.receive():
            end, _, path = message.partition(b" ")
            fault = verifier.go_to(int(end), os.fsdecode(path))
            verifier.note()
            say({"idle": True} if fault is None else {"fault": asdict(fault)})
    except Exception as error:  # noqa: BLE001  # the parent says it and stops the run
        say({"failed": f"{type(error).__name__}: {error}"[:LONGEST_TEXT]})
    finally:
        verifier.close()
