"""Ray, connected to: a cluster that others keep, or one of this program's own.

Touches the network, processes and signals, through Ray alone. Must not know: what is
computed there.
"""

from __future__ import annotations

__all__ = ["ray_cluster"]
