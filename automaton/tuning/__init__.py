"""Measuring runs, and what the measurements foretell.

Touches the clock and temporary files. Must not know: the terminal.
"""
