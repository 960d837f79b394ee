"""Seals of files that other programs write: commits over their bytes, beside them.

Touches the files that are sealed, which it only reads, and their seals. Must not know: what
a line means, logs, keys, the terminal.
"""

from __future__ import annotations

__all__ = ["seal_check", "seal_follower", "seal_reader", "seal_subject", "seal_writer"]
