"""A log opened to be judged: what stands in it, and where it first is not what it should be.

Opening for a run forgives what a crash can leave and goes by the hint; nothing
is forgiven here, and no side file is believed but the pin, which must hold.
Lives here: pins and commits held against the bytes. Must not know: terms, ticks'
meaning; nothing is ever written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from automaton.format.records import Commit, Genesis, known_commit, parse_commit, parse_frame
from automaton.log import file_io, foreign_file, integrity, line_search, recovery
from automaton.log.byte_source import File, pread, size_of
from automaton.log.commit_scanner import CommitScanner
from automaton.log.file_io import FileOps, open_regular
from automaton.log.file_io import real as real_path
from automaton.log.integrity import Fault
from automaton.log.reader import LogReader
from automaton.log.segments.log_file import LogFile
from automaton.log.side_files import sidecars

_COMMIT = b'{"type":"commit","id":"'
SHOWN = 60  # bytes of a line that a fault shows
#: Bytes of segments that are looked at as one batch, where none is known to end.
LONGEST = 1 << 30


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What the file is taken for, and the first fault of its frame."""

    found: recovery.RecoveredLog
    fault: Fault | None = None


class AuditedLog(LogReader):
    """The commits that fit, the fault behind them if there is one, and what no commit covers."""

    def __init__(self, file: LogFile, path: str, judged: FileVerdict) -> None:
        super().__init__(file, path, judged.found)
        self.fault = judged.fault

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Opens for reading; a file that cannot be read is an error, a wrong one is not."""
        real = real_path(path)
        file = LogFile(real, open_regular(FileOps(), real, write=False))
        try:
            return cls(file, real, _judge(file, real))
        except BaseException:
            file.close()
            raise

    def check(
        self,
        first: int,
        last: int,
        progress: Callable[[int], object] | None = None,
        threads: int = 1,
    ) -> Fault | None:
        """The first fault in the batches of these ticks, the genesis included with tick 1."""
        report = integrity.check_integrity(
            self._file, self.genesis, self.commits, self.format, first, progress, last=last,
            threads=threads,
        )  # fmt: skip
        return report.first_bad

    def checked_commit(self, tick: int) -> Commit:
        """What a commit says whose line was checked before; it is not checked again."""
        return known_commit(self.commit_line(tick)) or self.commit(tick)

    def bytes_from(self, offset: int, stop: int | None = None) -> memoryview:
        """What stands in the file from a byte on: all of it, or what stands before `stop`.

        Of sealed segments, which are copied into memory, `LONGEST` bytes at most.
        """
        return self._file.mapped(offset, min(self._readable(offset), stop or sys.maxsize))

    def _readable(self, offset: int) -> int:
        """Up to where memory can be had for what stands from a byte on."""
        size = self._file.size()
        return size if offset >= self._file.header.start else min(size, offset + LONGEST)

    def tick_of_chain(self, head: bytes) -> int | None:
        """The tick after which the chain was `head`; 0 is the genesis."""
        if head == self.genesis.sha256:
            return 0
        for tick in range(len(self.commits), 0, -1):
            frame = parse_frame(self.commit_line(tick))
            if frame is not None and frame.chain == head:
                return tick
        return None

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _judge(file: File, path: str) -> FileVerdict:
    size = size_of(file)
    pinned = sidecars.read_pin(path)
    if pinned is None and sidecars.has_pin(path):
        return _bare(size, Fault("pin", 0, 1, 0, "a pin that can be read", "something else"))
    if pinned is None:
        judged = _without_pin(file, size)
        if judged.found.walk is None and judged.fault is None:
            foreign_file.refuse(file, path, size)
        return judged
    if pinned.bytes > size:
        fault = Fault("genesis", size, 1, 0, f"{pinned.bytes} bytes", f"{size} bytes")
        return _bare(size, fault)
    digest = file_io.sha256(file, 0, pinned.bytes)
    if digest != pinned.sha256:
        return _bare(size, Fault("genesis", 0, 1, 0, pinned.sha256.hex(), digest.hex()))
    return _followed(file, recovery.scan_commits(file, pinned, size), size)


def _bare(size: int, fault: Fault | None) -> FileVerdict:
    return FileVerdict(recovery.RecoveredLog(size, size=size), fault)


def _without_pin(file: File, size: int) -> FileVerdict:
    """The longest chain that begins with a run record; our records without one are a fault."""
    best, seen = recovery.best_chain(file, size)
    if best is None:
        for offset, raw in line_search.records(file, 0, size, _COMMIT):
            if parse_commit(raw) and (seen is None or offset < seen):
                seen = offset
        if seen is None:
            return _bare(size, None)
        line = _line_number(file, seen)
        due = "a chain that verifies"
        return _bare(size, Fault("records", seen, line, 1, due, "records alone"))
    walk = best
    longer = CommitScanner(file, walk.genesis, walk.prefix, walk.separator).follow(size)
    return _followed(file, longer, size)


def _followed(file: File, walk: CommitScanner, size: int) -> FileVerdict:
    """The commits that fit; a commit behind the first thing that does not makes it a fault."""
    genesis: Genesis = walk.genesis
    kept = walk if len(walk.commits) else None
    found = recovery.RecoveredLog(genesis.bytes, genesis, kept, size=size, tail_reason=walk.reason)
    if walk.end == size or recovery.later_commit(file, walk, size, 1) is None:
        return FileVerdict(found)
    offset, after = walk.stopped
    line = _line_number(file, genesis.bytes) - (1 - walk.separator) + after + 1
    tick = len(walk.commits) + 1
    raw = pread(file, SHOWN, offset).partition(b"\n")[0]
    shown = raw.decode("utf-8", "backslashreplace")
    return FileVerdict(found, Fault("commit", offset, line, tick, walk.reason, shown))


def _line_number(file: File, offset: int) -> int:
    """The number of the line that holds a byte."""
    return 1 + sum(data.count(b"\n") for data in file_io.blocks(file, 0, offset))
