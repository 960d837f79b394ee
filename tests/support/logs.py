"""Small logs for the tests of the package log: a genesis, and ticks written by a rule."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from automaton.format.records import OUTCOMES, Commit, CommitFields
from automaton.log import Log
from automaton.log.file_io import Buffer, FileOps

GENESIS = b'{"id":"a","type":"automaton"}\n{"id":"b","text":"x"}\n'
OPTIONS = {"seed": 0, "parallel": 4}


def fields(tick: int) -> CommitFields:
    """The fields of a tick, a function of the tick alone."""
    outcomes = dict.fromkeys(OUTCOMES, 0) | {"normal": 3, "empty": tick}
    state = {"automaton": "a", "entered": tick, "note": 'λ"\\\n\ud800', "weights": [1, 2**40]}
    return CommitFields(tick, outcomes, tick % 8, state, tick * 0x9E3779B97F4A7C15)


def batch(log: Log, tick: int) -> list[bytes]:
    """The lines of a tick: a run record in the first, input, winners, an action's line."""
    winner = f'{{"id":"{log.prefix}m{tick}.%d","type":"modification","term":"λ0"}}\n'
    return [
        *([log.run_record(OPTIONS)] if tick == 1 else []),
        b'{"type":"text","id":"input-%d"}\n' % tick,
        *((winner % slot).encode() for slot in (0, 2, 10)),
        b'{"id":"a","type":"automaton","tick":%d}\n' % tick,
        (winner % 11).encode(),
        b'{"type":"text","text":"nameless"}\n',
    ]


def append(log: Log, tick: int) -> Commit:
    """Append one tick."""
    lines = batch(log, tick)
    return log.append(lines, len(lines), fields(tick))


def write(path: Path, ticks: int, genesis: bytes = GENESIS, **options: object) -> bytes:
    """Make a log with this many ticks; its bytes."""
    path.write_bytes(genesis)
    with Log.open(path, write=True, **options) as log:  # type: ignore[arg-type]
        for tick in range(1, ticks + 1):
            append(log, tick)
    return path.read_bytes()


def ends(path: Path) -> list[int]:
    """Where the genesis and each commit end."""
    with Log.open(path, write=False) as log:
        return [log.genesis.bytes, *log.commits.end.tolist()]


def side(path: Path, suffix: str) -> Path:
    """A file beside the log."""
    return path.with_name(path.name + suffix)


class Quick(FileOps):
    """A disk that makes nothing durable, for tests that open a log a thousand times."""

    def fdatasync(self, fd: int) -> None:
        """Nothing."""

    def sync_folder(self, path: str) -> None:
        """Nothing."""


class Faulty(FileOps):
    """A disk that takes `room` bytes of the log, then fails with `number`.

    `short` bytes at most are taken at a time, and every second write is
    interrupted when `interrupts` is set.
    """

    def __init__(
        self, *, room: int | None = None, number: int = errno.ENOSPC, short: int = 1 << 30,
        interrupts: bool = False,
    ) -> None:  # fmt: skip
        self.room, self.number, self.short, self.interrupts = room, number, short, interrupts
        self.calls = 0
        self.sync_error = 0

    def write(self, fd: int, parts: Sequence[Buffer]) -> int:
        """Take a part of the first buffer, or refuse."""
        self.calls += 1
        if self.interrupts and self.calls % 2:
            raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))
        size = min(len(parts[0]), self.short)
        if self.room is not None:
            if self.room == 0:
                raise OSError(self.number, os.strerror(self.number))
            size = min(size, self.room)
            self.room -= size
        return super().write(fd, [memoryview(parts[0])[:size]])

    def fdatasync(self, fd: int) -> None:
        """Refuse when told to."""
        if self.sync_error:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        super().fdatasync(fd)
