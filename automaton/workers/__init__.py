"""Who computes: threads, processes, shared memory, and how many of them.

Touches processes and the clock. Must not know: what is computed.
"""
