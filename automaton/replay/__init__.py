"""From the lines of a log back to its world.

Touches an opened log, read only. Must not know: appending, verdicts.
"""
