"""The chain checked over all bytes: does the file still say what was sealed.

Lives here: the report, and where the first fault is. That nothing is wrong is
found many ticks at a time (`automaton.log.integrity_windows`); only what is not found so is looked
at tick by tick. Of a batch whose winner lines are left out of the file it is what is kept
that is checked. Must not know: what a batch means, how to repair anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock, Thread
from typing import NamedTuple

import numpy as np

from automaton.digests.batch_digest import new_digest
from automaton.format.records import Genesis, chained, parse_commit, parse_frame
from automaton.format.versions import Format
from automaton.log.byte_source import File, pread, size_of
from automaton.log.commit_table import CommitRow, CommitTable
from automaton.log.file_io import blocks, sha256
from automaton.log.integrity_windows import Window, room_for, warm_up, windows
from automaton.log.omission import digest as digest_of
from automaton.log.omission import read_kept

__all__ = ["ChainReport", "Fault", "check_integrity", "warm_up"]

_SHARES = 8  # of a thread, so that all end at about the same time


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where the file is not what was sealed."""

    kind: str  # genesis, batch, commit, chain
    offset: int
    line: int
    tick: int
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"the {self.kind} of tick {self.tick} (line {self.line}, byte {self.offset}) "
            f"differs: expected {self.expected}, found {self.found}"
        )


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What was checked: `ok` says that all of it holds, `tail_bytes` what no commit covers."""

    commits: int
    bytes: int
    tail_bytes: int
    first_bad: Fault | None

    @property
    def ok(self) -> bool:
        """Whether nothing differs; a tail is not a difference."""
        return self.first_bad is None


def check_integrity(  # noqa: PLR0913, PLR0917 - the file, what it is held against, and which part
    file: File,
    genesis: Genesis,
    commits: CommitTable,
    form: Format,
    first: int,
    progress: Callable[[int], object] | None = None,
    *,
    last: int | None = None,
    threads: int = 1,
) -> ChainReport:
    """Checks all ticks from `first` to `last`, and the genesis if `first` is the first tick.

    `progress` is told the bytes done, now and then. So many threads share the ticks, for
    what a commit is chained to stands in the one before it.
    """
    done, bad, last = 0, None, len(commits) if last is None else last
    if first <= 1:
        bad = _genesis(file, genesis)
        done = genesis.bytes
    first = max(first, 1)
    if bad is None:
        sealed = _LogFacts(file, genesis, commits, form)
        shares = windows(commits, first, last, _SHARES * threads)
        survey = _Survey(sealed, shares, done)
        survey.share(threads, progress)
        done, bad = survey.done, survey.fault
    end = int(commits.end[-1]) if len(commits) else genesis.bytes
    return ChainReport(max(last - first + 1, 0), done, size_of(file) - end, bad)


class _LogFacts(NamedTuple):
    """The file, and what is known of it."""

    file: File
    genesis: Genesis
    commits: CommitTable
    form: Format

    def chain_before(self, tick: int) -> bytes:
        """The chain that stands in the commit before this one."""
        return self.genesis.sha256 if tick == 1 else self.chain_at(tick - 1)

    def chain_at(self, tick: int) -> bytes:
        """The chain that stands in a commit."""
        row = self.commits.row(tick)
        frame = parse_frame(pread(self.file, row.end - row.commit_start, row.commit_start))
        return frame.chain if frame else b""


class _Survey:
    """Windows that threads take one after the other, up to the first in which one finds a fault."""

    def __init__(self, sealed: _LogFacts, shares: list[tuple[int, int]], done: int) -> None:
        self._sealed = sealed
        self._windows = shares
        self._next, self._lock = 0, Lock()
        self._found: dict[int, Fault] = {}
        self._error: BaseException | None = None
        self.done = done

    @property
    def fault(self) -> Fault | None:
        """The first of those that were found."""
        return self._found[min(self._found)] if self._found else None

    def share(self, threads: int, progress: Callable[[int], object] | None) -> None:
        """Look at all windows, this thread too."""
        others = [Thread(target=self._helped) for _ in range(min(threads, len(self._windows)) - 1)]
        for other in others:
            other.start()
        try:
            self._look(progress)
        finally:
            self._next = len(self._windows)
            for other in others:
                other.join()
        if self._error is not None:
            raise self._error

    def _helped(self) -> None:
        try:
            self._look(None)
        except BaseException as error:  # noqa: BLE001 - raised by `share`
            self._error = error
            self._next = len(self._windows)

    def _look(self, progress: Callable[[int], object] | None) -> None:
        sealed = self._sealed
        size = room_for(sealed.commits, self._windows)
        room = np.empty(size, np.uint8)
        while True:
            with self._lock:
                number = self._next
                if number >= len(self._windows) or self._found:
                    return
                self._next = number + 1
            first, stop = self._windows[number]
            cells = sealed.commits.cells()[first - 1 : stop]
            window = Window(sealed.file, cells, first, room, sealed.form)
            fault = _window(sealed, window)
            with self._lock:
                self.done += window.length
                if fault is not None:
                    self._found[number] = fault
            if progress:
                progress(self.done)


def _window(sealed: _LogFacts, window: Window) -> Fault | None:
    """The first fault of some ticks."""
    before = sealed.chain_before(window.first)
    if window.chain_after(before) is not None:
        return None
    for tick in range(window.first, window.last + 1):  # one by one, to say what differs
        row = sealed.commits.row(tick)
        bad = next(_batch(sealed, row, before), None)
        if bad:
            return bad
        before = sealed.chain_at(tick)
    return None


def _genesis(file: File, genesis: Genesis) -> Fault | None:
    found = sha256(file, 0, genesis.bytes)
    if found == genesis.sha256:
        return None
    return Fault("genesis", 0, 1, 0, genesis.sha256.hex(), found.hex())


def _batch(sealed: _LogFacts, row: CommitRow, before: bytes) -> Iterator[Fault]:
    file = sealed.file
    raw = pread(file, row.end - row.commit_start, row.commit_start)
    line = row.first_line + row.lines
    commit, frame = parse_commit(raw), parse_frame(raw)
    kept = read_kept(file, row.batch_start, row.gap, row.commit_start) if row.gap else None
    if commit is None or frame is None or not raw.endswith(b"\n"):
        yield Fault("commit", row.commit_start, line, row.tick, "a commit", _shown(raw))
        return
    counts = (row.tick, row.lines, row.commit_start - row.batch_start + row.more)
    if (commit.tick, commit.lines, commit.bytes) != counts:
        yield Fault("commit", row.commit_start, line, row.tick, str(counts), _shown(raw))
    if kept is not None and not kept.fits():
        due = kept.stub.kept.hex() if kept.stub else "a line for what is left out"
        found = digest_of((kept.head, kept.tail)).hex()
        yield Fault("batch", row.batch_start, row.first_line, row.tick, due, found)
    digest, count = _digest(sealed, row) if kept is None else (commit.batch, row.lines)
    if digest != commit.batch or count != row.lines:
        yield Fault(
            "batch", row.batch_start, row.first_line, row.tick, commit.batch.hex(), digest.hex()
        )
    if not chained(raw, frame, before):
        yield Fault("chain", row.commit_start, line, row.tick, before.hex(), commit.chain.hex())


def _digest(sealed: _LogFacts, row: CommitRow) -> tuple[bytes, int]:
    """The batch's digest and its lines: newlines, a separating one (tick 1) aside."""
    digest, count, first = new_digest(sealed.form), 0, b""
    for data in blocks(sealed.file, row.batch_start, row.commit_start):
        first = first or data[:1]
        digest.update(data)
        count += data.count(b"\n")
    return digest.digest(), count - (first == b"\n")


def _shown(raw: bytes) -> str:
    return raw[:60].decode("utf-8", "backslashreplace")
