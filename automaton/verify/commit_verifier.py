"""Commits computed again, tick after tick, and every byte of them compared.

What fits is folded and gone on from; what does not is located to the byte. Reads
an opened log; must not know how a verdict is put into words.

Longer than 300 lines: one verdict, and all that leads to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from automaton.chemistry.tick import Section
from automaton.compute import draws
from automaton.digests.batch_digest import batch_digest
from automaton.errors import (
    AutomatonError,
    DeviceError,
    FileError,
    ShortOfMemoryError,
    StorageError,
    WorkerError,
)
from automaton.format.records import Commit, commit_line, won
from automaton.log import AuditedLog
from automaton.log.file_io import Buffer
from automaton.log.integrity import Fault
from automaton.log.omission import KeptLines, Stub, cut
from automaton.log.omission import digest as digest_of
from automaton.log.omission import line as line_of
from automaton.log.side_files import watermarks
from automaton.replay.batch_claims import BatchClaim, separator
from automaton.replay.recompute import Open, TickRecomputer
from automaton.replay.restore import recomputer
from automaton.terms import reference
from automaton.terms.arrays import Bytes
from kernels import cpu
from kernels.text import line_scan

#: Bytes before and behind a difference that are shown.
_AROUND = 60
#: What data that is no log of ours can make the pure functions raise.
_UNREADABLE = (AutomatonError, ValueError, KeyError, IndexError, TypeError, AssertionError)
#: What says nothing about a log: it could not be looked at, or not to its end.
_UNABLE = (
    ShortOfMemoryError, MemoryError, WorkerError, DeviceError, StorageError, FileError,
)  # fmt: skip
#: Seconds between two notes of how far a verification has come.
_NOTE_S = 5.0
ProgressReport = Callable[[str, int, int], object]  # what is done, how much of how much


@dataclass(frozen=True)
class VerifyRequest:
    """What is to be checked beside the integrity of all bytes."""

    replay: str = "all"  # all, sample, none
    sample: int = 0
    seed: int = 0  # of the sample
    first: int = 1
    last: int | None = None
    head: bytes | None = None  # a chain that the log must have had
    workers: int | None = None  # threads; None: as many as there are cores
    reference: bool = False
    resume: bool = False


@dataclass
class CommitVerifier:
    """Commits computed again, one tick after another."""

    log: AuditedLog
    asked: VerifyRequest
    open_device: Open
    tell: ProgressReport
    fault: Fault | None = None
    replayed: int = 0
    modifications: int = 0
    resumed: int = 0
    _difference: tuple[str, int, bytes] = ("", -1, b"")
    _gap: tuple[int, int, int] = (0, 0, 0)  # of a batch: where, bytes left out, and for them

    def go(self, known: Fault | None) -> None:
        """Compute what is asked for, up to the first fault that is known already."""
        log, asked = self.log, self.asked
        last = min(asked.last or len(log.commits), len(log.commits))
        stop = last if known is None else min(known.tick, len(log.commits) + 1)
        first = asked.first
        if asked.resume and asked.replay == "all":
            self.resumed = self._resumed()
            first = max(first, self.resumed + 1)
        chosen = set(self._chosen(first, min(stop, last)))
        if known is not None:
            chosen.add(known.tick)
        if chosen:
            self._fold_and_compute(chosen, known)

    def _resumed(self) -> int:
        """The last tick that an earlier call verified, if this is still that log."""
        mark = watermarks.read(self.log.path)
        fits = mark is not None and mark.tick <= len(self.log.commits)
        if mark is None or not fits or self.log.chain_at(mark.tick) != mark.chain:
            return 0
        if not mark.is_own:
            self.log.notices.append(
                f"{self.log.path}{watermarks.VERIFIED} was not written by this user on this "
                "machine: it counts for nothing, and every commit is computed"
            )
            return 0
        return mark.tick

    def _chosen(self, first: int, last: int) -> Iterable[int]:
        """The ticks to compute; a sample is drawn without repeating."""
        count = last - first + 1
        if self.asked.replay != "sample" or self.asked.sample >= count:
            return range(first, last + 1)
        found: dict[int, None] = {}
        k = 0
        while len(found) < self.asked.sample:
            word = draws.words(self.asked.seed, 0, k, draws.SAMPLE)[0]
            found[first + draws.index_of(word, count)] = None
            k += 1
        return found

    def _fold_and_compute(self, chosen: set[int], known: Fault | None) -> None:
        log, end, noted = self.log, max(chosen), time.monotonic()
        tick = 0
        again: TickRecomputer | None = None
        try:
            again = recomputer(log, open_device=self.open_device)
            for tick in range(1, end + 1):
                self._tick(again, tick, compute=tick in chosen, sealed=known is None)
                if self.fault is not None:
                    return
                self.tell("commits", tick, end)
                if self.asked.replay == "all" and time.monotonic() - noted > _NOTE_S:
                    self._note(tick)
                    noted = time.monotonic()
            if known is None and self.asked.replay == "all":
                self._note(end)
        except _UNABLE:
            raise
        except _UNREADABLE as error:
            self.fault = self._unreadable(max(tick, 1), error)
        finally:
            if again is not None:
                again.close()

    def _note(self, tick: int) -> None:
        """Keep how far all is verified, if everything from the first tick on is."""
        if self.asked.resume and self.asked.first <= self.resumed + 1:
            mark = watermarks.Watermark.own(tick, self.log.chain_at(tick))
            try:
                self.log.notices += watermarks.write(self.log.path, mark)
            except OSError as error:  # what was found is true all the same
                self.log.notices.append(
                    f"{self.log.path}{watermarks.VERIFIED} cannot be written ({error.strerror}): "
                    "the next --resume begins where this one did"
                )

    def one(self, again: TickRecomputer, tick: int, *, compute: bool) -> Fault | None:
        """One tick whose bytes are sealed, computed again or folded; what is not so."""
        try:
            self._tick(again, tick, compute=compute, sealed=True)
        except _UNABLE:
            raise
        except _UNREADABLE as error:
            self.fault = self._unreadable(tick, error)
        return self.fault

    def _tick(self, again: TickRecomputer, tick: int, *, compute: bool, sealed: bool) -> None:
        log = self.log
        whole = tick <= len(log.commits)
        read = log.checked_commit if sealed else log.commit
        commit = read(tick) if whole else None
        kept = self._kept(tick)
        if kept is not None:  # it cannot be folded without being computed
            claim = again.claim(tick, memoryview(kept.head), commit)
            again.begin(tick, claim)
            claim = again.whole(tick, claim, kept.tail)
            own = 0 if kept.stub is None else len(line_of(kept.stub))
            winners = len(claim.raw) - len(kept.head) - len(kept.tail)
            self._gap = len(kept.head), winners, own
            self._compute(again, tick, claim, None)
            if self.fault is None and whole:
                log.hold(tick, bytes(claim.raw))
            elif self.fault is None:
                self._hold_to_stub(tick, claim.raw, kept)
        else:
            with log.batch(tick) if whole else log.bytes_from(log.size) as raw:
                if not compute and commit is not None:
                    again.follow(commit)
                    return
                claim = again.claim(tick, raw, commit)
                again.begin(tick, claim)
                self._gap = len(raw), 0, 0
                self._compute(again, tick, claim, commit if sealed else None)
        if self.fault is None and commit is not None:
            self.replayed += 1
            self.modifications += won(commit)

    def _kept(self, tick: int) -> KeptLines | None:
        """What stands of a batch that leaves out its winner lines; None: all of it stands."""
        log = self.log
        if tick <= len(log.commits):
            return log.kept(tick) if log.omits(tick) else None
        if log.record == "full":
            return None
        with log.bytes_from(log.size) as raw:
            return cut(raw)

    def _hold_to_stub(self, tick: int, raw: memoryview, kept: KeptLines) -> None:
        """Compare the line that stands for what is left out, where nothing else differs."""
        at, winners, own = self._gap
        left_out = raw[at : at + winners]
        end = kept.tail.find(b'{"type":"commit","id":"')
        digest = digest_of((kept.head, kept.tail[: max(end, 0)]))
        due = line_of(Stub(_newlines(left_out), winners, digest))
        found = bytes(self.log.bytes_from(self.log.size + at, self.log.size + at + own))
        if found != due:
            here = _first_difference(np.frombuffer(due, np.uint8), np.frombuffer(found, np.uint8))
            line = self._first_line(tick) + kept.head.count(b"\n")
            place = self.log.size + at + here
            self.fault = Fault(
                "omission", place, line, tick, _window(due, here), _window(found, here)
            )

    def _in_file(self, at: int) -> int:
        """Where in the file, from its batch's first byte on, a byte of the whole batch stands."""
        gap, winners, own = self._gap
        return at if at < gap else gap if at < gap + winners else at - winners + own

    def _compute(
        self, again: TickRecomputer, tick: int, claim: BatchClaim, sealed: Commit | None
    ) -> None:
        """Compute a tick and compare every byte; `sealed`: its digest is known to fit."""
        whole = tick <= len(self.log.commits)
        self._difference = ("", -1, b"")
        size = 0

        def same(sections: list[Section]) -> bool:
            nonlocal size
            if self.asked.reference and self._contradicted(again, tick):
                return False
            size = sum(len(part) for _, part in sections)
            return self._stands(claim.raw, sections, whole=whole)

        fields = again.tick(tick, claim, same)
        if fields is None:
            self.fault = self.fault or self._located(tick, claim.raw)
            return
        form = self.log.format
        digest = batch_digest(form, [claim.raw[:size]]) if sealed is None else sealed.batch
        before = self.log.chain_at(tick - 1)
        lines = again.lines
        due, _ = commit_line(self.log.prefix, fields, lines, size, digest, before, form)
        row = self.log.commits.row(tick) if whole else None
        at = self.log.size + self._in_file(size) if row is None else row.commit_start
        found = bytes(self.log.bytes_from(at, at + len(due)))
        if found != due:
            here = _first_difference(np.frombuffer(due, np.uint8), np.frombuffer(found, np.uint8))
            line = self._first_line(tick) + lines
            self.fault = Fault(
                "commit", at + here, line, tick, _window(due, here), _window(found, here)
            )

    def _stands(self, raw: memoryview, sections: Sequence[Section], *, whole: bool) -> bool:
        """Whether these bytes stand there; of several attempts the furthest difference is kept."""
        at, furthest = 0, self._difference[1]
        stands = np.frombuffer(raw, np.uint8)
        for kind, part in sections:
            due = np.frombuffer(part, np.uint8)
            found = stands[at : at + len(due)]
            here = _first_difference(due, found)
            if here == len(due):
                at += here
                continue
            if at + here > furthest:
                begin = _line_start(due, here)
                window = due[begin : here + _AROUND].tobytes()
                self._difference = kind, at + here, window[max(0, here - begin - _AROUND) :]
            return False
        if whole and at < len(stands):
            self._difference = max(self._difference, ("batch", at, b""), key=lambda d: d[1])
            return False
        return True

    def _located(self, tick: int, raw: memoryview) -> Fault:
        kind, at, due = self._difference
        start = self.log.commits.row(tick).batch_start if tick <= len(self.log.commits) else None
        base = self.log.size if start is None else start
        head = np.frombuffer(raw[:at], np.uint8)
        line = self._first_line(tick) + int(np.count_nonzero(head == 10)) - separator(tick, raw)
        begin = max(_line_start(head, at), at - _AROUND)
        found = bytes(raw[begin : at + _AROUND]).partition(b"\n")[0]
        expected = due.partition(b"\n")[0] if due else b"the commit"
        return Fault(kind, base + self._in_file(at), line, tick, _text(expected), _text(found))

    def _first_line(self, tick: int) -> int:
        commits = self.log.commits
        return commits.row(tick).first_line if tick <= len(commits) else self.log.lines + 1

    def _unreadable(self, tick: int, error: Exception) -> Fault:
        """A batch that the pure functions refuse."""
        start = self.log.size
        if tick <= len(self.log.commits):
            start = self.log.commits.row(tick).batch_start
        why = str(error) or type(error).__name__
        return Fault("batch", start, self._first_line(tick), tick, "a batch that can be read", why)

    def _contradicted(self, again: TickRecomputer, tick: int) -> bool:
        """Whether the textbook reducer finds something else than the machine did."""
        o = again.world.options
        if o.evaluation != "normal" or o.amplifiers != "none":
            notice = (
                "the textbook reducer knows normal order alone: collisions under --evaluation "
                "or --amplifiers were computed again, and not held against it"
            )
            if notice not in self.log.notices:
                self.log.notices.append(notice)
            return False
        for slot in again.slots():
            if slot.outcome == "input":
                continue
            told = reference.reduce(slot.term, o.max_steps, o.max_size, o.max_depth)
            if told.outcome == "nodes":
                continue  # larger on the way than the reference is allowed to be
            outcome = "normal" if slot.outcome == "copy" else slot.outcome
            form = slot.normal_form
            differs = form is not None and (
                told.words is None or not np.array_equal(told.words, form)
            )
            if told.outcome != outcome or told.steps != slot.steps or differs:
                expected = f"{told.outcome} after {told.steps} steps (textbook)"
                found = f"slot {slot.number}: {slot.outcome} after {slot.steps} steps"
                line = self._first_line(tick)
                start = self.log.commits.row(tick).batch_start
                self.fault = Fault("reference", start, line, tick, expected, found)
                return True
        return False


def _first_difference(due: Bytes, found: Bytes) -> int:
    """The first position at which two runs of bytes differ, or the shorter one's end."""
    return int(cpu.compiled(line_scan.first_difference)(due, found))


def _line_start(data: Bytes, at: int) -> int:
    """Where the line begins that holds a position."""
    breaks = np.flatnonzero(data[max(0, at - (1 << 16)) : at] == 10)
    return max(0, at - (1 << 16)) + int(breaks[-1]) + 1 if len(breaks) else 0


def _newlines(part: Buffer) -> int:
    data = np.frombuffer(part, np.uint8)
    return int(cpu.compiled(line_scan.count_newlines)(data, 0, len(data)))


def _window(line: bytes, at: int) -> str:
    return _text(line[max(0, at - _AROUND) : at + _AROUND].rstrip(b"\n"))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
