"""What a soup has become: its collisions, and whether its terms keep each other alive.

Touches nothing outside but threads. Must not know: files, the terminal.
"""

from __future__ import annotations

__all__ = ["collision_table", "living_terms", "organisation"]
