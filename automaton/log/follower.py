"""A log that is read while its writer goes on: opened once, then read further and further.

Lives here: taking in commits that were appended since, told how far they reach
(`grow`, for who judges) or as far as they are whole (`catch_up`, for who looks). Must
not know: what a batch means, who writes, or what is said of a fault; nothing is ever
written.
"""

from __future__ import annotations

import os
from typing import Self

from automaton.errors import StorageError
from automaton.log import file_io, recovery
from automaton.log.audit import SHOWN, AuditedLog, FileVerdict
from automaton.log.commit_scanner import CommitScanner
from automaton.log.directory_entry import DirectoryEntry
from automaton.log.integrity import Fault
from automaton.log.segments.log_file import LogFile
from automaton.log.side_files import sidecars


class LogFollower(AuditedLog):
    """The commits up to a byte that the writer says it has come to.

    What the writer says is a reason to look, and nothing more: a byte that the
    commits in the file do not reach is a fault.
    """

    _walk: CommitScanner | None = None

    def __init__(self, file: LogFile, path: str, judged: FileVerdict) -> None:
        super().__init__(file, path, judged)
        self._entry = DirectoryEntry(path, file.fd)

    def close(self) -> None:
        """Lets go of the file and its folder."""
        self._entry.close()
        super().close()

    @classmethod
    def beside(cls, path: str | os.PathLike[str]) -> Self:
        """Opens as readers do: by the checkpoint, and what a crash can leave is forgiven."""
        real = file_io.real(path)
        file = LogFile(real, file_io.open_regular(file_io.FileOps(), real, write=False))
        try:
            return cls(file, real, FileVerdict(recovery.recover(file, real)))
        except BaseException:
            file.close()
            raise

    def catch_up(self) -> int:
        """Take in the commits that are whole by now; how many.

        A tick that is being written waits for its commit. Raises `StorageError` where the
        file is another one by now, or shorter than it was.
        """
        self._stand_under_name()
        end, before = self._file.size(), len(self.commits)
        if end < self.size:
            raise StorageError(f"{self.path} is shorter than it was: it was cut or written anew")
        walk = self._walk or self._behind()
        if walk is None or end == self.size:
            return 0
        self._walk = walk
        runs = len(walk.run_lines)
        walk.reason = ""  # a tail without its commit is no reason to stop for good
        walk.follow(end)
        if len(walk.commits) > before:
            self._take_in(walk, runs)
        self.tail_bytes = end - self.size
        hint = sidecars.read_hint(self.path)
        if hint is not None and self.durable < hint.offset <= self.size:
            self.durable = hint.offset
        return len(self.commits) - before

    def changed(self) -> bool:
        """Whether the file of this name is longer than what is known of it, tail included."""
        return self._file.size() != self.size + self.tail_bytes

    def grow(self, end: int) -> Fault | None:
        """Take in the commits up to byte `end`; the first thing that does not fit."""
        if self.fault is not None or end <= self.size:
            return self.fault
        self._stand_under_name()
        walk = self._walk or self._behind()
        if walk is None:
            return Fault("records", end, self.lines + 1, 1, "a first commit", "none that fits")
        self._walk = walk
        runs = len(walk.run_lines)
        walk.follow(end)
        self._take_in(walk, runs)
        if walk.end < end:
            self.fault = self._at(walk)
        return self.fault

    def _stand_under_name(self) -> None:
        """What is read is the file of this name, or one that it goes on with: none unseen."""
        if fault := self._entry.fault():
            if not self._file.follow():
                raise StorageError(f"{self.path} was {fault}")
            self._entry.lead_to(self._file.fd)

    def _behind(self) -> CommitScanner | None:
        """A walk that goes on behind what opening found; None where there was no commit."""
        run, prefix = self.run, self.prefix
        if run is None or not len(self.commits):
            return None
        walk = CommitScanner(self._file, self.genesis, prefix, self._separator(1))
        first = self.genesis_line_count + 1
        runs = [line - first for line in self.run_lines]
        walk.begin(self.commits, [], runs, run, self.head, self.lines - self.genesis_line_count)
        return walk

    def _take_in(self, walk: CommitScanner, runs: int) -> None:
        """What the walk found since there were so many run records, in the tables."""
        first = self.genesis_line_count + 1
        for line, offset, identity in walk.named:
            self._name(identity, line + first, offset)
        walk.named.clear()
        self.run_lines.extend(line + first for line in walk.run_lines[runs:])
        self.run, self._chain = walk.run, walk.chain
        self.size, self.lines = walk.end, self.genesis_line_count + walk.lines
        self.last_commit = self._last_commit()
        self.tail_bytes = 0

    def _at(self, walk: CommitScanner) -> Fault:
        """The place where a walk stopped short of what the writer says it wrote."""
        offset, after = walk.stopped
        raw = b"".join(file_io.blocks(self._file, offset, offset + SHOWN)).partition(b"\n")[0]
        shown = raw.decode("utf-8", "backslashreplace")
        line = self.genesis_line_count + after + 1
        return Fault("commit", offset, line, len(walk.commits) + 1, walk.reason, shown)
