"""Whether a log is what it says.

Touches an opened log and processes. Must not know: how a run appends.
"""
