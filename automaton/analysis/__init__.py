"""Read-only questions about a log.

Touches an opened log, read only. Must not know: appending, the terminal.
"""
