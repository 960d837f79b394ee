"""Batches and their commits in the bytes of a log: the table, and the walk that fills it.

Lives here: following commits from the genesis on, and telling winner lines from
the few others without a Python step per winner. Must not know: pins, side files,
what to do about a batch that does not fit (`automaton.recovery` decides).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from automaton.disk import Buffer, lines
from automaton.objects import Object, object_id, parse_line
from automaton.records import Genesis, Run, chained, is_our_id, parse_frame, parse_run

_DIGITS = 24  # bytes looked at for `<tick>.<slot>"`; longer ones take the slow path


class Row(NamedTuple):
    """Where one tick's lines stand; lines are counted from 1 over the whole file."""

    tick: int
    batch_start: int
    commit_start: int
    end: int
    first_line: int
    lines: int


class Commits:
    """The table of commits: tick t is row t - 1. 40 bytes a commit."""

    def __init__(self) -> None:
        self._cells = np.zeros((64, 5), np.int64)
        self._count = 0
        self.genesis_lines = 0

    @classmethod
    def of(cls, cells: NDArray[np.int64]) -> Commits:
        """The table of these rows (see `cells`)."""
        commits = cls()
        commits._cells, commits._count = cells, len(cells)
        return commits

    def cells(self) -> NDArray[np.int64]:
        """The rows: batch, commit and end in bytes, first line after the genesis, lines."""
        return self._cells[: self._count]

    def __len__(self) -> int:
        return self._count

    def append(self, batch_start: int, commit_start: int, end: int, first: int, count: int) -> None:
        """`first` counts lines from 0 after the genesis."""
        if self._count == len(self._cells):
            self._cells = np.concatenate([self._cells, np.zeros_like(self._cells)])
        self._cells[self._count] = batch_start, commit_start, end, first, count
        self._count += 1

    def row(self, tick: int) -> Row:
        """Where one tick stands."""
        if not 1 <= tick <= self._count:
            raise IndexError(f"there is no commit of tick {tick}; the last is {self._count}")
        start, commit, end, first, count = (int(cell) for cell in self._cells[tick - 1])
        return Row(tick, start, commit, end, first + self.genesis_lines + 1, count)

    def tick_of_line(self, line: int) -> int:
        """The tick whose batch or commit holds this line; 0 is the genesis."""
        return int(np.searchsorted(self.first_line, line, side="right"))

    def tick_ending_at(self, offset: int) -> int:
        """The tick whose commit ends at this byte, or 0."""
        at = int(np.searchsorted(self.end, offset))
        return at + 1 if at < self._count and self.end[at] == offset else 0

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


class Walk:
    """Follows the commits of a log as long as each one fits.

    Lengths, counts and the chain of commit lines are checked here; the digests of
    the batches, which cost a pass of SHA-256, are the caller's choice.
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
        self._winner = _winner(prefix)
        self._commit_head = f'{{"type":"commit","id":"{prefix}commit:'.encode()
        self._run_head = f'{{"type":"run","id":"{prefix}run:'.encode()
        self._open = _Open(0)

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
        for block in lines(self._fd, self.end + (self.separator if not seen else 0), stop):
            for k in others(block.data, block.starts, self._winner).tolist():
                self._take(block.line(k), block.base + int(block.starts[k]), seen + k)
                if self.reason:
                    self.stopped = block.base + int(block.starts[k]), seen + k
                    return self
            seen += len(block.starts)
        if self.end < stop:
            self.reason = "the last batch has no commit"
            self.stopped = self.end, self.lines
        return self

    def _take(self, raw: bytes, offset: int, line: int) -> None:
        if raw.startswith(self._commit_head):
            self.reason = self._close(raw, offset, line)
        elif raw.startswith(self._run_head):
            self.reason = self._start_run(parse_run(raw), line)
        elif name := named(raw, self.prefix):
            self._open.named.append(Named(line, offset, name[0]))

    def _start_run(self, run: Run | None, line: int) -> str:
        if run is None or run.genesis != self.genesis or run.prefix != self.prefix:
            return "the run record does not belong to this genesis"
        if run.number != len(self.run_lines) + 1 or line != self._open.line:
            return "the run record is out of order"
        self._open.run = run
        return ""

    def _close(self, raw: bytes, offset: int, line: int) -> str:
        """Takes the commit on this line, or says why it does not fit."""
        frame = parse_frame(raw)
        if frame is None:
            return "the commit cannot be read"
        if frame.tick != len(self.commits) + 1:
            return f"the commit says tick {frame.tick} where {len(self.commits) + 1} was due"
        if (frame.bytes, frame.lines) != (offset - self.end, line - self._open.line):
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
        self.commits.append(self.end, commit_start, end, first, count)
        self.named += self._open.named
        if self._open.run:
            self.run = self._open.run
            self.run_lines.append(first)
        self.end, self.lines = end, first + count + 1
        self._open = _Open(self.lines)


def others(
    data: NDArray[np.uint8], starts: NDArray[np.int64], winner: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """The rows of the lines that do not begin with `winner`, digits, a dot, digits, a quote.

    Some winners may be among them: long numbers, and lines at the end of `data`.
    About 0.2 ms for 4,000 lines: the cost of opening is here.
    """
    width = len(winner)
    rest = np.ones(len(starts), np.bool_)
    seen = np.flatnonzero(starts <= len(data) - width - _DIGITS)
    if len(seen):
        heads = sliding_window_view(data, width)[starts[seen]]
        ours = seen[(heads == winner).all(axis=1)]
        after = sliding_window_view(data, _DIGITS)[starts[ours] + width]
        rest[ours[_numbered(after)]] = False
    return np.flatnonzero(rest)


def _numbered(after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which rows begin with `<tick>.<slot>"`."""
    digits = (after - np.uint8(ord("0"))) < 10
    row = np.arange(len(after))
    dot = digits.argmin(axis=1)
    fits = (dot > 0) & (after[row, dot] == ord("."))
    digits[row, dot] = True
    quote = digits.argmin(axis=1)
    return np.asarray(fits & (quote > dot + 1) & (after[row, quote] == ord('"')))


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
) -> tuple[list[Named], int]:
    """The named lines of a batch not yet written, and how many lines it holds.

    Lines are counted from 0, offsets from the first byte. With `ids`, the caller
    says which they are, which saves looking at every line.
    """
    winner, found, seen, base = _winner(prefix), [], 0, 0
    told = sorted(ids or (), key=lambda entry: entry[1])
    for part in parts:
        data = np.frombuffer(part, np.uint8)
        ends = np.flatnonzero(data == ord("\n"))
        if len(data) and (not len(ends) or int(ends[-1]) != len(data) - 1):
            raise ValueError("a part of the batch does not end with a whole line")
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])[: len(ends)]
        if ids is None:
            found += [
                Named(seen + k, base + int(starts[k]), name[0])
                for k in others(data, starts, winner).tolist()
                if (name := named(data[starts[k] : ends[k]].tobytes(), prefix))
            ]
        while told and told[0][1] < seen + len(ends):
            identity, number = told.pop(0)
            found.append(Named(number, base + int(starts[number - seen]), identity))
        seen, base = seen + len(ends), base + len(data)
    if told:
        raise ValueError(f"line {told[0][1]} is not among the {seen} of the batch")
    return found, seen


def named(raw: bytes, prefix: str) -> tuple[str | None] | None:
    """The id of a batch's line (None: an object without), or None for lines that are ours."""
    if raw.startswith((b'{"type":"run","id":"', b'{"type":"commit","id":"')):
        return None
    value = parse_line(raw)
    identity = object_id(value.members) if isinstance(value, Object) else ""
    if not isinstance(value, Object) or (identity is not None and is_our_id(identity, prefix)):
        return None
    return (identity,)


def _winner(prefix: str) -> NDArray[np.uint8]:
    return np.frombuffer(f'{{"id":"{prefix}m'.encode(), np.uint8)
