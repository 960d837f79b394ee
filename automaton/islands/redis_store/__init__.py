"""What islands leave on Redis servers: streams of an entry an epoch, and who reads them.

Touches the network and the clock. Must not know: which epoch is due, logs, processes.
"""

__all__ = ["redis_entries", "redis_logs", "redis_server", "redis_streams"]
