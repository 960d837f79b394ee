"""Searching for terms that solve a problem.

Touches threads. Must not know: files, the terminal.
"""
