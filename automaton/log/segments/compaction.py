"""A log sealed in one go: as many segments as its bytes fill, then one switch.

Lives here: where segments end. Must not know: how they are written, who asks.
"""

from __future__ import annotations

import numpy as np

from automaton.log.commit_table import CommitTable
from automaton.log.file_io import FileOps
from automaton.log.segments import manifest
from automaton.log.segments.frames import THOROUGH
from automaton.log.segments.segment_reader import LogSegment
from automaton.log.segments.segmented_log import Log


def segment_end(commits: CommitTable, start: int, least: int) -> int | None:
    """Where a segment from byte `start` on ends: with the first commit after so many bytes."""
    ends = commits.end
    k = int(np.searchsorted(ends, start + least))
    return int(ends[k]) if k < len(ends) else None


def seal(log: Log, least: int) -> list[LogSegment]:
    """Seal all that stands in the active file up to the last commit; the segments.

    Ended at any point, the log is what it was.
    """
    made: list[LogSegment] = []
    start = log.active_start
    while len(log.commits) and start < log.size:
        writer = log.begin_segment(THOROUGH, made)
        try:
            for data in log.blocks(start, segment_end(log.commits, start, least) or log.size):
                writer.add(data)
            made.append(log.seal_segment(writer))
        finally:
            writer.abandon()
        start = made[-1].end
    if made:
        log.switch(log.draft_active(made))
    return made


def rebuild_manifest(log: Log) -> list[LogSegment]:
    """Write the manifest of an opened log anew, from the segments alone."""
    count = len(log.segments)
    found = manifest.derive(log.path, count, log.active_start)
    if count:
        manifest.write(FileOps(), log.path, found)
    return found
