"""The log with its segments: what is sealed moves behind the file that the log goes on in.

Lives here: beginning and sealing a segment, and the switch from one active file to the next.
Must not know: when that is due, how pages are compressed (`automaton.log.segments`).
"""

from __future__ import annotations

from collections.abc import Sequence

from automaton.log.file_io import lock
from automaton.log.segments import manifest
from automaton.log.segments.active_draft import ActiveDraft, copy, draft_active, drop
from automaton.log.segments.active_header import ActiveHeader
from automaton.log.segments.frames import Effort
from automaton.log.segments.segment_reader import LogSegment
from automaton.log.segments.segment_writer import SegmentWriter
from automaton.log.side_files.provenance import set_aside
from automaton.log.writer import LogWriter


class Log(LogWriter):
    """A log opened for reading, or by its one writer, which may seal segments of it."""

    def begin_segment(self, effort: Effort, behind: Sequence[LogSegment] = ()) -> SegmentWriter:
        """A writer of the segment that begins where the active file does, or behind others.

        `behind`: segments that were sealed since the log's last switch.
        """
        header = ActiveHeader.behind(behind or self._file.segments)
        try:
            return SegmentWriter(self._disk, self.path, header, effort)
        except OSError as error:
            raise self._refused(error, 0) from error

    def seal_segment(self, writer: SegmentWriter) -> LogSegment:
        """Have a segment durable under its name. The log goes on as it was; so do appends."""
        try:
            segment, notice = writer.seal(self._file)
        except OSError as error:
            raise self._refused(error, writer.packed) from error
        if notice:
            self._unsaid.append(notice)
        return segment

    def draft_active(self, sealed: Sequence[LogSegment]) -> ActiveDraft:
        """Write the active file that goes on behind newly sealed segments, to `switch` to it."""
        try:
            segments = (*self._file.segments, *sealed)
            self._unsaid += set_aside(self.path, [".next"])
            manifest.write(self._disk, self.path, segments)
            return draft_active(self._disk, self.path, segments, self._file, self.size)
        except OSError as error:
            raise self._refused(error, self.size - sealed[-1].end) from error

    def switch(self, draft: ActiveDraft) -> None:
        """Go on in another active file, behind segments that are sealed; between appends.

        The log's name leads to the one file or to the other, at any moment. Until it is
        renamed nothing has changed, and a failure leaves the log as it was.
        """
        try:
            self._see_own_end()
            copy(self._disk, draft.fd, self._file, draft.end, self.size)
            if self.durability != "off":
                self._disk.fdatasync(draft.fd)
            lock(draft.fd, self.path)
            self._see_own_end()
            self.look()
            with self._switching, self._looking:  # nobody looks at the name meanwhile, or syncs
                self._disk.rename(draft.path, self.path)
                self._file.exchange(draft.fd, draft.segments)
                if self._entry is not None:
                    self._entry.lead_to(draft.fd)
        except OSError as error:
            drop(self._disk, draft)
            raise self._refused(error, self.size - draft.end) from error
        except BaseException:
            drop(self._disk, draft)
            raise
        self._keep_name()

    def _keep_name(self) -> None:
        """Make durable that the log's name leads to the file that is written now."""
        try:
            self._disk.sync_folder(self.path)
        except OSError as error:  # after a power failure the name may lead to the file before
            self._broken = f"{self.path} could not be made durable: {error.strerror}"
            raise self._refused(error, 0) from error
        if self.durability != "off":
            self._note_durable(self._mark)
