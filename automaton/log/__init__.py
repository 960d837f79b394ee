"""The storage engine: one writer, many readers, nothing ever edited in place.

Touches the disk. Must not know: what lines mean to a run.
"""
