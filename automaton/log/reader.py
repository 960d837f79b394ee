"""An opened log as its readers see it: what it holds, by line, by tick and by id.

Lives here: the tables in memory and the way from them to bytes. Must not know:
locks, appending, durability, recovery's rules. `automaton.log.writer` opens it,
`automaton.log.line_access` finds lines of batches.

Longer than 300 lines: all tables of an opened log, and the ways from them to bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automaton.errors import DamagedError, FileError, OmittedError
from automaton.format.ids import is_our_id
from automaton.format.objects import Object, object_id, parse_line
from automaton.format.records import Commit, Genesis, RunRecord, parse_commit, parse_frame
from automaton.format.versions import NEWEST, Format
from automaton.log import (
    file_io,
    integrity,
    line_search,
    omission,
    recovery,
)
from automaton.log.commit_table import CommitRow, CommitTable
from automaton.log.genesis_index import indexed
from automaton.log.id_index import MALFORMED, NAMELESS
from automaton.log.line_access import LineAccess
from automaton.log.segments.log_file import LogFile
from automaton.log.segments.segment_reader import LogSegment
from automaton.log.side_files import sidecars, version_history
from automaton.log.side_files.inbox import inbox_lines


class LogReader:
    """Lines are numbered from 1 over the whole log and given without their newlines.

    Where winner lines are left out of the file, lines and batches are given as if they
    stood there: `refill`, where somebody set it, computes the batch of a tick again.
    """

    refill: Callable[[int], bytes] | None = None

    def __init__(self, file: LogFile, path: str, found: recovery.RecoveredLog) -> None:
        walk = found.walk
        self.path = path
        self.notices = [found.notice] if found.notice else []
        self.pinned, self.durable = found.pinned, found.durable
        self.commits: CommitTable = walk.commits if walk else CommitTable()
        self.run: RunRecord | None = walk.run if walk else None
        self.size = found.end
        self.tail_bytes = found.tail_bytes
        self._file, self._genesis = file, found.genesis
        self._genesis_bytes = found.genesis_bytes
        self._prefix = walk.prefix if walk else None
        self._chain: bytes | None = walk.chain if walk else None
        self._lines = LineAccess(file, self._separator, self._computed)
        self._enter_lines(found)
        self.last_commit = self._last_commit()

    def fileno(self) -> int:
        """The open file's descriptor, for calls that ask about it and need no name."""
        return self._file.fd

    def _enter_lines(self, found: recovery.RecoveredLog) -> None:
        try:
            run = found.walk.run if found.walk else None
            self.index, self.reading = indexed(self._file, self._genesis_bytes, run)
        except FileError as error:
            raise FileError(f"{self.path}: {error}") from None
        if self.reading.integers:
            self.notices.append("its ids are integers: each is read as its decimal text")
        self.commits.genesis_lines = self.index.line_count
        self.lines = self.index.line_count + (found.walk.lines if found.walk else 0)
        self.run_lines, self.named, self._nameless = array("q"), array("q"), 0
        if found.walk:
            first = self.index.line_count + 1
            self.run_lines.extend(line + first for line in found.walk.run_lines)
            for line, offset, identity in found.walk.named:
                self._name(identity, line + first, offset)

    def _name(self, identity: str | None, line: int, offset: int) -> None:
        self.named.append(line)
        if identity is None:
            self._nameless += 1
        else:
            self.index.add(identity, line, offset)

    def named_lines(self) -> Iterator[tuple[int, int, str | None]]:
        """Line, byte and id (None: an object without) of the lines that batches named."""
        for line in self.named:
            try:
                offset = self.index.offset(line)
            except IndexError:
                yield line, 0, None
                continue
            raw = line_search.line_at(self._file, offset, self.size)
            parsed = parse_line(raw or b"")
            yield line, offset, object_id(parsed.members) if isinstance(parsed, Object) else None

    def checkpoint_tables(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a checkpoint keeps of the log's own tables, after its last commit."""
        genesis, first = self.genesis, self.index.line_count + 1
        facts = {
            "tick": len(self.commits),
            "end": self.size,
            "sealed": self.sealed_bytes,
            "chain": self.head.hex(),
            "genesis": [genesis.bytes, genesis.sha256.hex()],
            "prefix": self.prefix,
            "lines": self.lines - self.index.line_count,
            "run": self.line(self.run_lines[-1]).decode("utf-8", "surrogateescape"),
            "runs": [line - first for line in self.run_lines],
            "named": [[line - first, *entry] for line, *entry in self.named_lines()],
        }
        return facts, {"commits": self.commits.cells().reshape(-1)}

    def _last_commit(self) -> Commit | None:
        if not len(self.commits):
            return None
        return self.commit(len(self.commits))

    def commit(self, tick: int) -> Commit:
        """What the commit of a tick says."""
        commit = parse_commit(self.commit_line(tick))
        if commit is None:
            start = self.commits.row(tick).commit_start
            raise DamagedError(
                f"{self.path} is damaged: at byte {start} stands no commit of ours; restore a copy",
                start,
            )
        return commit

    def versions(self) -> list[version_history.VersionEntry]:
        """Which version of the program wrote it, and from which tick on, as far as noted."""
        return version_history.read(self)

    def chain_at(self, tick: int) -> bytes:
        """The chain after a tick, 32 raw bytes; tick 0 is the genesis."""
        frame = parse_frame(self.commit_line(tick)) if tick else None
        return frame.chain if frame else self.genesis.sha256

    # What is known.

    @property
    def record(self) -> str | None:
        """What of the last batch stands in the file: `full` or `commits`; None: no batch."""
        count = len(self.commits)
        return None if not count else "commits" if self.omits(count) else "full"

    @property
    def sealed_bytes(self) -> int:
        """Bytes of the log up to its last commit, those that are left out of the file included."""
        return self.size + self.commits.more

    @property
    def genesis(self) -> Genesis:
        """Length and SHA-256 of what stood here before the first commit."""
        if self._genesis is None:
            digest = file_io.sha256(self._file, 0, self._genesis_bytes)
            self._genesis = Genesis(self._genesis_bytes, digest)
        return self._genesis

    @property
    def format(self) -> Format:
        """What its records are like; a log that never ran has the newest."""
        return self.run.format if self.run else NEWEST

    @property
    def prefix(self) -> str:
        """What our ids begin with here."""
        if self._prefix is None:
            self._prefix = line_search.prefix_for(self._file, self._genesis_bytes)
        return self._prefix

    @property
    def head(self) -> bytes:
        """The chain, 32 raw bytes: who knows it knows the whole file."""
        return self.genesis.sha256 if self._chain is None else self._chain

    @property
    def object_count(self) -> int:
        """Objects of the genesis and those that batches named, each once; winners not."""
        return self.index.ids + len(self.index.lines_without_id(NAMELESS)) + self._nameless

    @property
    def run_count(self) -> int:
        """Run records so far."""
        return len(self.run_lines)

    @property
    def genesis_line_count(self) -> int:
        """Lines of the genesis; one without a final newline counts."""
        return self.index.line_count

    def genesis_in_place(self) -> bool:
        """Whether the pin on disk says what this log was opened with."""
        return sidecars.read_pin(self.path) == self.genesis

    # Reading.

    def malformed_lines(self) -> NDArray[np.int64]:
        """The numbers of the genesis' lines that do not parse."""
        return self.index.lines_without_id(MALFORMED)

    def nameless_lines(self) -> NDArray[np.int64]:
        """The numbers of the genesis' lines that are objects without an id."""
        return self.index.lines_without_id(NAMELESS)

    def genesis_lines(self) -> Iterator[tuple[int, bytes]]:
        """Every line of the genesis with its number."""
        number = 0
        for block in file_io.lines(self._file, 0, self._genesis_bytes, unfinished=True):
            for k in range(len(block.starts)):
                number += 1
                yield number, block.line(k)

    def genesis_bytes(self) -> memoryview:
        """The bytes before the first batch."""
        return self._file.mapped(0, self._genesis_bytes)

    def batch(self, tick: int) -> memoryview:
        """The bytes that the tick's commit seals, a separating newline (tick 1) included."""
        return self._lines.batch(self.commits.row(tick))

    def batches(self, first: int, last: int) -> memoryview:
        """What stands in the file of some ticks, their commits included; they omit nothing."""
        return self._file.mapped(self.commits.row(first).batch_start, self.commits.row(last).end)

    def sealed_file(self, block: int) -> Iterator[memoryview]:
        """What stands in the file up to the last commit, so many bytes at a time."""
        for start in range(0, self.size, block):
            yield self._file.mapped(start, min(self.size, start + block))

    def _computed(self, tick: int) -> bytes:
        if self.refill is None:
            raise self._omitted_lines()
        return self.refill(tick)

    def _omitted_lines(self) -> OmittedError:
        return OmittedError(
            f"{self.path} was written with --record commits: its winner lines are not in the "
            f"file; write it whole with `replay LOG --to {len(self.commits)} --out FILE`, and "
            "give FILE here"
        )

    def omits(self, tick: int) -> bool:
        """Whether the winner lines of a tick are left out of the file."""
        return self.commits.row(tick).gap > 0

    def kept(self, tick: int) -> omission.KeptLines:
        """What of such a tick stands in the file."""
        row = self.commits.row(tick)
        return omission.read_kept(self._file, row.batch_start, row.gap, row.commit_start)

    def hold(self, tick: int, batch: bytes) -> None:
        """Keep a batch that the file leaves out in memory, as long as there is room."""
        self._lines.hold(tick, batch)

    def batch_lines(self, tick: int) -> Iterator[tuple[int, bytes]]:
        """The lines of a tick's batch with their numbers."""
        row = self.commits.row(tick)
        return ((n, self.line(n)) for n in range(row.first_line, row.first_line + row.lines))

    def blocks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of a range as they stand in the file, a block at a time."""
        return file_io.blocks(self._file, start, stop)

    def lines_between(self, start: int, stop: int) -> Iterator[file_io.Lines]:
        """The lines of a range as they stand in the file, the last one whole or not."""
        return file_io.lines(self._file, start, stop, unfinished=True)

    def end_of(self, tick: int) -> int:
        """The byte behind a tick's commit; of tick 0: behind the genesis."""
        return self.commits.row(tick).end if tick else self._genesis_bytes

    @property
    def separator(self) -> int:
        """1 where the genesis lacks its newline, with which the first batch begins then."""
        return self._separator(1)

    def is_read_to_end(self) -> bool:
        """Whether the file under the log's name holds no more than was read of it."""
        grown = self._file.size() > self.size + self.tail_bytes
        return self._file.stands_under_name() and not grown

    @property
    def segments(self) -> tuple[LogSegment, ...]:
        """The sealed segments, which the active file goes on behind."""
        return self._file.segments

    def place(self, offset: int) -> str:
        """Where a byte of the log stands, as a note: nothing where it is the log's own file."""
        start = self._file.header.start
        return f"byte {offset} stands in {self._file.where(offset)}" if offset < start else ""

    @property
    def active_start(self) -> int:
        """The byte of the log at which its active file begins."""
        return self._file.header.start

    def offset(self, number: int) -> int:
        """The byte at which a line begins; of one left out: the line that stands for it."""
        return self._span(number)[0]

    def line(self, number: int) -> bytes:
        """One line of the log, whichever."""
        row = self._row_of(number)
        if row is not None and self._lines.is_whole(row, number):
            return self._lines.line(row, number)
        start, stop = self._span(number)
        return self._file.pread(stop - start, start)

    def _row_of(self, number: int) -> CommitRow | None:
        tick = self.commits.tick_of_line(number)
        return self.commits.row(tick) if tick else None

    def _span(self, number: int) -> tuple[int, int]:
        if not 1 <= number <= self.lines:
            raise IndexError(f"there is no line {number}; the log has {self.lines}")
        if number <= self.index.line_count:
            start = self.index.offset(number)
            raw = line_search.line_at(self._file, start, self._genesis_bytes)
            return start, self._genesis_bytes if raw is None else start + len(raw)
        row = self.commits.row(self.commits.tick_of_line(number))
        return self._lines.span(row, number)

    def _separator(self, tick: int) -> int:
        return line_search.separator(self._file, self._genesis_bytes) if tick == 1 else 0

    def commit_line(self, tick: int) -> bytes:
        """The line of a tick's commit, its newline included."""
        row = self.commits.row(tick)
        return self._file.pread(row.end - row.commit_start, row.commit_start)

    def find(self, identity: str) -> list[int]:
        """The lines of all versions of an id, ascending."""
        if is_our_id(identity, self.prefix):
            return self._find_ours(identity.removeprefix(self.prefix))
        return self.index.lines_of(identity)

    def _find_ours(self, rest: str) -> list[int]:
        kind, _, number = rest.partition(":") if ":" in rest else ("m", "", rest[1:])
        n = int(number.partition(".")[0])
        if kind != "m":
            return self._find_record(kind, n)
        made = self._find_made(n, rest)
        return [] if made is None else [made[0]]

    def _find_record(self, kind: str, n: int) -> list[int]:
        if kind == "run":
            return [self.run_lines[n - 1]] if 1 <= n <= len(self.run_lines) else []
        if not 1 <= n <= len(self.commits):
            return []
        row = self.commits.row(n)
        return [row.first_line + row.lines]

    def made(self, identity: str) -> tuple[int, bytes] | None:
        """The line that a tick gave an id of ours (`m7.3`), and its number."""
        rest = identity.removeprefix(self.prefix)
        if ":" in rest or not is_our_id(identity, self.prefix):
            return None
        return self._find_made(int(rest[1:].partition(".")[0]), rest)

    def _find_made(self, n: int, rest: str) -> tuple[int, bytes] | None:
        """The line of a winner, or of another that was made in a tick, and its number."""
        if not 1 <= n <= len(self.commits):
            return None
        return self._lines.find_made(self.commits.row(n), self.prefix, rest)

    def current(self, identity: str) -> bytes | None:
        """The last version of an id that parses."""
        for number in reversed(self.find(identity)):
            raw = self.line(number)
            if isinstance(parse_line(raw), Object):
                return raw
        return None

    def inbox_lines(self, offset: int) -> tuple[list[bytes], int]:
        """Complete lines of the inbox from `offset` on, and the offset after them."""
        return inbox_lines(self.path, offset)

    def verify_chain(
        self,
        from_tick: int | None = None,
        progress: Callable[[int], object] | None = None,
        threads: int = 1,
    ) -> integrity.ChainReport:
        """Checks all bytes of the genesis and of every batch (from a tick on: of these)."""
        return integrity.check_integrity(
            self._file, self.genesis, self.commits, self.format, from_tick or 1, progress,
            threads=threads,
        )  # fmt: skip
