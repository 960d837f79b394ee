"""Copies of islands' logs that grow by pieces: on a shared disk, in an archive.

Touches the disk. Must not know: runs, networks, who waits for whom.
"""

__all__ = ["log_archive", "log_copy", "shared_place"]
