"""A proof that one head of a log is a beginning of another: both notes, and hashes between.

Lives here: that file written and read, and whether it holds. Must not know: keys, logs,
files.
"""

from __future__ import annotations

from dataclasses import dataclass

from automaton.digests import merkle
from automaton.errors import MismatchError
from automaton.proofs.notes import Note, decoded, encoded, parse_note
from automaton.proofs.tree_heads import TreeHead, head_in

FIRST_LINE = "automaton-scalable/consistency-proof@v1"
LONGEST = 1 << 18  # bytes: two notes and 64 hashes are less
_HASHES = 64  # at most


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """Two notes, the older one first, and the hashes that lead from one to the other."""

    old: Note
    new: Note
    path: tuple[bytes, ...]


def to_text(proof: ConsistencyProof) -> str:
    """The file."""
    lines = [FIRST_LINE, f"old {encoded(str(proof.old).encode())}", *map(encoded, proof.path)]
    return "\n".join([*lines, "", str(proof.new)])


def is_one(raw: bytes) -> bool:
    """Whether a file is a proof of this kind, by its first line."""
    return raw.startswith(FIRST_LINE.encode() + b"\n")


def parse(raw: bytes) -> ConsistencyProof:
    """The proof of a file; ValueError."""
    head, gap, rest = raw.partition(b"\n\n")
    if len(raw) > LONGEST or not gap:
        raise ValueError("the proof is cut short, or too long")
    first, old, *hashes = f"{head.decode('ascii', 'replace')}\n".split("\n")
    if first != FIRST_LINE or not old.startswith("old "):
        raise ValueError("the proof does not begin as one of consistency does")
    path = tuple(map(decoded, hashes[:-1]))
    if len(path) > _HASHES or any(len(part) != len(merkle.EMPTY) for part in path):
        raise ValueError("a path is at most 64 hashes of 32 bytes")
    return ConsistencyProof(parse_note(decoded(old.removeprefix("old "))), parse_note(rest), path)


def follows(proof: ConsistencyProof) -> tuple[TreeHead, TreeHead]:
    """Both heads, where the first is a beginning of the second; MismatchError where not."""
    try:
        old, new = head_in(proof.old), head_in(proof.new)
    except ValueError as error:
        raise MismatchError(f"the proof does not hold: {error}") from None
    if old.origin != new.origin:
        raise MismatchError(f"the heads are of two logs, {old.origin} and {new.origin}")
    if not merkle.is_consistent((old.size, old.root), (new.size, new.root), proof.path):
        raise MismatchError(
            f"the proof does not hold: the head of {old.size:,} commits is not shown to be a "
            f"beginning of that of {new.size:,}"
        )
    return old, new
