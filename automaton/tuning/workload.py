"""With what a log is measured: what it was run with, or what is given in its place.

Reads an opened log and looks at what stands beside it; measures nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automaton.format import stream_options
from automaton.format.options import Options
from automaton.log import Log
from automaton.log.side_files import archive
from automaton.replay.run_options import options_for


@dataclass(frozen=True)
class Workload:
    """The deciding options, bytes of the archive (0: none), and where the streams come from."""

    options: Options
    archive: int
    source: str

    @classmethod
    def of(cls, log: Log, given: Mapping[str, Any]) -> Workload:
        """A log's own setting with what is given in its place.

        A log that has no archive beside it though streams competed kept none.
        """
        options = options_for(log, given)
        ran = log.run is not None and log.run.options.get("streams", "none") != "none"
        kept = any(path.exists() for path in archive.paths(log.path))
        bound = archive.BOUND if options.streams != "none" and (kept or not ran) else 0
        never = "by default, as the log never ran"
        own = never if log.run is None else "as the log was run"
        return cls(options, bound, own if given.get("streams") is None else "as given")

    @property
    def streams(self) -> list[str]:
        """The names of the streams that compete; none without streams."""
        return [stream.name for stream in stream_options.parse_streams(self.options.streams)]

    def said(self) -> str:
        """In words, for people."""
        if not self.streams:
            return f"streams ({self.source}): none, one candidate a round"
        many = "1 candidate" if len(self.streams) == 1 else f"{len(self.streams)} candidates"
        kept = "with an archive" if self.archive else "without an archive"
        weighed = self.options.salience
        other = "" if weighed == stream_options.MIXTURE else f", salience {weighed}"
        names = ", ".join(self.streams)
        return f"streams ({self.source}): {names}{other}; {many} a round, {kept}"
