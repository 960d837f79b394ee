"""What bytes are sealed with: Merkle trees, and the digest of a batch.

Touches nothing. Must not know: files, records, what is sealed.
"""

from __future__ import annotations

__all__ = ["batch_digest", "merkle"]
