"""`<log>.segments/manifest.jsonl`: which segments there are, where each begins, how long it is.

Derived: one that is missing, or that does not come to where the active file begins, is
not believed, and the segments themselves are asked. Lives here: its lines, and how they
are found. Must not know: what is read or written in a log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from automaton.errors import DamagedError
from automaton.format.records import parse_frame
from automaton.log.file_io import FileOps, first_bytes, save_new
from automaton.log.segments.segment_reader import LogSegment, SegmentFile, damage, file_of, folder

_MOST = 64 << 20  # bytes of a manifest: half a million segments
_LINE = re.compile(
    r'\{"number":([0-9]{1,9}),"start":([0-9]{1,18}),"bytes":([0-9]{1,18}),'
    r'"pages":([0-9]{1,18}),"packed":([0-9]{1,18}),"tick":([0-9]{1,18})\}'
)


def path(log: str) -> str:
    """The manifest of a log."""
    return str(folder(log) / "manifest.jsonl")


def segments(log: str, count: int, end: int) -> list[LogSegment]:
    """The first `count` segments of a log, which end at byte `end` of it."""
    told = read(log)[:count]
    return told if len(told) == count and _fit(told, end) else derive(log, count, end)


def read(log: str) -> list[LogSegment]:
    """What the manifest says, as far as it can be read."""
    found: list[LogSegment] = []
    for line in (first_bytes(path(log), _MOST) or b"").decode("ascii", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            break
        found.append(LogSegment(*map(int, match.groups())))
    return found


def _fit(found: Sequence[LogSegment], end: int) -> bool:
    """Whether segments follow one another from byte 0 on up to `end`."""
    starts = [0, *(segment.end for segment in found)]
    placed = all(
        (segment.number, segment.start) == (k + 1, starts[k]) for k, segment in enumerate(found)
    )
    return placed and starts[-1] == end


def derive(log: str, count: int, end: int | None = None) -> list[LogSegment]:
    """The first `count` segments, read from their own tables of pages."""
    found: list[LogSegment] = []
    start = 0
    for number in range(1, count + 1):
        found.append(of_file(SegmentFile(file_of(log, number)), number, start))
        start = found[-1].end
    if end is not None and start != end:
        raise DamagedError(
            f"{log} begins at byte {end} of its log, and the {count} segments in {folder(log)} "
            f"end at byte {start}: they are not of this log, or one was exchanged; "
            "put copies of the right ones in their place"
        )
    return found


def of_file(file: SegmentFile, number: int, start: int) -> LogSegment:
    """A segment, as its own file says it."""
    if not len(file.sizes):
        raise damage(file.path, "it holds no page")
    last = file.page(len(file.sizes) - 1)
    frame = parse_frame(last[last.rfind(b"\n", 0, -1) + 1 :])
    if frame is None:
        raise damage(file.path, "its last line is no commit")
    return LogSegment(number, start, file.length, len(file.sizes), file.packed, frame.tick)


def write(disk: FileOps, log: str, found: Sequence[LogSegment]) -> None:
    """Put a manifest in the place of the one before."""
    rows = [json.dumps(segment._asdict(), separators=(",", ":")) for segment in found]
    save_new(disk, path(log), "".join(f"{row}\n" for row in rows).encode())
