"""The chain checked over all bytes: does the file still say what was sealed.

Lives here: the report, and where the first fault is. That nothing is wrong is
found many ticks at a time (`automaton.log.integrity_windows`); only what is not found so is looked
at tick by tick. Of a batch whose winner lines are left out of the file it is what is kept
that is checked. Must not know: what a batch means, how to repair anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from automaton.format.records import Genesis, chained, parse_commit, parse_frame
from automaton.log.byte_source import File, pread, size_of
from automaton.log.commit_table import CommitRow, CommitTable
from automaton.log.file_io import blocks, sha256
from automaton.log.integrity_windows import Window, warm_up, windows
from automaton.log.omission import digest as digest_of
from automaton.log.omission import read_kept

__all__ = ["ChainReport", "Fault", "check_integrity", "warm_up"]


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


def check_integrity(  # noqa: PLR0913 - the file, what it is held against, and which part
    fd: File,
    genesis: Genesis,
    commits: CommitTable,
    first: int,
    progress: Callable[[int], object] | None = None,
    *,
    last: int | None = None,
) -> ChainReport:
    """Checks all ticks from `first` to `last`, and the genesis if `first` is the first tick.

    `progress` is told the bytes done after every window.
    """
    done, bad, last = 0, None, len(commits) if last is None else last
    if first <= 1:
        bad = _genesis(fd, genesis)
        done = genesis.bytes
    first = max(first, 1)
    before = _chain_before(fd, commits, first, genesis) if first <= last else b""
    for window in windows(fd, commits, first, last):
        if bad:
            break
        bad, before = _window(fd, commits, window, before)
        done += window.length
        if progress:
            progress(done)
    end = int(commits.end[-1]) if len(commits) else genesis.bytes
    return ChainReport(max(last - first + 1, 0), done, size_of(fd) - end, bad)


def _window(
    fd: File, commits: CommitTable, window: Window, before: bytes
) -> tuple[Fault | None, bytes]:
    """The first fault of some ticks, and the chain that stands after them."""
    after = window.chain_after(before)
    if after is not None:
        return None, after
    for tick in range(window.first, window.last + 1):  # one by one, to say what differs
        row = commits.row(tick)
        bad = next(_batch(fd, row, before), None)
        if bad:
            return bad, b""
        before = _chain_at(fd, row)
    return None, before


def _genesis(fd: File, genesis: Genesis) -> Fault | None:
    found = sha256(fd, 0, genesis.bytes)
    if found == genesis.sha256:
        return None
    return Fault("genesis", 0, 1, 0, genesis.sha256.hex(), found.hex())


def _chain_before(fd: File, commits: CommitTable, tick: int, genesis: Genesis) -> bytes:
    """The chain that stands in the commit before this one."""
    if tick == 1:
        return genesis.sha256
    return _chain_at(fd, commits.row(tick - 1))


def _chain_at(fd: File, row: CommitRow) -> bytes:
    frame = parse_frame(pread(fd, row.end - row.commit_start, row.commit_start))
    return frame.chain if frame else b""


def _batch(fd: File, row: CommitRow, before: bytes) -> Iterator[Fault]:
    raw = pread(fd, row.end - row.commit_start, row.commit_start)
    line = row.first_line + row.lines
    commit, frame = parse_commit(raw), parse_frame(raw)
    kept = read_kept(fd, row.batch_start, row.gap, row.commit_start) if row.gap else None
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
    digest, count = _digest(fd, row) if kept is None else (commit.batch, row.lines)
    if digest != commit.batch or count != row.lines:
        yield Fault(
            "batch", row.batch_start, row.first_line, row.tick, commit.batch.hex(), digest.hex()
        )
    if not chained(raw, frame, before):
        yield Fault("chain", row.commit_start, line, row.tick, before.hex(), commit.chain.hex())


def _digest(fd: File, row: CommitRow) -> tuple[bytes, int]:
    """The batch's digest and its lines: newlines, a separating one (tick 1) aside."""
    digest, count, first = hashlib.sha256(), 0, b""
    for data in blocks(fd, row.batch_start, row.commit_start):
        first = first or data[:1]
        digest.update(data)
        count += data.count(b"\n")
    return digest.digest(), count - (first == b"\n")


def _shown(raw: bytes) -> str:
    return raw[:60].decode("utf-8", "backslashreplace")
