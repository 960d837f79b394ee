"""One tick: who reacts, who wins, what moves, what enters.

Touches nothing outside. Must not know: files, clocks, processes.
"""
