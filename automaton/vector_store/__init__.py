"""Terms remembered by likeness.

Touches the network and processes. Must not know: what a run does with them.
"""
