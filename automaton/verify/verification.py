"""Whether a log is what it says: every byte sealed, every commit computed again.

It shares the pure functions with a run, not its loop: a log made by a runner that
lies is found out. Reads an opened log; prints nothing.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from automaton.format.versions import portable
from automaton.log import AuditedLog
from automaton.log.integrity import Fault
from automaton.replay.omitted_batches import with_omitted_batches
from automaton.replay.recompute import Open, open_cpu
from automaton.verify import ranges
from automaton.verify.commit_verifier import CommitVerifier, ProgressReport, VerifyRequest
from automaton.verify.integrity_check import FaultFoundError, IntegrityCheck
from automaton.workers import available_cores

#: The exit code where there was no commit, so that nothing was claimed and nothing checked.
NOTHING_CHECKED = 14
#: Faults that leave no snapshot to compute from.
_BEFORE_COMMITS = frozenset({"pin", "genesis", "records"})


@dataclass(frozen=True)
class Verdict:
    """What was checked and what came of it."""

    commits: int
    replayed: int
    modifications: int  # of the replayed commits
    resumed: int  # ticks that an earlier call verified
    bytes: int
    tail_bytes: int
    omitted: int  # commits whose winner lines are not in the file
    head: str
    head_tick: int | None  # after which the chain was what was asked for
    seconds: float  # of all; both of these where they ran side by side
    integrity_s: float
    replay_s: float
    asked: VerifyRequest
    first_bad: Fault | None

    @property
    def ok(self) -> bool:
        """Whether all that was asked was checked and is true, and nothing follows it."""
        return self.first_bad is None and not self.tail_bytes

    @property
    def exit_code(self) -> int:
        """0: true; 1: a mismatch; 3: bytes follow that no commit covers; 14: no commit at all."""
        if self.first_bad:
            return 1
        return 3 if self.tail_bytes else 0 if self.commits else NOTHING_CHECKED

    def as_json(self) -> dict[str, Any]:
        """The verdict for programs."""
        rate = self.modifications / self.replay_s if self.replay_s else 0.0
        asked = self.asked
        drawn = asked.replay == "sample" and 0 < self.replayed < self.commits
        sampled = drawn and self.first_bad is None
        return {
            "ok": self.ok,
            "commits": self.commits,
            "replayed": self.replayed,
            "resumed": self.resumed,
            "bytes": self.bytes,
            "tail_bytes": self.tail_bytes,
            "omitted_commits": self.omitted,
            "seconds": round(self.seconds, 6),
            "modifications_per_s": round(rate, 1),
            "integrity_bytes_per_s": round(self.bytes / self.integrity_s) if self.bytes else 0,
            "head": self.head,
            "head_tick": self.head_tick,
            "seed": portable(asked.seed) if asked.replay == "sample" else None,
            "at_most_false": min(1.0, round(3 / self.replayed, 9)) if sampled else None,
            "first_bad": None if self.first_bad is None else asdict(self.first_bad),
        }


def verify(
    log: AuditedLog,
    asked: VerifyRequest,
    tell: ProgressReport = lambda *_: None,
    open_device: Open | None = None,
) -> Verdict:
    """Check an opened log."""
    workers = asked.workers or available_cores()
    started = begun = time.perf_counter()
    truth: CommitVerifier | None = None
    if _beside(log, asked, workers):
        fault, truth, integrity_s = _at_once(log, asked, tell, open_device, workers)
    else:
        fault = log.fault or integrity(log, workers, tell)
        integrity_s = time.perf_counter() - begun
    head_tick, wrong_head = _head(log, asked.head)
    if truth is None:
        begun += integrity_s
        truth = _computed(log, asked, tell, open_device, workers, fault)
    fault = truth.fault or fault or wrong_head
    ended = time.perf_counter()
    return Verdict(
        commits=len(log.commits), replayed=truth.replayed, modifications=truth.modifications,
        resumed=truth.resumed, bytes=log.size, tail_bytes=0 if log.fault else log.tail_bytes,
        omitted=log.commits.omitting,
        head=log.head.hex(), head_tick=head_tick, seconds=ended - started,
        integrity_s=integrity_s, replay_s=ended - begun, asked=asked, first_bad=fault,
    )  # fmt: skip


def _beside(log: AuditedLog, asked: VerifyRequest, workers: int) -> bool:
    """Whether all bytes are checked while commits are computed: nothing is noted on the way."""
    return (
        workers > 1
        and asked.replay != "none"
        and not asked.resume
        and log.fault is None
        and len(log.commits) > 0
        and not log.commits.omitting
    )


def _at_once(
    log: AuditedLog, asked: VerifyRequest, tell: ProgressReport, open_device: Open | None,
    workers: int,
) -> tuple[Fault | None, CommitVerifier | None, float]:  # fmt: skip
    """Check all bytes while the commits are computed as if nothing were wrong with them.

    Returns the first fault of the bytes, what was computed, which counts only where there
    is none, and the seconds that the check took.
    """
    with IntegrityCheck(log) as check:

        def heed(what: str, done: int, whole: int) -> None:
            check.heed()
            tell(what, done, whole)

        try:
            truth = _computed(log, asked, heed, open_device, workers, None)
        except FaultFoundError:
            return check.fault(), None, check.seconds
        except Exception:
            if check.fault() is None:
                raise
            return check.fault(), None, check.seconds
        fault = check.fault()
        return fault, truth if fault is None else None, check.seconds


def _computed(  # noqa: PLR0913, PLR0917 - what `verify` was asked, and what is known
    log: AuditedLog, asked: VerifyRequest, tell: ProgressReport, open_device: Open | None,
    workers: int, known: Fault | None,
) -> CommitVerifier:  # fmt: skip
    """What is asked for, computed again up to a fault that is known already."""
    truth = CommitVerifier(
        log, asked, open_device or (lambda options: open_cpu(options, workers)), tell
    )
    if asked.replay != "none" and (known is None or known.kind not in _BEFORE_COMMITS):
        with with_omitted_batches(log, checkpoints=False):  # for `validate-self`, which looks back
            ranges.go(truth, known, 1 if open_device else workers)
    return truth


def integrity(log: AuditedLog, workers: int, tell: ProgressReport) -> Fault | None:
    """The first fault of the chain over all bytes, checked by some threads."""
    return log.check(1, len(log.commits), lambda done: tell("bytes", done, log.size), workers)


def _head(log: AuditedLog, head: bytes | None) -> tuple[int | None, Fault | None]:
    """The tick after which the chain was the one asked for, or a fault where there is none."""
    if head is None:
        return None, None
    tick = log.tick_of_chain(head)
    if tick is not None:
        return tick, None
    return None, Fault("head", log.size, log.lines, len(log.commits), head.hex(), log.head.hex())
