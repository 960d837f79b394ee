"""The chain checked over all bytes: does the file still say what was sealed.

Lives here: the report and the pass that makes it. Must not know: what a batch
means (that is for `verify`), how to repair anything.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from automaton.batches import Commits, Row
from automaton.disk import blocks, sha256, size_of
from automaton.records import Genesis, chained, parse_commit, parse_frame


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


def check(  # noqa: PLR0913 - the file, what it is held against, and which part
    fd: int,
    genesis: Genesis,
    commits: Commits,
    first: int,
    progress: Callable[[int], object] | None = None,
    *,
    last: int | None = None,
) -> ChainReport:
    """Checks all ticks from `first` to `last`, and the genesis if `first` is the first tick.

    `progress` is told the bytes done after every batch.
    """
    done, bad, last = 0, None, len(commits) if last is None else last
    if first <= 1:
        bad = _genesis(fd, genesis)
        done = genesis.bytes
    for tick in range(max(first, 1), last + 1):
        if bad:
            break
        row = commits.row(tick)
        bad = next(_batch(fd, row, _chain_before(fd, commits, tick, genesis)), None)
        done += row.end - row.batch_start
        if progress:
            progress(done)
    end = int(commits.end[-1]) if len(commits) else genesis.bytes
    checked = max(last - max(first, 1) + 1, 0)
    return ChainReport(checked, done, size_of(fd) - end, bad)


def _genesis(fd: int, genesis: Genesis) -> Fault | None:
    found = sha256(fd, 0, genesis.bytes)
    if found == genesis.sha256:
        return None
    return Fault("genesis", 0, 1, 0, genesis.sha256.hex(), found.hex())


def _chain_before(fd: int, commits: Commits, tick: int, genesis: Genesis) -> bytes:
    """The chain that stands in the commit before this one."""
    if tick == 1:
        return genesis.sha256
    row = commits.row(tick - 1)
    frame = parse_frame(os.pread(fd, row.end - row.commit_start, row.commit_start))
    return frame.chain if frame else b""


def _batch(fd: int, row: Row, before: bytes) -> Iterator[Fault]:
    raw = os.pread(fd, row.end - row.commit_start, row.commit_start)
    line = row.first_line + row.lines
    commit, frame = parse_commit(raw), parse_frame(raw)
    if commit is None or frame is None or not raw.endswith(b"\n"):
        yield Fault("commit", row.commit_start, line, row.tick, "a commit", _shown(raw))
        return
    counts = (row.tick, row.lines, row.commit_start - row.batch_start)
    if (commit.tick, commit.lines, commit.bytes) != counts:
        yield Fault("commit", row.commit_start, line, row.tick, str(counts), _shown(raw))
    digest, count = _digest(fd, row)
    if digest != commit.batch or count != row.lines:
        yield Fault(
            "batch", row.batch_start, row.first_line, row.tick, commit.batch.hex(), digest.hex()
        )
    if not chained(raw, frame, before):
        yield Fault("chain", row.commit_start, line, row.tick, before.hex(), commit.chain.hex())


def _digest(fd: int, row: Row) -> tuple[bytes, int]:
    """The batch's digest and its lines: newlines, a separating one (tick 1) aside."""
    digest, count, first = hashlib.sha256(), 0, b""
    for data in blocks(fd, row.batch_start, row.commit_start):
        first = first or data[:1]
        digest.update(data)
        count += data.count(b"\n")
    return digest.digest(), count - (first == b"\n")


def _shown(raw: bytes) -> str:
    return raw[:60].decode("utf-8", "backslashreplace")
