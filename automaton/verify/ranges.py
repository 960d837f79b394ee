"""A long log computed again by several processes, each a range of its ticks.

A tick of few rounds leaves a thread nothing to share, so the ticks are shared: each
process folds what stands before its range, which is several times as fast as
computing it, and computes its range. The answer is that of one process.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from automaton.errors import AutomatonError
from automaton.log import AuditedLog
from automaton.log.integrity import Fault
from automaton.replay.recompute import open_cpu
from automaton.verify.commit_verifier import CommitVerifier, VerifyRequest
from automaton.workers import spawn
from automaton.workers.spawn import Channel

#: Seconds of computing from which on it pays to start processes: each costs one or two.
LEAST_S = 6.0
#: What computing takes on one core: seconds a tick, and seconds a byte of its batch.
TICK_S, BYTE_S = 8e-4, 9e-9
#: Bytes of a batch in the mean above which folding takes as long as computing, which finds
#: equal reactions: then threads share each tick instead.
SMALL = 1 << 19
#: What folding a tick costs of what computing it does, up to that; measured at 64 and 1,024.
FOLD = 0.4
#: The backend of a part: the others have the other cores.
_one_thread = partial(open_cpu, threads=1)
#: Seconds after this process's own range, or so many times as long as that took, after which
#: a process that has not answered is not waited for: its range is computed here.
SILENT_S = 600.0
SILENT_RANGES = 20


def go(truth: CommitVerifier, known: Fault | None, workers: int) -> None:
    """Compute what is asked for, in one process or in several."""
    ranges = [] if known is not None else divided(truth, workers)
    if len(ranges) < 2:
        truth.go(known)
        return
    with ExitStack() as stack:
        others = [stack.enter_context(_asked(truth, *each)) for each in ranges[1:]]
        begun = time.monotonic()
        _add(truth, _computed(truth, *ranges[0]))
        patience = max(SILENT_S, SILENT_RANGES * (time.monotonic() - begun))
        for channel, (first, last) in zip(others, ranges[1:], strict=True):
            if truth.fault is None:
                channel.wait_at_most(patience)
                _add(truth, _answer(channel) or _computed(truth, first, last))


def divided(truth: CommitVerifier, workers: int) -> list[tuple[int, int]]:
    """First and last tick of each process's range; one range where sharing does not pay."""
    log, asked = truth.log, truth.asked
    first, last = asked.first, min(asked.last or len(log.commits), len(log.commits))
    count = last - first + 1
    if (
        asked.replay != "all"
        or asked.resume
        or count < workers
        or log.commits.omitting  # nothing can be folded without being computed
        or log.size > SMALL * len(log.commits)
        or count * (TICK_S + BYTE_S * log.size / len(log.commits)) < LEAST_S
    ):
        return [(first, last)]
    weights = [(1 - FOLD) ** k for k in range(workers)]  # later ones have more to fold
    ends = [first - 1 + round(count * sum(weights[: k + 1]) / sum(weights)) for k in range(workers)]
    return list(zip([first, *(end + 1 for end in ends[:-1])], ends, strict=True))


def _computed(truth: CommitVerifier, first: int, last: int) -> dict[str, Any]:
    """A range computed here, by one thread."""
    part = CommitVerifier(
        truth.log, replace(truth.asked, first=first, last=last), _one_thread, truth.tell
    )
    part.go(None)
    return _facts(part)


def _facts(part: CommitVerifier) -> dict[str, Any]:
    fault = None if part.fault is None else asdict(part.fault)
    return {"replayed": part.replayed, "modifications": part.modifications, "fault": fault}


def _add(truth: CommitVerifier, facts: dict[str, Any]) -> None:
    truth.replayed += facts["replayed"]
    truth.modifications += facts["modifications"]
    truth.fault = None if facts["fault"] is None else Fault(**facts["fault"])


@contextmanager
def _asked(truth: CommitVerifier, first: int, last: int) -> Iterator[Channel]:
    """A process that computes a range; it ends with the block."""
    child = spawn.ChildProcess.start("automaton.verify.ranges")
    try:
        asked = {
            "path": truth.log.path, "first": first, "last": last,
            "chain": truth.log.chain_at(last).hex(), "reference": truth.asked.reference,
        }  # fmt: skip
        with contextlib.suppress(OSError):  # it has died: its range is computed here
            child.channel.send(json.dumps(asked).encode())
        yield child.channel
    finally:
        child.end()


def _answer(channel: Channel) -> dict[str, Any] | None:
    """What a process found, None if it has died, read another log, or says nothing for long."""
    try:
        message = channel.receive()
    except OSError:
        return None
    facts: dict[str, Any] | None = json.loads(message) if message else None
    return facts


def handle(channel: Channel) -> None:
    """Compute the range that is asked for, and answer; hang up where the log is no such one."""
    with contextlib.suppress(AutomatonError, ValueError):
        asked = json.loads(channel.receive())
        first, last = asked["first"], asked["last"]
        with AuditedLog.open(asked["path"]) as log:
            if last > len(log.commits) or log.chain_at(last).hex() != asked["chain"]:
                return
            wanted = VerifyRequest(first=first, last=last, reference=asked["reference"])
            part = CommitVerifier(log, wanted, _one_thread, lambda *_: None)
            found = _computed(part, first, last)
        channel.send(json.dumps(found).encode())
