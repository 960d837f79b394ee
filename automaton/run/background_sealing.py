"""Seals segments of a log beside the loop: pages are compressed while later ticks are written.

Lives here: when a segment ends and when the log may switch to its next file. Must not
know: ticks, what a log holds, how segments are written.
"""

from __future__ import annotations

from threading import Condition, Thread

from automaton.errors import AutomatonError
from automaton.log import Log
from automaton.log.segments.active_draft import ActiveDraft
from automaton.log.segments.compaction import segment_end
from automaton.log.segments.frames import QUICK
from automaton.log.segments.segment_reader import LogSegment
from automaton.log.segments.segment_writer import SegmentWriter


class BackgroundSealing:
    """A thread that seals what the log has grown by, in segments of at least so many bytes.

    What is full when the run ends is sealed too, so that the files do not depend on the clock
    where the disk refuses nothing.

    A disk that refuses costs nothing but room: the log goes on in its active file, and
    sealing is tried again once that has grown by an eighth of a segment.
    """

    def __init__(self, log: Log, least: int) -> None:
        self._log, self._least = log, least
        self._changed = Condition()
        self._until = log.size if len(log.commits) else 0
        self._not_before = 0  # bytes of the log, after a failure
        self._ended = False
        self._draft: ActiveDraft | None = None
        self._error: BaseException | None = None
        self._troubles: list[str] = []
        self._thread = Thread(target=self._serve, name="segments", daemon=True)
        self._thread.start()

    def request(self) -> None:
        """Something was appended; raises what is no refusal of the disk, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error
        with self._changed:
            self._until = self._log.size
            self._changed.notify_all()

    def switch(self) -> None:
        """Have the log go on in its next file if that is due; in the thread that appends."""
        with self._changed:
            draft = self._draft
        if draft is None:
            return
        try:
            self._log.switch(draft)
        except AutomatonError as error:
            self._refuse(error)
        with self._changed:
            self._draft = None
            self._changed.notify_all()

    def troubles(self) -> list[str]:
        """What was refused since this was asked last."""
        with self._changed:
            said, self._troubles = self._troubles, []
        return said

    def _refuse(self, error: AutomatonError) -> None:
        with self._changed:
            self._not_before = self._log.size + self._least // 8
            self._troubles.append(f"no segment was sealed, and the log goes on without: {error}")

    def _serve(self) -> None:
        """Seal what becomes full; once the run has ended, what is full already."""
        try:
            while self._wait(self._log.active_start):
                if not self._advance():
                    return
        except BaseException as error:  # noqa: BLE001  # raised where the loop looks
            self._error = error

    def _advance(self) -> bool:
        """Seal what is full, and hand over the file to go on in; False at the end of the run."""
        try:
            sealed = self._seal_all()
            draft = self._log.draft_active(sealed) if sealed else None
        except AutomatonError as error:
            self._refuse(error)
            return True
        with self._changed:
            self._draft = draft
            self._changed.wait_for(lambda: self._draft is None or self._ended)
            return not self._ended

    def _wait(self, done: int) -> bool:
        """Wait until the log goes on behind a byte; False where the run ends before."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._goes_on(done))
            return self._goes_on(done)

    def _goes_on(self, done: int) -> bool:
        return self._until > max(done, self._not_before - 1)

    def _seal_all(self) -> list[LogSegment]:
        """The segments that are full: one at least, but at the end of the run."""
        sealed: list[LogSegment] = []
        while not sealed or self._end_from(sealed[-1].end) is not None:
            writer = self._log.begin_segment(QUICK, sealed)
            try:
                if not self._fill(writer):
                    break
                sealed.append(self._log.seal_segment(writer))
            finally:
                writer.abandon()
        return sealed

    def _fill(self, writer: SegmentWriter) -> bool:
        """Give a segment its bytes as they are written; False where the run ends before."""
        while self._wait(writer.end):
            until = self._until  # before it is asked for an end: what is written since may pass it
            end = self._end_from(writer.start)
            if end is None and self._ended:
                break
            for data in self._log.blocks(writer.end, end or until):
                writer.add(data)
            if writer.end == end:
                return True
        return False

    def _end_from(self, start: int) -> int | None:
        return segment_end(self._log.commits, start, self._least)

    def close(self) -> None:
        """Seal what is full, and end the thread; the next run begins the rest anew."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join()
        while self._draft is not None:
            self.switch()
            self._serve()
        if self._error is not None:
            raise self._error
