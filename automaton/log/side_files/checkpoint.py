"""`<log>.checkpoint`: tables and columns of a log after some commit, so that opening is quick.

A derived file under its own hash: one that does not fit, or that is of another
log, counts as absent, and all is read again from the log. Lives here: its bytes, and
how a walk over commits begins behind it. Must not know: readers, what columns mean.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automaton.format.records import parse_frame, parse_run
from automaton.log.byte_source import File, pread
from automaton.log.commit_scanner import CommitScanner
from automaton.log.commit_table import CommitTable, NamedLine
from automaton.log.file_io import FileOps, first_bytes, write_all

FORMAT = 5
_MOST = 0x7FFFF000  # bytes that one read gives (Linux); a larger checkpoint counts as absent
_HEAD = b'{"checkpoint":%d,"sha256":"%s"}\n'
_TYPES = frozenset({"int16", "int32", "int64", "uint8", "uint32", "uint64", "bool"})


@dataclass(frozen=True)
class Checkpoint:
    """What is kept: JSON values and columns by name."""

    facts: dict[str, Any]
    columns: dict[str, NDArray[Any]]

    @property
    def tick(self) -> int:
        """The commit after which it was taken."""
        return int(self.facts["tick"])


def checkpoint_path(path: str) -> str:
    """The name of a log's checkpoint."""
    return f"{path}.checkpoint"


def packed(facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> list[bytes]:
    """The file's bytes: a line with the hash of the rest, a line of facts, the columns."""
    shapes = [[name, str(values.dtype), len(values)] for name, values in columns.items()]
    body = json.dumps({**facts, "columns": shapes}, separators=(",", ":")).encode() + b"\n"
    parts = [body, *(np.ascontiguousarray(values).tobytes() for values in columns.values())]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return [_HEAD % (FORMAT, digest.hexdigest().encode()), *parts]


def write(path: str, facts: Mapping[str, Any], columns: Mapping[str, NDArray[Any]]) -> None:
    """Put a checkpoint in the place of the one before; the disk is not waited for."""
    draft = f"{checkpoint_path(path)}.tmp"
    disk = FileOps()
    fd = disk.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(disk, fd, packed(facts, columns))
    finally:
        os.close(fd)
    Path(draft).replace(checkpoint_path(path))


def read(path: str) -> Checkpoint | None:
    """The checkpoint of a log if there is one whose hash holds."""
    raw = first_bytes(checkpoint_path(path), _MOST)
    return None if raw is None else unpacked(raw)


def unpacked(raw: bytes) -> Checkpoint | None:
    """What `packed` made; None where the hash does not hold, or this version does not read it."""
    head, _, rest = raw.partition(b"\n")
    digest = hashlib.sha256(rest).hexdigest().encode()
    if head + b"\n" != _HEAD % (FORMAT, digest):
        return None
    try:
        return _unpacked(rest)
    except (ValueError, KeyError, TypeError):
        return None


def _unpacked(rest: bytes) -> Checkpoint:
    """What stands in it; its hash holds, so somebody meant it."""
    end = rest.index(b"\n") + 1
    facts = json.loads(rest[:end])
    columns: dict[str, NDArray[Any]] = {}
    for name, kind, count in facts.pop("columns"):
        if kind not in _TYPES:
            raise ValueError(kind)
        columns[name] = np.frombuffer(rest, np.dtype(kind), count, end).copy()
        end += columns[name].nbytes
    return Checkpoint(facts, columns)


def resume_scan(file: File, walk: CommitScanner, kept: Checkpoint) -> bool:
    """Put a walk where the checkpoint was taken, if it is of this log."""
    facts, genesis = kept.facts, walk.genesis
    if facts["genesis"] != [genesis.bytes, genesis.sha256.hex()] or facts["prefix"] != walk.prefix:
        return False
    commits = CommitTable.of(kept.columns["commits"].reshape(-1, CommitTable.COLUMNS))
    run = parse_run(facts["run"].encode("utf-8", "surrogateescape"))
    if not len(commits) or run is None or int(commits.end[-1]) != facts["end"]:
        return False
    last = commits.row(len(commits))
    frame = parse_frame(pread(file, last.end - last.commit_start, last.commit_start))
    if frame is None or (frame.tick, frame.chain.hex()) != (len(commits), facts["chain"]):
        return False
    named = [NamedLine(line, offset, identity) for line, offset, identity in facts["named"]]
    walk.begin(commits, named, facts["runs"], run, frame.chain, facts["lines"])
    return True
