"""Heads of trees (C2SP tlog-checkpoint): which log, how many commits, the root over them.

Lives here: the text of a head, and heads that are compared. Must not know: keys, files,
how a root is computed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from automaton.proofs.notes import Note, decoded, encoded, parse_note

_ROOT = 32  # bytes
_SIZE = re.compile("0|[1-9][0-9]{0,17}")
_LINES = 3  # of the text; others would be opaque, and none of ours has them


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The head of a tree: the log's name, its leaves, their root (32 raw bytes)."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"

    @property
    def shown(self) -> str:
        """The head in one line, for people."""
        return f"{self.origin}, {self.size:,} commits, root {encoded(self.root)}"


def parse_head(raw: bytes) -> tuple[TreeHead, Note]:
    """A head, signed or not, and the note that it stands in; ValueError."""
    note = parse_note(raw)
    return head_in(note), note


def head_in(note: Note) -> TreeHead:
    """What a note says as a head; ValueError."""
    lines = note.text.split("\n")
    if len(lines) != _LINES + 1 or not lines[0].strip():
        raise ValueError("a head is three lines: origin, size, root")
    if not _SIZE.fullmatch(lines[1]):
        raise ValueError(f"{lines[1][:20]!r} is no size of a log")
    root = decoded(lines[2])
    if len(root) != _ROOT:
        raise ValueError(f"the root of a head has {_ROOT} bytes, not {len(root)}")
    return TreeHead(lines[0], int(lines[1]), root)
