"""A log's own signature of its head, by a key that never signs two histories.

Lives here: the head that a key signed last, kept beside the key, and what may follow it.
Must not know: how a signature is made, whose key it is.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from automaton.errors import FileError, MismatchError
from automaton.proofs.commit_tree import Commits, CommitTree
from automaton.proofs.keys import SecretKey, signed_by
from automaton.proofs.notes import LONGEST, Note
from automaton.proofs.prover import head_of
from automaton.proofs.tree_heads import TreeHead, parse_head


def sign_head(commits: Commits, tree: CommitTree, key: SecretKey, last: Path) -> Note:
    """The note of a log's head; refused where the key signed another history before."""
    before = _before(last, key)
    head = head_of(commits, tree, key.name)
    if before is not None:
        _hold(commits, tree, before, last)
    text = str(head)
    note = Note(text, (key.sign(text),))
    replace(last, str(note).encode())
    return note


def _before(path: Path, key: SecretKey) -> TreeHead | None:
    """The head that a key signed last."""
    try:
        with path.open("rb") as file:
            head, note = parse_head(file.read(LONGEST))
        signed = signed_by(note, key.public) is not None and head.origin == key.name
    except FileNotFoundError:
        return None
    except (ValueError, MismatchError):
        signed = False
    if not signed:
        raise FileError(
            f"{path} is not a note that this key signed: it says what the key signed last, and is "
            "not to be edited; take a copy, or make a new key"
        )
    return head


def _hold(commits: Commits, tree: CommitTree, before: TreeHead, path: Path) -> None:
    if not tree.had(before.size, before.root):
        raise MismatchError(
            f"this key signed a head of {before.size:,} commits that is no beginning of "
            f"{commits.path} ({path} has it): it is another log, or was cut or changed; a log has "
            "a key of its own"
        )


def replace(path: Path, data: bytes) -> None:
    """Put a file in the place of another, whole, and make both durable."""
    beside = path.with_name(f"{path.name}.tmp")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)
    beside.replace(path)
    with suppress(OSError):  # some file systems cannot
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
