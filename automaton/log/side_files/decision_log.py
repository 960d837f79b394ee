"""Decisions beside a log: why what won has won, appended by any number of threads.

`<log>.decisions.jsonl` holds a line a decision; `<log>.decisions.index` 16 bytes a
line: a hash of its key and where it begins. One thread writes both, so lines
neither tear nor mix; many lines go out in one write (group commit). What runs decide
is derived from the log, what cycles decide is not. A line names its log by the chain
of the commit that it is of. Must not know what a decision is about.

Longer than 300 lines: writing, finding and the table of what was kept stand together.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Condition, Thread

import numpy as np

from automaton.errors import LockedError
from automaton.format.objects import Object, object_id, parse_line
from automaton.log.file_io import FileOps, blocks, write_all
from automaton.log.reader import LogReader
from automaton.log.side_files.torn_tail import FilePart, save_tail

#: Lines that may wait to be written; who appends more waits.
MOST_WAITING = 1 << 17
_BEGINS = b'{"id":"'  # every line of ours
_ENTRY = np.dtype([("key", "<u8"), ("at", "<u8")])
_CHAIN_LAST = re.compile(rb'"chain":"[0-9a-f]{64}"}\n')  # how lines of runs end


def paths(log: Path) -> tuple[Path, Path]:
    """The decisions of a log and their index."""
    real = os.path.realpath(log)
    return Path(f"{real}.decisions.jsonl"), Path(f"{real}.decisions.index")


def key_of(name: bytes) -> bytes:
    """The 64-bit hash under which a decision's lines are found."""
    return blake2b(name, digest_size=8).digest()


@dataclass
class _PendingLines:
    """Lines on their way to the file, and the ids that they are found by."""

    lines: list[bytes]
    keys: list[bytes]


class DecisionLog:
    """The writer. Threads may append at the same time; one process writes at a time.

    Who gives the opened log has what is not of it moved out of the way.
    """

    def __init__(
        self, path: Path, disk: FileOps | None = None, *, log: LogReader | None = None
    ) -> None:
        self._disk = disk or FileOps()
        self.notices: list[str] = []  # what was found and is worth saying
        path, index = paths(path)
        self._path = str(path)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        self._fd = self._disk.open(str(path), flags)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise LockedError(f"{path}: another process writes its decisions here") from None
        try:
            self._index = self._disk.open(str(index), flags)
        except OSError:
            os.close(self._fd)
            raise
        try:
            self._mend()
            if log is not None:
                self.set_apart(log)
        except OSError as error:
            os.close(self._fd)
            os.close(self._index)
            error.filename = error.filename or str(index)
            raise
        self._waiting = _PendingLines([], [])
        self._changed = Condition()
        self._taken = self._given = 0  # lines written, lines appended
        self._closing = False
        self._error: OSError | None = None
        self._thread = Thread(target=self._write, name="decisions", daemon=True)
        self._thread.start()

    def _mend(self) -> None:
        """Cut off a torn line and entries of lines that are not there; index what has none."""
        self._size = os.fstat(self._fd).st_size
        whole = _last_newline(self._fd, self._size)
        if whole < self._size:
            if not _begins_like_ours(os.pread(self._fd, len(_BEGINS), whole)):
                part = FilePart(self._fd, whole, self._size)
                moved = save_tail(self._disk, self._path, part, "other")
                self.notices.append(
                    f"{self._path} ended in what no run of this log wrote; moved to {moved}"
                )
            self._disk.ftruncate(self._fd, whole)
            self._size = whole
        entries = os.fstat(self._index).st_size // _ENTRY.itemsize
        while entries and _entry(self._index, entries - 1) >= self._size:
            entries -= 1
        self._disk.ftruncate(self._index, entries * _ENTRY.itemsize)
        self._index_from(_entry(self._index, entries - 1) if entries else 0, skip=entries > 0)

    def _index_from(self, at: int, *, skip: bool) -> None:
        """Index the lines from one on, by their ids: what a crash kept out of the index."""
        missing = []
        with os.fdopen(os.dup(self._fd), "rb") as file:
            file.seek(at)
            for line in file:
                if not skip:
                    parsed = parse_line(line)
                    name = object_id(parsed.members) if isinstance(parsed, Object) else None
                    missing.append(key_of((name or "").encode()) + at.to_bytes(8, "little"))
                skip, at = False, at + len(line)
        write_all(self._disk, self._index, missing)

    def set_apart(self, log: LogReader) -> None:
        """Take out what is not of the log; to be called before lines are appended.

        Lines of a run of the tick that is due, at the end, are what a crash leaves, and
        are cut off: they can be computed again. All else is copied first, from the first
        line that is not of the log on; what is of the log behind it is then put back.
        """
        found = _look(self._fd, log)
        if found.first < 0:
            return
        moved = None
        if found.own or not (found.first and found.crashed):
            part = FilePart(self._fd, found.first, self._size)
            moved = save_tail(self._disk, self._path, part, "other")
            self.notices.append(
                f"{self._path} held what is of another log of this name, or of ticks that this "
                f"one lost; moved to {moved}"
            )
        entries = range(os.fstat(self._index).st_size // _ENTRY.itemsize)
        kept = bisect_left(entries, found.first, key=lambda k: _entry(self._index, k))
        self._disk.ftruncate(self._index, kept * _ENTRY.itemsize)
        self._disk.ftruncate(self._fd, found.first)
        self._size = found.first
        if moved and found.own:
            self._put_back(moved, found)

    def _put_back(self, moved: str, found: _ForeignPart) -> None:
        """Append what is of the log again, from the copy of what stood behind."""
        with Path(moved).open("rb") as file:
            for start, stop in found.own:
                for data in blocks(file.fileno(), start - found.first, stop - found.first):
                    self._size += write_all(self._disk, self._fd, [data])
        self._index_from(found.first, skip=False)

    def append(self, lines: Sequence[bytes], keys: Sequence[bytes]) -> int:
        """Take lines with their newlines, and the id that stands in each; returns a ticket."""
        with self._changed:
            while self._given - self._taken > MOST_WAITING and self._error is None:
                self._changed.wait()
            if self._error is not None:
                raise self._error
            if not self._waiting.lines:
                self._changed.notify_all()
            self._waiting.lines += lines
            self._waiting.keys += keys
            self._given += len(lines)
            return self._given

    def wait(self, ticket: int) -> None:
        """Return when the lines up to a ticket are in the file."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken >= ticket or self._error is not None)
            if self._error is not None:
                raise self._error

    def flush(self) -> None:
        """Return when all lines so far are in the file."""
        with self._changed:
            ticket = self._given
        self.wait(ticket)

    def close(self) -> None:
        """Write what waits, end the thread, give the files back."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        os.close(self._fd)
        os.close(self._index)
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._put(batch)
            except OSError as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
            with self._changed:
                self._taken += len(batch.lines)
                self._changed.notify_all()

    def _next(self) -> _PendingLines | None:
        """All that waits, once something does; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting.lines or self._closing)
            batch, self._waiting = self._waiting, _PendingLines([], [])
        return batch if batch.lines else None

    def _put(self, batch: _PendingLines) -> None:
        sizes = np.fromiter(map(len, batch.lines), dtype=np.uint64, count=len(batch.lines))
        entries = np.empty(len(sizes), dtype=_ENTRY)
        entries["at"] = self._size + np.cumsum(sizes) - sizes
        entries["key"] = np.frombuffer(b"".join(map(key_of, batch.keys)), dtype="<u8")
        self._size += write_all(self._disk, self._fd, [b"".join(batch.lines)])
        write_all(self._disk, self._index, [entries.tobytes()])


@dataclass
class _ForeignPart:
    """What of a file is not of a log: where it begins (-1: nowhere), and what behind it is."""

    first: int
    own: list[tuple[int, int]]  # bytes, from and to
    crashed: bool  # all that is not: of a run, of the tick that is due


def _look(fd: int, log: LogReader) -> _ForeignPart:
    """Look at every line: no order of logs and ticks is taken for granted."""
    found, at, last = _ForeignPart(-1, [], crashed=True), 0, (b"", False)
    due = f"{log.prefix}m{len(log.commits) + 1}."
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        for line in file:
            chain = line[-76:]  # lines of a tick follow one another, and are of one log
            own, identity = (True, "") if (chain, True) == last else _whose(line, log)
            last = (chain, own and _CHAIN_LAST.fullmatch(chain) is not None)
            if not own:
                found.first = at if found.first < 0 else found.first
                found.crashed &= identity.startswith(due)
            elif found.first >= 0:
                joins = bool(found.own) and found.own[-1][1] == at
                start = found.own.pop()[0] if joins else at
                found.own.append((start, at + len(line)))
            at += len(line)
    return found


def _whose(line: bytes, log: LogReader) -> tuple[bool, str]:
    """Whether a line is of the log, and its id."""
    parsed = parse_line(line)
    members = parsed.members if isinstance(parsed, Object) else {}
    tick, name = members.get("tick"), members.get("id")
    own = False
    if type(tick) is int and 0 <= tick <= len(log.commits):
        own = log.chain_at(tick).hex() == members.get("chain")
    return own, name if isinstance(name, str) else ""


def _entry(fd: int, number: int) -> int:
    """Where the line of an entry begins."""
    raw = os.pread(fd, _ENTRY.itemsize, number * _ENTRY.itemsize)
    return int(np.frombuffer(raw, dtype=_ENTRY)["at"][0])


def _begins_like_ours(tail: bytes) -> bool:
    """Whether a line without its end may be one of ours that a crash cut."""
    return _BEGINS.startswith(tail) or tail.startswith(_BEGINS)


def _last_newline(fd: int, size: int) -> int:
    """The position behind the last newline before `size`; 0 where there is none."""
    end = size
    while end > 0:
        begin = max(0, end - (1 << 16))
        at = os.pread(fd, end - begin, begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0


def find(log: Path, name: bytes) -> Iterator[bytes]:
    """The lines of a key, in the order in which they were appended.

    One pass over the index: 16 bytes a decision, about a millisecond a million.
    """
    path, index = paths(log)
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        raw = index.read_bytes() if index.exists() else b""
        entries = np.frombuffer(raw[: len(raw) // 16 * 16], dtype=_ENTRY)
        wanted = np.frombuffer(key_of(name), dtype="<u8")[0]
        for at in entries["at"][entries["key"] == wanted].tolist():
            file.seek(at)
            line = file.readline()
            if line.endswith(b"\n"):
                yield line


def whole_lines(log: Path) -> Iterator[bytes]:
    """All whole lines beside a log, of whichever log they are; none where there is no file."""
    with contextlib.suppress(FileNotFoundError), paths(log)[0].open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))
