"""The grammar of a seal: its first line, its commits, the hashes of pages before each.

Pure: values in, bytes out. A line is one of ours only if writing what was read gives the
same bytes. Must not know: files, how they grow; docs/format.md is this in prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from automaton.format.json_edit import quote
from automaton.format.records import link

_HEADER = re.compile(
    rb'\{"type":"seal","format":1,"id":"([0-9a-f]{32})","file":"(?:[^"\\]|\\.)*"\}'
)
_COMMIT = re.compile(
    rb'\{"type":"commit","id":"commit:([1-9][0-9]{0,17})","tick":\1,"part":([1-9][0-9]{0,8}),'
    rb'"begun":"(appended|begun|rotated|truncated|replaced)","offset":(0|[1-9][0-9]{0,17}),'
    rb'"lines":(0|[1-9][0-9]{0,17}),"bytes":(0|[1-9][0-9]{0,17}),'
    rb'"batch":"([0-9a-f]{64})","chain":"([0-9a-f]{64})"\}'
)
_PAGES = re.compile(rb'\{"type":"pages","hashes":"([0-9a-f]*)"\}')
_CHAIN_TAIL = len(b',"chain":"') + 64 + len(b'"}')
#: What the first commit of a part says of how the part came to be.
BEGUN = ("begun", "rotated", "truncated", "replaced")
APPENDED = "appended"


@dataclass(frozen=True, slots=True)
class SealCommit:
    """A commit: which bytes of which part it seals, and the chain after it."""

    tick: int
    part: int  # files that bore the name, from 1
    begun: str
    offset: int  # of its first byte in the part
    lines: int
    length: int  # bytes
    batch: bytes  # root over the pages, raw
    chain: bytes

    @property
    def end(self) -> int:
        """The byte in the part behind its last."""
        return self.offset + self.length


def header(file: str, identity: bytes) -> bytes:
    """The first line, its newline included."""
    parts = identity.hex().encode(), quote(file)
    return b'{"type":"seal","format":1,"id":"%s","file":%s}\n' % parts


def is_header(line: bytes) -> bool:
    """Whether a line (without its newline) begins a seal."""
    return _HEADER.fullmatch(line) is not None


def chain_of(header_line: bytes) -> bytes:
    """The chain before the first commit."""
    return sha256(header_line.removesuffix(b"\n")).digest()


def commit_line(commit: SealCommit, before: bytes) -> tuple[bytes, bytes]:
    """A commit's line, its newline included, and the new chain; `chain` of it is not read."""
    tick, begun, offset = commit.tick, commit.begun.encode(), commit.offset
    body = (
        b'{"type":"commit","id":"commit:%d","tick":%d,"part":%d,"begun":"%s","offset":%d,'
        b'"lines":%d,"bytes":%d,"batch":"%s"'
    ) % (
        *(tick, tick, commit.part, begun, offset),
        *(commit.lines, commit.length, commit.batch.hex().encode()),
    )
    chain = link(before, body)
    return body + b',"chain":"%s"}\n' % chain.hex().encode(), chain


def parse_commit(raw: bytes) -> SealCommit | None:
    """The commit on a line (with or without its newline)."""
    match = _COMMIT.fullmatch(raw.removesuffix(b"\n"))
    if match is None:
        return None
    tick, part, offset, lines, count = (int(match[k]) for k in (1, 2, 4, 5, 6))
    batch, chain = (bytes.fromhex(match[k].decode()) for k in (7, 8))
    return SealCommit(tick, part, match[3].decode(), offset, lines, count, batch, chain)


def chained(raw: bytes, commit: SealCommit, before: bytes) -> bool:
    """Whether a commit's line follows a chain."""
    return link(before, raw.removesuffix(b"\n")[:-_CHAIN_TAIL]) == commit.chain


def pages_line(leaves: list[bytes]) -> bytes:
    """The hashes of a batch's pages, which stand before its commit."""
    return b'{"type":"pages","hashes":"%s"}\n' % b"".join(leaves).hex().encode()


def parse_pages(raw: bytes) -> list[bytes] | None:
    """The hashes of a batch's pages."""
    match = _PAGES.fullmatch(raw.removesuffix(b"\n"))
    if match is None or len(match[1]) % 64:
        return None
    data = bytes.fromhex(match[1].decode())
    return [data[at : at + 32] for at in range(0, len(data), 32)]
