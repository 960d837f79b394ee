"""The state machine that a log's definitions describe.

Touches nothing outside. Must not know: populations, backends, files.
"""
