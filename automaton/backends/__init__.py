"""Where a tick's batch is computed.

Touches the choice of device. Must not know: who wins, files, the loop.
"""
