"""Sealing beside the loop: where a segment ends, whatever is appended while that is asked."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from logs import GENESIS, Quick, append

from automaton.log import Log
from automaton.log.commit_table import CommitTable
from automaton.log.segments.compaction import segment_end
from automaton.run import background_sealing
from automaton.run.background_sealing import BackgroundSealing

LEAST = 2500  # bytes of a segment: three ticks


def test_ticks_that_are_appended_while_an_end_is_looked_for_do_not_pass_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GENESIS)
    with Log.open(path, write=True, disk=Quick()) as log:
        append(log, 1)
        answers: list[int | None] = []
        made, grown = Event(), Event()

        def slow(commits: CommitTable, start: int, least: int) -> int | None:
            """The answer, and then, once, eight ticks before anybody can use it."""
            end = segment_end(commits, start, least)
            if not answers:
                assert made.wait(60)
                for tick in range(2, 10):
                    append(log, tick)
                    sealing.request()
            answers.append(end)
            grown.set()
            return end

        monkeypatch.setattr(background_sealing, "segment_end", slow)
        sealing = BackgroundSealing(log, LEAST)
        made.set()
        assert grown.wait(60)
        sealing.close()
        assert answers[0] is None
        ends = log.commits.end
        for segment in log.segments:
            first = int(ends.searchsorted(segment.start + LEAST))
            assert segment.end == ends[first]
        assert len(log.segments) >= 2
