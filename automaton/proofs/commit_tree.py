"""The tree over the commits of a log, and the index beside it that spares computing it again.

Leaf k is the line of commit k + 1, without its newline. The index, LOG.tree, is derived: it
is believed only up to a commit whose chain and root it states and the log has, and every
proof made from it is checked before it is handed out. Lives here: the file of the index,
proofs of commits. Must not know: batches, notes, keys.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from automaton.digests import merkle
from automaton.digests.merkle import leaf_hash
from automaton.errors import DamagedError
from automaton.proofs import stored_hashes
from automaton.proofs.stored_hashes import HASH

HEAD = 256  # bytes of the first line, blanks included; hashes follow
_TOGETHER = 1 << 15  # leaves that are hashed between two writes
_HEAD = re.compile(
    rb'\{"tick":([0-9]{1,18}),"chain":"([0-9a-f]{64})","root":"([0-9a-f]{64})"\} *\n'
)


class Commits(Protocol):
    """What a tree stands on: a log, or a seal."""

    @property
    def path(self) -> str:
        """The file, beside which the index stands."""

    @property
    def last_tick(self) -> int:
        """The last commit's tick; 0 without one."""

    def commit_line(self, tick: int) -> bytes:
        """A commit's line, its newline included."""

    def chain_at(self, tick: int) -> bytes:
        """The chain after a commit, 32 raw bytes."""


class CommitTree:
    """The tree over some commits: roots of any size, proofs of both kinds."""

    def __init__(self, commits: Commits, fd: int = -1) -> None:
        self._commits, self._fd = commits, fd
        self._base = 0  # hashes that stand in the file
        self._more = b""  # those that do not
        self.size = 0
        self._grow(self._known())

    # Questions.

    def root(self, size: int | None = None) -> bytes:
        """The root over the first commits, or over all."""
        wanted = self.size if size is None else size
        if not 0 <= wanted <= self.size:
            raise ValueError(f"there are {self.size} commits, not {wanted}")
        return merkle.joined(stored_hashes.peaks_of(wanted, self._read))

    def had(self, size: int, root: bytes) -> bool:
        """Whether this was the root over the first commits; the index alone refutes nothing."""
        if size > self.size:
            return False
        if self.root(size) != root and self._fd >= 0:
            self._anew()
        return self.root(size) == root

    def inclusion(self, tick: int, size: int) -> list[bytes]:
        """The path from a commit to the root over the first `size` commits."""

        def proved() -> list[bytes] | None:
            path = merkle.inclusion(tick - 1, size, self._subtree)
            leaf = leaf_hash(self._leaf(tick))
            fits = merkle.root_of_inclusion(leaf, tick - 1, size, path) == self.root(size)
            return path if fits else None

        return self._made(proved)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the first `old` commits are the beginning of the first `new`."""

        def proved() -> list[bytes] | None:
            path = merkle.consistency(old, new, self._subtree)
            roots = (old, self.root(old)), (new, self.root(new))
            return path if merkle.is_consistent(*roots, path) else None

        return self._made(proved)

    def _made(self, proved: Callable[[], list[bytes] | None]) -> list[bytes]:
        """A proof that holds; where the index does not, from a tree that is computed anew."""
        path = proved()
        if path is None:
            self._anew()
            path = proved()
        if path is None:
            raise DamagedError(f"{self._commits.path} changed while it was read; ask again")
        return path

    def _anew(self) -> None:
        """Compute the tree without the index."""
        self._more, self._fd = b"", -1
        self._grow(0)

    def _subtree(self, first: int, stop: int) -> bytes:
        return stored_hashes.subtree(self._read, first, stop)

    def _read(self, number: int) -> bytes:
        """A hash by its position."""
        if number < self._base:
            return os.pread(self._fd, HASH, HEAD + number * HASH).ljust(HASH, b"\0")
        at = (number - self._base) * HASH
        return self._more[at : at + HASH]

    def _leaf(self, tick: int) -> bytes:
        return self._commits.commit_line(tick).removesuffix(b"\n")

    # The index.

    def _known(self) -> int:
        """Up to which commit the index holds; 0: it is of no use."""
        if self._fd < 0:
            return 0
        head = _HEAD.fullmatch(os.pread(self._fd, HEAD, 0))
        tick = int(head[1]) if head else 0
        if head is None or not 0 < tick <= self._commits.last_tick:
            return 0
        self._base = stored_hashes.count_of(tick)
        root = merkle.joined(stored_hashes.peaks_of(tick, self._read))
        stated = (bytes.fromhex(head[2].decode()), bytes.fromhex(head[3].decode()))
        if stated != (self._commits.chain_at(tick), root):
            return 0
        newest = self._read(stored_hashes.position(0, tick - 1))
        return tick if newest == leaf_hash(self._leaf(tick)) else 0

    def _grow(self, known: int) -> None:
        """Hash the commits behind those that are known."""
        self.size, self._base = known, stored_hashes.count_of(known)
        while self.size < self._commits.last_tick:
            stop = min(self.size + _TOGETHER, self._commits.last_tick)
            leaves = (leaf_hash(self._leaf(tick)) for tick in range(self.size + 1, stop + 1))
            added, self.size = stored_hashes.grown(self.size, self._read, leaves)
            self._more += added
            self._keep()

    def _keep(self) -> None:
        """Write what is new into the index; where that fails, go on without."""
        if self._fd < 0:
            return
        try:
            at = HEAD + self._base * HASH
            os.pwrite(self._fd, b"{}\n".ljust(HEAD) if not self._base else b"", 0)
            if os.pwrite(self._fd, self._more, at) == len(self._more):
                self._base, self._more = self._base + len(self._more) // HASH, b""
                chain = self._commits.chain_at(self.size)
                os.pwrite(self._fd, _head(self.size, chain, self.root()), 0)
        except OSError:  # no room, or read-only: what is in memory will do
            return


def _head(tick: int, chain: bytes, root: bytes) -> bytes:
    text = b'{"tick":%d,"chain":"%s","root":"%s"}' % (
        tick, chain.hex().encode(), root.hex().encode(),
    )  # fmt: skip
    return text.ljust(HEAD - 1) + b"\n"


@contextmanager
def commit_tree(commits: Commits) -> Iterator[CommitTree]:
    """The tree over some commits, by the index beside them where one can be had."""
    fd = _opened(f"{commits.path}.tree") if commits.last_tick else -1
    try:
        yield CommitTree(commits, fd)
    finally:
        if fd >= 0:
            os.close(fd)


def _opened(path: str) -> int:
    """The index, ours alone for now; -1: it cannot be had, or is somebody's."""
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with suppress(OSError):
            fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                begun = os.pread(fd, 1, 0)
                if begun in {b"", b"{"}:
                    return fd
            except OSError:
                pass
            os.close(fd)
            return -1
    return -1
