"""Winner lines that are left out of the file: the line that stands for them, and what is kept.

Lives here: the grammar of that line, and a batch cut at it. Must not know: how the
lines are computed again, who asks for them. docs/format.md is this in prose.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from automaton.log.byte_source import File, pread
from automaton.log.file_io import Buffer

HEAD = b'{"type":"omitted","lines":'
_STUB = re.compile(
    rb'\{"type":"omitted","lines":([0-9]{1,10}),"bytes":([0-9]{1,15}),"kept":"([0-9a-f]{64})"\}\n?'
)

Digest = bytes  # raw; the name is for a class that has a field `bytes`


class Stub(NamedTuple):
    """What stands in the place of winner lines: how many, their bytes, a digest of the others."""

    lines: int
    bytes: int
    kept: Digest  # SHA-256, raw, of what stands of the batch: before this line, and behind it


class KeptLines(NamedTuple):
    """What of a batch stands in the file, and the line that stands for the rest."""

    head: bytes  # run record and input, a separating newline included
    stub: Stub | None  # None: a line that is none
    tail: bytes  # lines made by actions

    def fits(self) -> bool:
        """Whether these are the bytes that were kept."""
        return self.stub is not None and digest((self.head, self.tail)) == self.stub.kept


def digest(parts: Iterable[Buffer]) -> bytes:
    """SHA-256 of bytes that follow one another."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.digest()


def line(stub: Stub) -> bytes:
    """The line, its newline included."""
    return HEAD + b'%d,"bytes":%d,"kept":"%s"}\n' % (
        stub.lines,
        stub.bytes,
        stub.kept.hex().encode(),
    )


def parse(raw: bytes) -> Stub | None:
    """What a line says (with or without newline) if it is byte for byte what we would write.

    No input is such a line, for it has no id.
    """
    match = _STUB.fullmatch(raw)
    if match is None:
        return None
    stub = Stub(int(match[1]), int(match[2]), bytes.fromhex(match[3].decode()))
    return stub if line(stub) == raw.removesuffix(b"\n") + b"\n" else None


def read_kept(file: File, start: int, gap: int, stop: int) -> KeptLines:
    """The batch at these bytes, whose omission stands at `gap`."""
    raw = pread(file, stop - start, start)
    end = raw.find(b"\n", gap - start) + 1 or len(raw)
    return KeptLines(raw[: gap - start], parse(raw[gap - start : end]), raw[end:])


def cut(raw: memoryview) -> KeptLines | None:
    """Bytes that begin with a batch that leaves something out, cut there; None: no such batch."""
    at, data = 0, bytes(raw)
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        stub = parse(data[at:end]) if data.startswith(HEAD, at) else None
        if stub is not None:
            return KeptLines(data[:at], stub, data[end:])
        if data.startswith(b'{"type":"commit","id":"', at):
            return None
        at = end
    return None


class Gap(NamedTuple):
    """Where a batch leaves something out, from its first byte; `own` bytes stand for it."""

    at: int
    stub: Stub
    own: int  # 0: all is there


NO_GAP = Gap(0, Stub(0, 0, b""), 0)


def without(batch: Sequence[Buffer], first: int, stop: int) -> tuple[list[Buffer], Gap]:
    """A batch without some of its parts, with the line that stands for them."""
    head, out, tail = batch[:first], batch[first:stop], batch[stop:]
    lines, nbytes = 0, 0
    for part in out:
        data = np.frombuffer(part, np.uint8)
        lines += int(np.count_nonzero(data == ord("\n")))
        nbytes += len(data)
    stub = Stub(lines, nbytes, digest([*head, *tail]))
    own = line(stub)
    at = sum(memoryview(part).nbytes for part in head)
    return [*head, own, *tail], Gap(at, stub, len(own))
