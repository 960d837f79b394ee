"""Which closed terms have a normal form, how large it is, and proofs for those that have none.

Touches nothing outside; certificates and figures leave as values. Must not know: logs, the
terminal.
"""

from __future__ import annotations

__all__ = ["busy_beaver"]
