"""From a line of a log to its proof, and from a log to its heads.

Lives here: where in its batch a line stands, and what a log's name is where nobody gave it
one. Must not know: keys, the file a proof is written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from automaton.errors import DamagedError, MismatchError, UsageError, whole_number
from automaton.format.records import parse_frame
from automaton.proofs.commit_tree import Commits, CommitTree
from automaton.proofs.consistency import ConsistencyProof
from automaton.proofs.inclusion import Batch, LineProof, follows, page_of
from automaton.proofs.notes import Note
from automaton.proofs.tree_heads import TreeHead, parse_head

if TYPE_CHECKING:  # loads numba, which takes a second, and a proof is checked without a log
    from automaton.log import LogReader

#: A line by its number, as objects without an id are called.
_LINE = "line:"


class ProvableCommits(Commits, Protocol):
    """Commits whose lines can be proved."""

    def place(self, name: str) -> tuple[int, int | None]:
        """The tick of a line, and its first byte in the batch; None: it is the commit."""

    def batch(self, tick: int) -> memoryview:
        """The bytes that a commit seals."""

    def read_commit(self, line: bytes) -> Batch | None:
        """What a commit's line says of its batch; None: it is no commit."""


class LogCommits:
    """A log, as proofs look at it."""

    def __init__(self, log: LogReader) -> None:
        self._log, self.path = log, log.path

    @property
    def last_tick(self) -> int:
        """The last commit's tick; 0 without one."""
        return len(self._log.commits)

    def commit_line(self, tick: int) -> bytes:
        """A commit's line, its newline included."""
        return self._log.commit_line(tick)

    def chain_at(self, tick: int) -> bytes:
        """The chain after a commit, 32 raw bytes."""
        return self._log.chain_at(tick)

    def batch(self, tick: int) -> memoryview:
        """The bytes that a commit seals."""
        return self._log.batch(tick)

    def read_commit(self, line: bytes) -> Batch | None:
        """What a commit's line says of its batch; None: it is no commit."""
        return read_commit(line)

    def place(self, name: str) -> tuple[int, int | None]:
        """The tick of a line, and its first byte in the batch; None: it is the commit."""
        log, number = self._log, self._number(name)
        tick = log.commits.tick_of_line(number)
        if not tick:
            raise UsageError(
                f"{name} stands in the genesis, which is sealed as a whole: by its SHA-256 in the "
                "pin and in the first run record (`prove LOG run:1`)"
            )
        row = log.commits.row(tick)
        if number == row.first_line + row.lines:
            return tick, None
        if not log.format.paged:
            raise UsageError(
                f"{log.path} has format 1, whose commits seal a batch in one piece: a commit can "
                f"be proved (`commit:{tick}`), a line of its batch cannot"
            )
        whole = np.frombuffer(log.batch(tick), np.uint8)
        before = len(np.flatnonzero(whole == ord("\n"))) - row.lines  # 1: the genesis' last newline
        k = number - row.first_line + before
        return tick, int(np.flatnonzero(whole == ord("\n"))[k - 1]) + 1 if k else 0

    def _number(self, name: str) -> int:
        """The line that is meant: by its number, or the last version of an id."""
        log = self._log
        number = whole_number(name.removeprefix(_LINE)) if name.startswith(_LINE) else None
        if number is not None:
            if not 1 <= number <= log.lines:
                raise UsageError(f"there is no line {number}; {log.path} has {log.lines:,}")
            return number
        found = log.find(name)
        if not found:
            shown = name[:80]
            raise UsageError(f"{log.path} holds no line with the id {shown}; a line is `line:N`")
        return found[-1]


def read_commit(line: bytes) -> Batch | None:
    """What a commit's line says of its batch."""
    frame = parse_frame(line)
    return None if frame is None else Batch(frame.tick, frame.bytes, frame.batch)


def origin_of(commits: Commits) -> str:
    """What a log is called where nobody named it: by its first commit."""
    if not commits.last_tick:
        raise UsageError(f"{commits.path} has no commit yet, so that there is no head; run it")
    return f"automaton/{commits.chain_at(1).hex()[:32]}"


def head_of(commits: Commits, tree: CommitTree, origin: str | None = None) -> TreeHead:
    """The head over all commits."""
    return TreeHead(origin or origin_of(commits), tree.size, tree.root())


def known_head(commits: Commits, tree: CommitTree, raw: bytes) -> tuple[TreeHead, Note]:
    """A note that says of this log what it is; UsageError: no note, MismatchError: not so."""
    try:
        head, note = parse_head(raw)
    except ValueError as error:
        raise UsageError(f"this is no head of a log: {error}") from None
    if head.size > tree.size:
        raise MismatchError(
            f"{commits.path} has {tree.size:,} commits, and the head is of {head.size:,}: the log "
            "was cut, or is an older copy, or another"
        )
    if not tree.had(head.size, head.root):
        raise MismatchError(
            f"{commits.path} is not the log of this head: its first {head.size:,} commits are "
            "others"
        )
    return head, note


def prove_line(
    commits: ProvableCommits, tree: CommitTree, name: str, note: Note
) -> tuple[LineProof, int]:
    """The proof of a line under a head of this log, and its tick; it holds.

    Opening looks at a log's end alone, and a sealed file is changed by others: where the
    line's page is no longer what its commit sealed, `DamagedError` says so.
    """
    tick, begin = commits.place(name)
    size = int(note.text.split("\n")[1])
    if tick > size:
        raise UsageError(f"{name} is of tick {tick:,}, and the head of {size:,} commits")
    page = None if begin is None else page_of(commits.batch(tick), begin)
    path = tuple(tree.inclusion(tick, size))
    proof = LineProof(commits.commit_line(tick).removesuffix(b"\n"), path, note, page)
    try:
        follows(proof, tick - 1, commits.read_commit)
    except MismatchError:
        raise DamagedError(
            f"{name} has no proof: what stands around it is not what commit {tick:,} sealed "
            "(verify says what differs)",
            begin or 0,
        ) from None
    return proof, tick


def prove_heads(
    tree: CommitTree, old: tuple[TreeHead, Note], new: tuple[TreeHead, Note]
) -> ConsistencyProof:
    """The proof that one head of this log is a beginning of another."""
    if old[0].origin != new[0].origin:
        raise UsageError(
            f"the heads are of two logs, {old[0].origin} and {new[0].origin}: a proof of these two "
            "would show nothing"
        )
    if old[0].size > new[0].size:
        raise UsageError("--from is the newer head, and has to be the older one")
    path = tuple(tree.consistency(old[0].size, new[0].size))
    return ConsistencyProof(old[1], new[1], path)
