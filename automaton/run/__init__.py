"""The loop: snapshot, candidates, winners, one write.

Touches the clock and the gauges. Must not know: the terminal.
"""
