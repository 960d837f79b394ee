"""Verification that keeps pace with a run: how far it is, and whether the run must wait.

A process of its own (`automaton.verify.live_worker`) reads the file that the run writes, and
says how far it is verified; here are the frontier, its lag, what was found, and
the waiting. Must not know: how a tick is computed, what a log holds.

Longer than 300 lines: the process, its frontier and the waits for it are one state machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from threading import Condition, Event, Thread
from time import monotonic
from typing import Any, NamedTuple, Self

from automaton.errors import MismatchError, UsageError, WorkerError
from automaton.format.versions import portable
from automaton.workers import spawn

ONE = 1 << 32  # probabilities are kept as 32-bit integers
#: Seconds between two looks at whether waiting has been ended from outside.
LOOK_S = 0.1
#: Seconds without a word of the verifier after which it counts as failed, and how many of
#: the run's slowest ticks: a tick that is computed again, with what cores are left, is slower.
SILENT_S = 600.0
SILENT_TICKS = 100
_FOLDED = "chain and population checked"  # of ticks that are not computed again


@dataclass(frozen=True)
class LiveOptions:
    """What a run verifies of itself, and how far it may be ahead."""

    mode: str = "off"  # off, inline, sample=P
    share: int = 0  # of the ticks that are computed again, in units of 2**-32
    max_lag: int | None = None  # ticks that may be written and not verified; None: any number
    seed: int = 0  # of the drawn ticks

    @classmethod
    def of(cls, mode: str, max_lag: int | None = None, seed: int | None = None) -> Self:
        """From the words of the command line; without a seed, a new one."""
        share = share_of(mode)
        if not share and max_lag is not None:
            raise UsageError(
                "--max-lag bounds how far verification may be behind: it needs "
                "--verify inline or --verify sample=P"
            )
        drawn = int.from_bytes(os.urandom(6), "little") if seed is None else seed
        return cls(mode, share, max_lag, drawn if mode.startswith("sample") else 0)


OFF = LiveOptions()


def share_of(mode: str) -> int:
    """The share of ticks, in units of 2**-32, that `off`, `inline` or `sample=P` means."""
    if mode in {"off", "inline"}:
        return ONE if mode == "inline" else 0
    match = re.fullmatch(r"sample=([0-9]{0,3}\.?[0-9]{1,12})", mode)
    share = round(float(match[1]) * ONE) if match else 0
    if not 0 < share <= ONE:
        raise UsageError(
            f"{mode!r} is neither off nor inline nor sample=P (P: a share above 0, at most 1)"
        )
    return share


def _ticks(first: int, last: int) -> str:
    return f"tick {first}" if first == last else f"ticks {first} to {last}"


class VerificationProgress(NamedTuple):
    """How far a log is verified while it is written; ticks are those of the log."""

    mode: str
    seed: int | str | None  # of the drawn ticks; a text where JSON would round it
    tick: int  # the frontier: every chain up to here checked, the drawn ticks computed again
    lag: int  # ticks behind the frontier's front: written, not verified
    commits: int  # computed again
    coverage: float  # of the log's commits: the share that was computed again
    waited_s: float  # that generation has waited for verification
    waiting: str  # why generation waits just now; empty: it does not
    not_verified: str  # in words

    def as_json(self) -> dict[str, Any]:
        """The members by name."""
        return self._asdict()


class LiveVerification:
    """The verifier of one run, as the run sees it."""

    def __init__(self) -> None:
        self.pacing = OFF
        self.tick = self.computed = 0
        self.waited = 0.0
        self._first = 1  # tick of this run
        self._written, self._told = 0, 0  # bytes; how far the verifier was told
        self._path = ""  # of what is written
        self._heard = self._wrote = monotonic()  # when the verifier spoke, and a tick was written
        self._slowest = 0.0  # seconds from one written tick to the next
        self._idle = False  # its process has yet to start
        self._fault: dict[str, Any] | None = None
        self._failure = ""
        self._closing = self._ending = False
        self._moved = Condition()
        self._child: spawn.ChildProcess | None = None

    def start(self, pacing: LiveOptions, path: str, tick: int, end: int = 0) -> None:
        """Have the log at `path` verified, if it is wanted.

        `tick` is its last so far, and `end` the byte behind that: what earlier runs wrote
        is gone through at once, since a bounded lag may have to wait for it.
        """
        self.pacing, self._first = pacing, tick + 1
        if not pacing.share:
            return
        self._child = spawn.ChildProcess.start("automaton.verify.live_worker", spawn.NICE)
        self._channel = self._child.channel
        asked = {"first": self._first, "seed": pacing.seed, "share": pacing.share}
        self._channel.send(json.dumps(asked).encode())
        self._listener = Thread(target=self._listen, name="verified", daemon=True)
        self._listener.start()
        if tick:
            self.written(end, path)

    # -- the verifier's side ---------------------------------------------------

    def _listen(self) -> None:
        """Take in what the verifier says, until it says no more."""
        while True:
            try:
                message = self._channel.receive()
            except OSError:
                message = b""
            with self._moved:
                self._heed(json.loads(message) if message else self._gone())
                self._moved.notify_all()
            if not message:
                return

    def _gone(self) -> dict[str, Any]:
        """What it means that there is nobody who says anything."""
        if self._closing or self._child is None or self._failure:
            return {}
        return {"failed": f"its process {spawn.describe_exit(self._child.process.wait())}"}

    def _heed(self, said: dict[str, Any]) -> None:
        self._heard = monotonic()
        self.tick, self.computed = said.get("tick", self.tick), said.get("computed", self.computed)
        self._fault = said.get("fault", self._fault)
        self._failure = said.get("failed", self._failure)
        if said.get("idle"):
            self._idle = True
            self._tell()

    def _tell(self) -> None:
        """Say how far the log is written, once for many ticks: nobody waits for a reader."""
        if not self._idle or self._written <= self._told:
            return
        with contextlib.suppress(OSError):  # it is gone: its listener says so
            self._channel.send(b"%d %s" % (self._written, os.fsencode(self._path)))
            self._idle, self._told = False, self._written
            self._heard = monotonic()

    # -- the run's side --------------------------------------------------------

    def written(self, end: int, path: str) -> None:
        """The log is written up to a byte; `path` is where it stands now."""
        if self.pacing.share:
            with self._moved:
                now = monotonic()
                if self._written:
                    self._slowest = max(self._slowest, now - self._wrote)
                self._written, self._wrote, self._path = end, now, path
                self._tell()

    def hold(self, tick: int, stopping: Event, until: float | None = None) -> None:
        """Wait while a tick more would be too many; raises where something is not true.

        Ends early when `stopping` is set, and at the time `until` (of `monotonic`).
        """
        if self.pacing.max_lag is None:
            self.check(tick)
        else:
            self._wait(tick, tick - self.pacing.max_lag + 1, stopping, until)

    def ahead(self, tick: int) -> bool:
        """Whether the next tick would have to wait."""
        return self.pacing.max_lag is not None and tick - self.tick >= self.pacing.max_lag

    def finish(self, tick: int, stopping: Event, until: float | None = None) -> bool:
        """Wait until all is verified, `stopping` is set or it is `until`; raises as `hold`.

        Returns whether there is nothing more to wait for.
        """
        if not self.pacing.share:
            return True
        self._ending = True
        self._wait(tick, tick, stopping, until)
        return self.tick >= tick or stopping.is_set()

    def _wait(self, tick: int, wanted: int, stopping: Event, until: float | None) -> None:
        begun = monotonic()
        with self._moved:
            while self.tick < wanted and not stopping.is_set():
                self.check(tick)
                if until is not None and monotonic() >= until:
                    break
                self._listen_for_life()
                self._moved.wait(LOOK_S)
        self.waited += monotonic() - begun
        self.check(tick)

    def _listen_for_life(self) -> None:
        """A verifier that says nothing for long is one that failed: no wait is without end."""
        longest = max(SILENT_S, SILENT_TICKS * self._slowest)
        if monotonic() - self._heard > longest and not self._failure:
            self._failure = f"nothing was heard of it for {longest:g} s"

    def check(self, tick: int) -> None:
        """Raise what the verifier found, or that it failed."""
        if self._fault is not None:
            raise MismatchError(self._said(tick, **self._fault))
        if self._failure:
            raise WorkerError(
                f"the verifier failed ({self._failure}), so the run has stopped after tick {tick}; "
                f"{self.report(tick).not_verified} not verified; `verify LOG` checks it all, "
                "--verify off runs without"
            )

    def _said(  # noqa: PLR0913 - the members of a fault, by name
        self, run_tick: int, *, kind: str, offset: int, line: int, tick: int, expected: str,
        found: str,
    ) -> str:  # fmt: skip
        return (
            f"NOT TRUE: {kind} of tick {tick}, line {line}, byte {offset}: expected {expected!r}, "
            f"found {found!r}; the run has stopped after tick {run_tick}, and nothing was cut off: "
            f"verified to tick {self.tick}; look at it with `verify`"
        )

    @property
    def process(self) -> int | None:
        """The verifier's process number."""
        return None if self._child is None else self._child.pid

    def progress(self, tick: int) -> str:
        """How far it is, for a line that moves; empty where nothing is verified."""
        if not self.pacing.share:
            return ""
        return f", verifying: {self.tick} of {tick}" if self._ending else f", verified {self.tick}"

    def report(self, tick: int) -> VerificationProgress:
        """How far it is; `tick` is the run's last."""
        pacing = self.pacing
        commits = min(self.computed, tick)
        return VerificationProgress(
            pacing.mode,
            portable(pacing.seed) if pacing.mode.startswith("sample") else None,
            min(self.tick, tick),
            max(0, tick - self.tick),
            commits,
            round(commits / tick, 6) if tick else 0.0,
            round(self.waited, 3),
            self._reason(tick),
            self._left(tick, commits),
        )

    def _reason(self, tick: int) -> str:
        """Why the next tick waits, or the run's end; empty where neither does."""
        behind = f"{max(0, tick - self.tick)} ticks are written and not verified"
        if self._ending:
            return f"{behind}: the run ends when they are" if self.tick < tick else ""
        return f"{behind}: --max-lag {self.pacing.max_lag}" if self.ahead(tick) else ""

    def _left(self, tick: int, commits: int) -> str:
        """What is not verified, in words."""
        if not self.pacing.share:
            return "all of it (--verify off)" if tick else "nothing to verify"
        parts = []
        before = min(self._first - 1, self.tick)
        if before:
            parts.append(f"{_ticks(1, before)}, of earlier runs ({_FOLDED})")
        folded = max(0, min(self.tick, tick) - before - commits)
        if folded:
            parts.append(f"{folded} ticks that were not drawn ({_FOLDED})")
        if tick > self.tick:
            parts.append(f"{_ticks(self.tick + 1, tick)} (not looked at)")
        return "; ".join(parts) or "nothing"

    def close(self) -> None:
        """End the verifier; it holds nothing that cannot be verified again."""
        child, self._child = self._child, None
        if child is None:
            return
        self._closing = True
        child.channel.hang_up()  # its listener hears of it, and ends
        self._listener.join()
        child.end()
