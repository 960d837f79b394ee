"""The first line of a log's active file, where segments precede it: how many, how long.

It is no line of the log: offsets and line numbers do not count it. Lives here: its
grammar. Must not know: files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Self

from automaton.log.segments.segment_reader import LogSegment

_LINE = re.compile(rb'\{"type":"segment","number":([1-9][0-9]{0,8}),"start":([1-9][0-9]{0,17})\}\n')
MOST = 128  # bytes of such a line


class ActiveHeader(NamedTuple):
    """The number of the segment that the active file will be, and where in the log it begins."""

    number: int
    start: int

    @classmethod
    def behind(cls, segments: Sequence[LogSegment]) -> Self:
        """That of the file which goes on behind these segments."""
        return cls(segments[-1].number + 1, segments[-1].end) if segments else cls(1, 0)


def line(header: ActiveHeader) -> bytes:
    """The line, its newline included."""
    return b'{"type":"segment","number":%d,"start":%d}\n' % header


def parse(raw: bytes) -> tuple[ActiveHeader, int] | None:
    """What the first bytes of a file say, and how many bytes say it; None: it has no header."""
    match = _LINE.match(raw)
    return (ActiveHeader(int(match[1]), int(match[2])), match.end()) if match else None
