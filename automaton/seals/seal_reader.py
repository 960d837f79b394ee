"""A file of others and the seal beside it, read: commits, batches, the parts they lie in.

FILE.seal holds commits over the bytes of FILE, which nobody here changes. Where FILE was
rotated or truncated, what bore its name before is an earlier part, and is looked for among
its neighbours. Lives here: a seal opened for reading. Must not know: who writes it, trees.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

from automaton.digests.batch_digest import PageTree
from automaton.digests.merkle import root
from automaton.errors import DamagedError, FileError, UsageError, whole_number
from automaton.proofs import prover
from automaton.proofs.inclusion import Batch
from automaton.seals.seal_records import (
    APPENDED,
    SealCommit,
    chain_of,
    chained,
    is_header,
    parse_commit,
    parse_pages,
)
from automaton.seals.seal_subject import is_log

SUFFIX = ".seal"
_LINE, _COMMIT = "line:", "commit:"
_BLOCK = 1 << 20  # bytes read at a time


def is_sealed(path: Path) -> bool:
    """Whether there is a seal beside a file which is no log, as far as its beginning shows."""
    try:
        with Path(f"{path}{SUFFIX}").open("rb") as file:
            begun = is_header(file.readline(1 << 16).removesuffix(b"\n"))
    except OSError:
        return False
    return begun and not is_log(path, _BLOCK)


def read_any_commit(line: bytes) -> Batch | None:
    """What a commit's line says of its batch, be it of a log or of a seal."""
    commit = parse_commit(line)
    if commit is None:
        return prover.read_commit(line)
    return Batch(commit.tick, commit.length, commit.batch)


class SealReader:
    """A seal, as far as its chain holds; `tail` is what follows, `reason` why it ends there."""

    def __init__(self, file: Path) -> None:
        self.file, self.path = file, f"{file}{SUFFIX}"
        self.commits: list[SealCommit] = []
        self._spans: list[tuple[int, int]] = []  # of commits' lines
        self._pages: list[int] = []  # where the line of page hashes begins; -1: there is none
        self.size, self.reason = 0, ""
        self._parts: dict[int, int] = {}  # descriptors
        self.names: dict[int, Path] = {}  # of the parts that were found
        self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self._follow()
        self._until = list(accumulate(commit.lines for commit in self.commits))

    @classmethod
    def open(cls, file: Path) -> Self:
        """The seal of a file, which need not be there any more."""
        try:
            return cls(file)
        except FileNotFoundError:
            raise FileError(f"{file} has no seal; `seal {file}` makes one") from None

    def _follow(self) -> None:
        chain, pages = b"", -1
        for at, line in _lines(self._fd):
            end = at + len(line)
            if not chain:
                if not is_header(line[:-1]):
                    raise DamagedError(f"{self.path} does not begin as a seal does", 0)
                chain = self.chain = chain_of(line)
                self.size = end
                continue
            if pages < 0 and line.startswith(b'{"type":"pages"'):
                pages = at
                continue
            commit = parse_commit(line)
            self.reason = self._misfit(commit, line, chain)
            if commit is None or self.reason:
                return
            self.commits.append(commit)
            self._spans.append((at, end))
            self._pages.append(pages)
            self.size, pages, chain = end, -1, commit.chain
        if not chain:
            raise DamagedError(f"{self.path} is empty: it has no first line", 0)
        if self.tail:
            self.reason = "the last commit is torn"

    def _misfit(self, commit: SealCommit | None, line: bytes, chain: bytes) -> str:
        """Why a line is not the next commit."""
        due = len(self.commits) + 1
        if commit is None:
            return f"where commit {due:,} is due stands no commit"
        if commit.tick != due:
            return f"commit {commit.tick:,} stands where {due:,} is due"
        if not chained(line, commit, chain):
            return f"commit {due:,} does not follow from what stands before it"
        last = self.commits[-1] if self.commits else None
        new = commit.begun != APPENDED
        part, offset = (last.part + new, 0 if new else last.end) if last else (1, 0)
        if (commit.part, commit.offset) != (part, offset) or (last is None and not new):
            return f"commit {due:,} does not begin where the one before it ends"
        return ""

    # As proofs look at it.

    @property
    def tail(self) -> int:
        """Bytes behind the last commit that fits."""
        return os.fstat(self._fd).st_size - self.size

    @property
    def last_tick(self) -> int:
        """The last commit's tick; 0 without one."""
        return len(self.commits)

    @property
    def lines(self) -> int:
        """Lines that are sealed, of all parts."""
        return self._until[-1] if self._until else 0

    def commit_line(self, tick: int) -> bytes:
        """A commit's line, its newline included."""
        start, stop = self._spans[tick - 1]
        return os.pread(self._fd, stop - start, start)

    def chain_at(self, tick: int) -> bytes:
        """The chain after a commit, 32 raw bytes."""
        return self.commits[tick - 1].chain if tick else self.chain

    def page_hashes(self, tick: int) -> list[bytes] | None:
        """The hashes of a batch's pages; None where the seal lacks them, or states others."""
        at, end = self._pages[tick - 1], self._spans[tick - 1][0]
        found = None if at < 0 else parse_pages(os.pread(self._fd, end - at, at))
        return found if found and root(found) == self.commits[tick - 1].batch else None

    def first_line(self, tick: int) -> int:
        """The number of a batch's first line, from 1 over all parts."""
        return 1 + (self._until[tick - 2] if tick > 1 else 0)

    def place(self, name: str) -> tuple[int, int | None]:
        """The tick of a line, and its first byte in the batch; None: it is the commit."""
        kind = _LINE if name.startswith(_LINE) else _COMMIT
        number = whole_number(name.removeprefix(kind))
        most = self.lines if kind == _LINE else len(self.commits)
        if not name.startswith(kind) or number is None:
            raise UsageError(f"{name[:80]!r}: of a sealed file line:N and commit:N can be proved")
        if not 1 <= number <= most:
            raise UsageError(f"there is no {name}; {most:,} are sealed")
        if kind == _COMMIT:
            return number, None
        tick = bisect_left(self._until, number) + 1
        batch, at = bytes(self.batch(tick)), 0
        for _ in range(number - self.first_line(tick)):
            at = batch.find(b"\n", at) + 1
            if not at:
                raise DamagedError(
                    f"{name} is not there any more: {self.names[self.commits[tick - 1].part]} was "
                    "cut (verify says where)",
                    self.commits[tick - 1].offset,
                )
        return tick, at

    def read_commit(self, line: bytes) -> Batch | None:
        """What a commit's line says of its batch; None: it is no commit."""
        return read_any_commit(line)

    def batch(self, tick: int) -> memoryview:
        """The bytes that a commit seals, from the part that they lie in."""
        commit = self.commits[tick - 1]
        fd = self.part(commit.part)
        if fd is None:
            raise FileError(
                f"part {commit.part} of {self.file} is not there: the file was rotated, and what "
                "it held is not beside it under a name that begins like it"
            )
        return memoryview(_read(fd, commit.offset, commit.length))

    def part(self, number: int) -> int | None:
        """The descriptor of a part's file; None where it is not found.

        It is the one that holds its first batch, else the one that holds a page of that.
        """
        if number not in self._parts:
            first = next(commit for commit in self.commits if commit.part == number)
            found = self.holder(first) or self.holder(first, whole=False)
            if found is None and number == self.commits[-1].part:
                found = self.file  # whatever became of it
            if found is not None and (fd := _opened(found)) >= 0:
                self._parts[number], self.names[number] = fd, found
        return self._parts.get(number)

    def end_of(self, part: int) -> int:
        """The byte up to which a part is sealed."""
        return max(commit.end for commit in self.commits if commit.part == part)

    def holder(self, commit: SealCommit, *, whole: bool = True) -> Path | None:
        """The file, or the neighbour, that holds the bytes of a commit, or a page of them."""
        due = None if whole else self.page_hashes(commit.tick)
        if due is None and not whole:
            return None
        own = self.file.name
        beside = sorted(self.file.parent.glob(f"{_escaped(own)}[.-]*"))
        for name in [self.file, *(one for one in beside if not one.name.startswith(own + SUFFIX))]:
            if (fd := _opened(name)) >= 0:
                tree = PageTree()
                tree.update(_read(fd, commit.offset, commit.length))
                os.close(fd)
                pairs = zip(due or [], tree.leaves(), strict=False)
                if tree.digest() == commit.batch or any(one == other for one, other in pairs):
                    return name
        return None

    def close(self) -> None:
        """Close the seal and the parts."""
        for fd in (self._fd, *self._parts.values()):
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return -1


def _read(fd: int, offset: int, count: int) -> bytes:
    parts = []
    while count > 0 and (data := os.pread(fd, min(count, 1 << 26), offset)):
        parts.append(data)
        offset, count = offset + len(data), count - len(data)
    return b"".join(parts)


def _lines(fd: int) -> Iterator[tuple[int, bytes]]:
    """Whole lines of a file, and the byte at which each begins."""
    at, rest = 0, b""
    while data := os.pread(fd, _BLOCK, at + len(rest)):
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield at, line + b"\n"
            at += len(line) + 1
