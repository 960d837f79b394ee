"""Logs and keys for the tests of proofs: a log whose batches have many pages, fixed keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from logs import GENESIS, OPTIONS, fields

from automaton.log import Log
from automaton.proofs.commit_tree import CommitTree, commit_tree
from automaton.proofs.keys import SecretKey
from automaton.proofs.notes import COSIGNATURE, ED25519, Note
from automaton.proofs.prover import LogCommits, head_of

LOG_KEY = SecretKey("example.org/soup", ED25519, bytes(range(32)))
OTHER_KEY = SecretKey("example.org/soup", ED25519, bytes(range(1, 33)))
WITNESSES = [SecretKey(f"w{k}.example", COSIGNATURE, bytes([k]) * 32) for k in (1, 2, 3)]


def grow(path: Path, ticks: int, winners: int = 3, mark: str = "") -> None:
    """Write a log, or go on with one, up to a tick; `mark` makes its lines others."""
    if not path.exists():
        path.write_bytes(GENESIS)
    with Log.open(path, write=True, durability="off") as log:
        for tick in range(len(log.commits) + 1, ticks + 1):
            lines = [log.run_record(OPTIONS)] if tick == 1 else []
            lines += [
                b'{"id":"m%d.%d","type":"modification","term":"%s"}\n'
                % (tick, slot, b"x" * (slot * 7 % 50) + mark.encode())
                for slot in range(winners)
            ]
            log.append(lines, len(lines), fields(tick))


@contextmanager
def proving(path: Path) -> Iterator[tuple[LogCommits, CommitTree]]:
    """A log as proofs look at it, and its tree."""
    with Log.open(path, write=False) as log:
        commits = LogCommits(log)
        with commit_tree(commits) as tree:
            yield commits, tree


def signed(path: Path, key: SecretKey = LOG_KEY) -> Note:
    """The head of a log as a note, signed by whoever does not care what was signed before."""
    with proving(path) as (commits, tree):
        text = str(head_of(commits, tree, key.name))
    return Note(text, (key.sign(text),))
