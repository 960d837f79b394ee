"""Batches and their commits in the bytes of a log: the table, and the walk that fills it.

Lives here: following commits from the genesis on, and telling winner lines from
the few others without a Python step per winner. Must not know: pins, side files,
what to do about a batch that does not fit (`automaton.log.recovery` decides).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from automaton.format.objects import Object, object_id, parse_line
from automaton.format.records import Genesis, Run, chained, is_our_id, parse_frame, parse_run
from automaton.log import omission
from automaton.log.file_io import Buffer, whole_lines
from automaton.log.prefix_hash import NOTHING, Begun, count_lines
from kernels import cpu
from kernels.text import line_scan

_NOTHING = omission.Stub(0, 0, b"")
_FOUND = 1024  # lines that are handed over at a time


class Row(NamedTuple):
    """Where one tick's lines stand; lines are counted from 1 over the whole file."""

    tick: int
    batch_start: int
    commit_start: int
    end: int
    first_line: int
    lines: int  # of the whole batch
    gap: int = 0  # byte of the line that stands for winner lines; 0: all stand in the file
    omitted: int = 0  # lines that it stands for
    more: int = 0  # bytes by which the whole batch is longer than what stands of it


class Commits:
    """The table of commits: tick t is row t - 1. 64 bytes a commit."""

    COLUMNS = 8

    def __init__(self) -> None:
        self._cells = np.zeros((64, self.COLUMNS), np.int64)
        self._count = 0
        self.genesis_lines = 0
        self.more = 0  # bytes by which all batches together are longer than their file
        self.omitting = 0  # batches that leave something out of it

    @classmethod
    def of(cls, cells: NDArray[np.int64]) -> Commits:
        """The table of these rows (see `cells`)."""
        commits = cls()
        commits._cells, commits._count = cells, len(cells)
        commits.more = int(cells[:, 7].sum())
        commits.omitting = int(np.count_nonzero(cells[:, 5]))
        return commits

    def cells(self) -> NDArray[np.int64]:
        """The rows: batch, commit and end in bytes, first line after the genesis, lines.

        Then the last three of `Row`.
        """
        return self._cells[: self._count]

    def __len__(self) -> int:
        return self._count

    def append(  # noqa: PLR0913, PLR0917 - a row
        self, batch_start: int, commit_start: int, end: int, first: int, count: int,
        gap: int = 0, omitted: int = 0, more: int = 0,
    ) -> None:  # fmt: skip
        """`first` counts lines from 0 after the genesis."""
        if self._count == len(self._cells):
            self._cells = np.concatenate([self._cells, np.zeros_like(self._cells)])
        places = batch_start, commit_start, end
        self._cells[self._count] = *places, first, count, gap, omitted, more
        self._count += 1
        self.more += more
        self.omitting += gap > 0

    def row(self, tick: int) -> Row:
        """Where one tick stands."""
        if not 1 <= tick <= self._count:
            raise IndexError(f"there is no commit of tick {tick}; the last is {self._count}")
        start, commit, end, first, *rest = (int(cell) for cell in self._cells[tick - 1])
        return Row(tick, start, commit, end, first + self.genesis_lines + 1, *rest)

    def tick_of_line(self, line: int) -> int:
        """The tick whose batch or commit holds this line; 0 is the genesis."""
        return int(np.searchsorted(self.first_line, line, side="right"))

    def tick_ending_at(self, offset: int) -> int:
        """The tick whose commit ends at this byte, or 0."""
        at = int(np.searchsorted(self.end, offset))
        return at + 1 if at < self._count and self.end[at] == offset else 0

    def more_until(self, tick: int) -> int:
        """`more` of the batches up to a tick."""
        return int(self._cells[:tick, 7].sum())

    @property
    def tick(self) -> NDArray[np.int64]:
        """Ticks, from 1."""
        return np.arange(1, self._count + 1)

    @property
    def batch_start(self) -> NDArray[np.int64]:
        """Byte at which each batch begins, a separating newline included."""
        return self._cells[: self._count, 0]

    @property
    def commit_start(self) -> NDArray[np.int64]:
        """Byte at which each commit's line begins."""
        return self._cells[: self._count, 1]

    @property
    def end(self) -> NDArray[np.int64]:
        """Byte after each commit's newline."""
        return self._cells[: self._count, 2]

    @property
    def first_line(self) -> NDArray[np.int64]:
        """Number of each batch's first line."""
        return self._cells[: self._count, 3] + (self.genesis_lines + 1)

    @property
    def lines(self) -> NDArray[np.int64]:
        """Lines of each batch, its commit not counted."""
        return self._cells[: self._count, 4]

    @property
    def gap(self) -> NDArray[np.int64]:
        """Byte of each batch's line that stands for its winners; 0 where they stand there."""
        return self._cells[: self._count, 5]


class Named(NamedTuple):
    """A line of a batch that is neither winner nor record; `line` from 0 after the genesis."""

    line: int
    offset: int
    id: str | None


@dataclass(slots=True)
class _Open:
    """The batch being read: what counts once its commit is there."""

    line: int
    named: list[Named] = field(default_factory=list)
    run: Run | None = None
    gap: tuple[int, omission.Stub, int] | None = None  # where, what it says, bytes of that line


class Walk:
    """Follows the commits of a log as long as each one fits.

    Lengths, counts and the chain of commit lines are checked here; the digests of
    the batches, which cost a pass of SHA-256, are the caller's choice. Lines are
    numbered as in the whole log, those that are left out of the file included.
    """

    def __init__(self, fd: int, genesis: Genesis, prefix: str, separator: int) -> None:
        self.genesis, self.prefix, self.separator = genesis, prefix, separator
        self.commits = Commits()
        self.named: list[Named] = []
        self.run_lines: list[int] = []
        self.run: Run | None = None
        self.chain, self.end, self.lines = genesis.sha256, genesis.bytes, 0
        self.reason = ""
        self.stopped = 0, 0  # byte and line (from 0 after the genesis) of what does not fit
        self._fd = fd
        self._others = Others(prefix)
        self._commit_head = f'{{"type":"commit","id":"{prefix}commit:'.encode()
        self._run_head = f'{{"type":"run","id":"{prefix}run:'.encode()
        self._open = _Open(0)
        self._left_out = 0  # lines that the file does not hold, since `follow` began

    def begin(  # noqa: PLR0913, PLR0917 - the state of a walk
        self, commits: Commits, named: list[Named], runs: list[int], run: Run, chain: bytes,
        lines: int,
    ) -> None:  # fmt: skip
        """Go on behind commits that were followed before."""
        self.commits, self.named, self.run_lines, self.run = commits, named, runs, run
        self.chain, self.end, self.lines = chain, int(commits.end[-1]), lines
        self._open = _Open(lines)

    def follow(self, stop: int) -> Walk:
        """Reads on to byte `stop` or to the first line that does not fit (`reason`)."""
        seen = self.lines
        self._open, self._left_out = _Open(seen), 0
        begin = self.end + (self.separator if not seen else 0)
        for base, data, used in whole_lines(self._fd, begin, stop):
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
            self._open.named.append(Named(line, offset, name[0]))

    def _start_run(self, run: Run | None, line: int) -> str:
        if run is None or run.genesis != self.genesis or run.prefix != self.prefix:
            return "the run record does not belong to this genesis"
        if run.number != len(self.run_lines) + 1 or line != self._open.line:
            return "the run record is out of order"
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
        self._open = _Open(self.lines)


class Others:
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
    begun: Begun = NOTHING,
) -> tuple[list[Named], int]:
    """The named lines of a batch not yet written, and how many lines it holds.

    Lines are counted from 0, offsets from the first byte. With `ids`, the caller
    says which they are, which saves looking at every line; what is `begun` is
    counted already.
    """
    finder, found, seen, base = Others(prefix), [], 0, 0
    told = sorted(ids or (), key=lambda entry: entry[1])
    if ids is not None and (not told or told[0][1] >= begun.lines):
        parts, seen, base = parts[len(begun.parts) :], begun.lines, begun.bytes
    for part in parts:
        count = count_lines(part)
        data = np.frombuffer(part, np.uint8)
        if ids is None:
            found += [
                Named(seen + k, base + start, name[0])
                for k, start, end in finder.among(data, len(data))
                if (name := named(data[start:end].tobytes(), prefix))
            ]
        starts = _starts(data) if told and told[0][1] < seen + count else ()
        while told and told[0][1] < seen + count:
            identity, number = told.pop(0)
            found.append(Named(number, base + int(starts[number - seen]), identity))
        seen, base = seen + count, base + len(data)
    if told:
        raise ValueError(f"line {told[0][1]} is not among the {seen} of the batch")
    return found, seen


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
