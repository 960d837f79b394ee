"""`<log>.versions`: which version of the program wrote a log, and from which tick on.

It stands beside the log since it must decide no byte of it: the same run of another
version appends the same bytes. An entry counts only where the log's chain before its
tick is the noted one. Must not know: how a version is found out.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sized
from pathlib import Path
from typing import NamedTuple, Protocol

from automaton.log.file_io import FileOps, first_bytes, write_all

SUFFIX = ".versions"
#: Entries that are kept, the last ones.
MOST = 64
_ENTRY = re.compile(
    rb'\{"tick":([0-9]{1,18}),"chain":"([0-9a-f]{64})","version":"([\w.+!-]{1,40})"\}'
)
_LOOKED_AT = 16_384  # bytes; MOST entries are smaller


class VersionEntry(NamedTuple):
    """From this tick on the log was written by this version; the chain before it (32 bytes)."""

    tick: int
    chain: bytes
    version: str


class HashChain(Protocol):
    """What of a log an entry is held against."""

    path: str

    @property
    def commits(self) -> Sized:
        """Its commits."""
        ...

    def chain_at(self, tick: int) -> bytes:
        """The chain after a tick."""
        ...


def read(log: HashChain) -> list[VersionEntry]:
    """The entries that are of this log, by rising tick."""
    found: list[VersionEntry] = []
    for line in (first_bytes(f"{log.path}{SUFFIX}", _LOOKED_AT) or b"").splitlines():
        if match := _ENTRY.fullmatch(line):
            chain = bytes.fromhex(match[2].decode())
            entry = VersionEntry(int(match[1]), chain, match[3].decode())
            after = found[-1].tick if found else 0
            fits = after < entry.tick <= len(log.commits) + 1
            if fits and log.chain_at(entry.tick - 1) == entry.chain:
                found.append(entry)
    return found


def note(log: HashChain, version: str) -> None:
    """Note that the log's next tick is by this version, if the last entry names another.

    A disk that refuses it costs the figure, not data.
    """
    tick = len(log.commits) + 1
    noted = read(log)
    known = [entry for entry in noted if entry.tick < tick]
    if not known or known[-1].version != version:
        known.append(VersionEntry(tick, log.chain_at(tick - 1), version))
    if known != noted:
        with contextlib.suppress(OSError):
            _save(f"{log.path}{SUFFIX}", known[-MOST:])


def _save(path: str, entries: list[VersionEntry]) -> None:
    """Put these in the place of what was there, without waiting for the disk."""
    disk = FileOps()
    fd = disk.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        write_all(disk, fd, [_line(entry) for entry in entries])
    finally:
        os.close(fd)
    Path(f"{path}.tmp").replace(path)


def _line(entry: VersionEntry) -> bytes:
    text = f'{{"tick":{entry.tick},"chain":"{entry.chain.hex()}","version":"{entry.version}"}}\n'
    return text.encode()
