"""A copy of an island's log that grows by pieces, wherever they come from.

A piece is bytes of the log and where they stand. One that is there already is passed
over, one that leaves a gap is refused, and so is one that the log's chain does not go on
with. Touches the disk. Must not know: where pieces come from, runs.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from automaton.errors import AutomatonError
from automaton.islands.archipelago import Archipelago
from automaton.log import LogFollower, LogReader, file_io

_FILES = file_io.FileOps()


class LogPiece(NamedTuple):
    """Bytes of a log's file, and the byte at which they stand there."""

    at: int
    data: bytes


class Gain(NamedTuple):
    """What an island's log gained by an epoch."""

    island: int
    epoch: int
    piece: LogPiece


def piece_of(archipelago: Archipelago, log: LogReader, epoch: int) -> LogPiece:
    """What an epoch left in a log's file: a pure function of the log."""
    start = log.end_of(archipelago.first_tick(epoch) - 1)
    stop = log.end_of(archipelago.last_tick(epoch))
    return LogPiece(start, b"".join(log.blocks(start, stop)))


class LogCopy:
    """The copy under a name; whatever follows its last whole commit is cut off."""

    def __init__(self, path: Path) -> None:
        self.path, self._fd = path, os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            file_io.lock(self._fd, str(path))
            self._reader = LogFollower.beside(path)
            os.ftruncate(self._fd, self._reader.size)
            self._reopen()
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def tick(self) -> int:
        """The last tick that it holds."""
        return len(self._reader.commits)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._reader.size

    def add(self, piece: LogPiece) -> bool:
        """Take a piece in; False where the copy does not go on with it, and stays as it was."""
        end = piece.at + len(piece.data)
        if end <= self.size:
            return True
        if piece.at > self.size:
            return False
        before = self.size
        os.lseek(self._fd, before, os.SEEK_SET)
        try:
            file_io.write_all(_FILES, self._fd, [piece.data[before - piece.at :]])
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._fd, before)
            raise file_io.refusal(
                error, str(self.path), end - before, "the copy ends with a whole tick"
            ) from None
        if self._reaches(end):
            return True
        os.ftruncate(self._fd, before)
        self._reopen()
        return False

    def _reaches(self, end: int) -> bool:
        """Whether the commits in the file go on to this byte."""
        try:
            if self.tick:
                self._reader.catch_up()
            else:  # a follower goes on behind a commit
                self._reopen()
        except AutomatonError:
            return False
        return self._reader.size == end

    def _reopen(self) -> None:
        self._reader.close()
        self._reader = LogFollower.beside(self.path)

    def sync(self) -> None:
        """Return when all of it is on the medium."""
        _FILES.fdatasync(self._fd)

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        os.close(self._fd)
