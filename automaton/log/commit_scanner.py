"""Batches and their commits in the bytes of a log: the table, and the walk that fills it.

Lives here: following commits from the genesis on, and telling winner lines from
the few others without a Python step per winner. Must not know: pins, side files,
what to do about a batch that does not fit (`automaton.log.recovery` decides).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from automaton.format.ids import is_our_id
from automaton.format.objects import Object, object_id, parse_line
from automaton.format.records import Genesis, RunRecord, chained, parse_frame, parse_run
from automaton.format.versions import NEWEST, Format
from automaton.log import omission
from automaton.log.byte_source import File
from automaton.log.commit_table import CommitTable, NamedLine
from automaton.log.file_io import Buffer, whole_lines
from automaton.log.line_table import LineCounts
from automaton.log.prefix_hash import NO_PREFIX, HashedPrefix
from kernels import cpu
from kernels.text import line_scan

_NOTHING = omission.Stub(0, 0, b"")
_FOUND = 1024  # lines that are handed over at a time


@dataclass(slots=True)
class _OpenBatch:
    """The batch being read: what counts once its commit is there."""

    line: int
    named: list[NamedLine] = field(default_factory=list)
    run: RunRecord | None = None
    gap: tuple[int, omission.Stub, int] | None = None  # where, what it says, bytes of that line


class CommitScanner:
    """Follows the commits of a log as long as each one fits.

    Lengths, counts and the chain of commit lines are checked here; the digests of
    the batches, which cost a pass of SHA-256, are the caller's choice. Lines are
    numbered as in the whole log, those that are left out of the file included.
    """

    def __init__(self, file: File, genesis: Genesis, prefix: str, separator: int) -> None:
        self.genesis, self.prefix, self.separator = genesis, prefix, separator
        self.commits = CommitTable()
        self.named: list[NamedLine] = []
        self.run_lines: list[int] = []
        self.run: RunRecord | None = None
        self.chain, self.end, self.lines = genesis.sha256, genesis.bytes, 0
        self.reason = ""
        self.stopped = 0, 0  # byte and line (from 0 after the genesis) of what does not fit
        self._file = file
        self._others = OtherLineFinder(prefix)
        self._commit_head = f'{{"type":"commit","id":"{prefix}commit:'.encode()
        self._run_head = f'{{"type":"run","id":"{prefix}run:'.encode()
        self._open = _OpenBatch(0)
        self._left_out = 0  # lines that the file does not hold, since `follow` began

    @property
    def format(self) -> Format:
        """What the records are like; before the first run record the newest."""
        return self.run.format if self.run else NEWEST

    def begin(  # noqa: PLR0913, PLR0917 - the state of a walk
        self, commits: CommitTable, named: list[NamedLine], runs: list[int], run: RunRecord,
        chain: bytes, lines: int,
    ) -> None:  # fmt: skip
        """Go on behind commits that were followed before."""
        self.commits, self.named, self.run_lines, self.run = commits, named, runs, run
        self.chain, self.end, self.lines = chain, int(commits.end[-1]), lines
        self._open = _OpenBatch(lines)

    def follow(self, stop: int) -> CommitScanner:
        """Reads on to byte `stop` or to the first line that does not fit (`reason`)."""
        seen = self.lines
        self._open, self._left_out = _OpenBatch(seen), 0
        begin = self.end + (self.separator if not seen else 0)
        for base, data, used in whole_lines(self._file, begin, stop):
            for k, start, end in self._others.among(data, used):
                line = seen + k + self._left_out
                self._take(data[start:end].tobytes(), base + start, line)
                if self.reason:
                    self.stopped = base + start, line
                    return self
            seen += self._others.lines
        if self.end < stop:
            self.reason = "the last batch has no commit"
            self.stopped = self.end, self.lines
        return self

    def _take(self, raw: bytes, offset: int, line: int) -> None:
        if raw.startswith(self._commit_head):
            self.reason = self._close(raw, offset, line)
        elif raw.startswith(self._run_head):
            self.reason = self._start_run(parse_run(raw), line)
        elif raw.startswith(omission.HEAD) and (stub := omission.parse(raw)):
            self.reason = self._leave_out(stub, offset, len(raw) + 1)
        elif name := named(raw, self.prefix):
            self._open.named.append(NamedLine(line, offset, name[0]))

    def _start_run(self, run: RunRecord | None, line: int) -> str:
        if run is None or run.genesis != self.genesis or run.prefix != self.prefix:
            return "the run record does not belong to this genesis"
        if run.number != len(self.run_lines) + 1 or line != self._open.line:
            return "the run record is out of order"
        if self.run is not None and run.format is not self.run.format:
            return f"the run record has format {run.format.number}, and the log another"
        self._open.run = run
        return ""

    def _leave_out(self, stub: omission.Stub, offset: int, nbytes: int) -> str:
        if self._open.gap is not None:
            return "the batch leaves out winner lines in two places"
        self._open.gap = offset, stub, nbytes
        self._left_out += stub.lines - 1
        return ""

    def _close(self, raw: bytes, offset: int, line: int) -> str:
        """Takes the commit on this line, or says why it does not fit."""
        frame = parse_frame(raw)
        if frame is None:
            return "the commit cannot be read"
        if frame.tick != len(self.commits) + 1:
            return f"the commit says tick {frame.tick} where {len(self.commits) + 1} was due"
        _, stub, own = self._open.gap or (0, _NOTHING, 0)
        nbytes = offset - self.end + stub.bytes - own
        if (frame.bytes, frame.lines) != (nbytes, line - self._open.line):
            return "the commit counts other bytes and lines than its batch has"
        if not chained(raw, frame, self.chain):
            return "the commit's chain does not follow from what stands before it"
        if self._open.run is None and self.run is None:
            return "the first batch has no run record"
        self._accept(offset, offset + len(raw) + 1, frame.lines)
        self.chain = frame.chain
        return ""

    def _accept(self, commit_start: int, end: int, count: int) -> None:
        first = self._open.line
        gap, stub, own = self._open.gap or (0, _NOTHING, 0)
        self.commits.append(
            self.end, commit_start, end, first, count, gap, stub.lines, stub.bytes - own
        )
        self.named += self._open.named
        if self._open.run:
            self.run = self._open.run
            self.run_lines.append(first)
        self.end, self.lines = end, first + count + 1
        self._open = _OpenBatch(self.lines)


class OtherLineFinder:
    """Finds the lines of some whole ones that do not begin as winner lines do."""

    def __init__(self, prefix: str) -> None:
        self._head = np.frombuffer(f'{{"id":"{prefix}m'.encode(), np.uint8)
        self._found = np.empty((_FOUND, 3), np.int64)

    def among(self, data: NDArray[np.uint8], stop: int) -> Iterator[tuple[int, int, int]]:
        """Number (from 0), start and end (before its newline) of each such line.

        data[:stop] is whole lines. `lines` is their number once all were found.
        """
        at = self.lines = 0
        while at < stop:
            at, self.lines, count = cpu.compiled(line_scan.other_lines)(
                data, at, stop, self.lines, self._head, self._found
            )
            yield from map(tuple, self._found[:count].tolist())


def first_line(parts: Sequence[Buffer]) -> bytes:
    """The first line of a batch, as far as it stands in the first part that holds bytes."""
    for part in parts:
        if head := bytes(memoryview(part).cast("B")[: 1 << 16]):
            return head[: head.find(b"\n")]
    return b""


def named_in(
    parts: Sequence[Buffer],
    prefix: str,
    ids: Sequence[tuple[str | None, int]] | None,
    begun: HashedPrefix = NO_PREFIX,
) -> tuple[list[NamedLine], LineCounts]:
    """The named lines of a batch not yet written, and where its lines stand.

    Lines are counted from 0, offsets from the first byte. With `ids`, the caller
    says which they are, which saves looking at every line; what is `begun` is
    counted already.
    """
    finder, found, counts = OtherLineFinder(prefix), [], LineCounts()
    told = sorted(ids or (), key=lambda entry: entry[1])
    if ids is not None and (not told or told[0][1] >= begun.counts.lines):
        parts, counts = parts[len(begun.parts) :], begun.counts
    for part in parts:
        seen, base = counts.lines, counts.bytes
        counts = counts.more(part)
        data = np.frombuffer(part, np.uint8)
        if ids is None:
            found += [
                NamedLine(seen + k, base + start, name[0])
                for k, start, end in finder.among(data, len(data))
                if (name := named(data[start:end].tobytes(), prefix))
            ]
        starts = _starts(data) if told and told[0][1] < counts.lines else ()
        while told and told[0][1] < counts.lines:
            identity, number = told.pop(0)
            found.append(NamedLine(number, base + int(starts[number - seen]), identity))
    if told:
        raise ValueError(f"line {told[0][1]} is not among the {counts.lines} of the batch")
    return found, counts


def _starts(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where each of some whole lines begins."""
    return np.concatenate([np.zeros(1, np.int64), np.flatnonzero(data == ord("\n"))[:-1] + 1])


def named(raw: bytes, prefix: str) -> tuple[str | None] | None:
    """The id of a batch's line (None: an object without), or None for lines that are ours."""
    if raw.startswith((b'{"type":"run","id":"', b'{"type":"commit","id":"')):
        return None
    value = parse_line(raw)
    identity = object_id(value.members) if isinstance(value, Object) else ""
    if not isinstance(value, Object) or (identity is not None and is_our_id(identity, prefix)):
        return None
    return (identity,)
