"""A log of many files: sealed segments, compressed by the page, and the active file behind them.

To its readers a log stays one run of bytes, with the offsets that it has without
segments. docs/format.md has the files. Touches the disk. Must not know: what lines
mean, commits beyond the one that a segment ends with.
"""

__all__ = ["compaction", "frames", "log_file", "manifest", "segment_reader", "segment_writer"]
