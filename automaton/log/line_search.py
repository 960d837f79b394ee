"""Search for lines in a file by position: the line at an offset, the last one, its records."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from automaton.format.ids import choose_prefix
from automaton.format.objects import MAX_LINE_BYTES, Object, object_id, parse_line
from automaton.log.byte_source import File, pread
from automaton.log.file_io import blocks, lines

# What an id of ours holds, or an escape that may hide it; apart, for each is found by its letters.
_SUSPECTS = (
    re.compile(rb'm[0-9]+\.[0-9]+"'),
    re.compile(rb"run:[0-9]"),
    re.compile(rb"commit:[0-9]"),
    re.compile(rb"reason:[a-z]"),
    re.compile(rb"\\u00"),
)


def records(file: File, start: int, stop: int, head: bytes) -> Iterator[tuple[int, bytes]]:
    """Whole lines that begin with `head`, and where; a search, not a pass over lines."""
    kept, base = b"", start
    for data in blocks(file, start, stop):
        text = kept + data
        at = text.find(head)
        while at >= 0:
            offset = base + at
            if offset == 0 or pread(file, 1, offset - 1) == b"\n":
                raw = line_at(file, offset, stop)
                if raw is not None:
                    yield offset, raw
            at = text.find(head, at + 1)
        kept = text[max(0, len(text) - len(head) + 1) :]
        base += len(text) - len(kept)


def line_at(file: File, offset: int, stop: int) -> bytes | None:
    """The line that begins at `offset`, without its newline; None if it has none in range."""
    size = 4096
    while offset < stop:
        raw = pread(file, min(size, stop - offset), offset)
        end = raw.find(b"\n")
        if end >= 0:
            return raw[:end]
        if len(raw) < size or size > MAX_LINE_BYTES:
            return None
        size *= 8
    return None


def last_line(file: File, start: int, stop: int) -> bytes:
    """The line that ends with the newline before `stop`; empty if none does."""
    size = 4096
    while True:
        first = max(start, stop - size)
        raw = pread(file, stop - first, first)
        at = raw.rfind(b"\n", 0, -1)
        if not raw.endswith(b"\n"):
            return b""
        if at >= 0 or first == start or size > MAX_LINE_BYTES:
            return raw[at + 1 : -1]
        size *= 8


def separator(file: File, genesis_bytes: int) -> int:
    """1 where the genesis has no final newline, so that the first batch begins with one."""
    return int(genesis_bytes > 0 and pread(file, 1, genesis_bytes - 1) != b"\n")


def prefix_for(file: File, stop: int) -> str:
    """The prefix under which no id of the first `stop` bytes is ours."""
    ids: set[str] = set()
    for block in lines(file, 0, stop, unfinished=True):
        text = block.data[: int(block.ends[-1])].tobytes()
        hits = [hit.start() for suspect in _SUSPECTS for hit in suspect.finditer(text)]
        for k in np.unique(np.searchsorted(block.ends, hits, side="right")):
            value = parse_line(block.line(int(k)))
            identity = object_id(value.members) if isinstance(value, Object) else None
            ids.add(identity or "")
    return choose_prefix(ids)
